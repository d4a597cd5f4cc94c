"""``codeslm config``: the user's own file is read, shown with the others, and written without losing anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from codeslm_lsp.cli.main import app
from codeslm_lsp.settings import origins, project_source, resolve, sources_here, user_source
from codeslm_lsp.values import InputError


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that sets something, in which the commands are run."""
    (tmp_path / "pyproject.toml").write_text(
        "[tool.codeslm.completion]\nmax_tokens = 30\nconfidence = 'strict'\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["config", *arguments], catch_exceptions=False)


def test_each_value_and_where_it_comes_from(
    user_settings: Path, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_settings.write_text('model = "mine"\n[completion]\nmax_tokens = 20\nalternatives = 1\n', encoding="utf-8")
    monkeypatch.setenv("CODESLM_COMPLETION__CONFIDENCE", "eager")
    shown = json.loads(config("show", "--json").stdout)
    pyproject = f"{project / 'pyproject.toml'} [tool.codeslm]"
    assert shown["model"] == {"value": "mine", "from": str(user_settings)}
    assert shown["completion.alternatives"] == {"value": 1, "from": str(user_settings)}
    assert shown["completion.max_tokens"] == {"value": 30, "from": pyproject}
    assert shown["completion.confidence"] == {"value": "eager", "from": "the environment"}
    assert shown["engine.threads"] == {"value": 0, "from": "defaults"}
    changed = json.loads(config("show", "--json", "--changed").stdout)
    assert set(changed) == {"model", *(f"completion.{each}" for each in ("alternatives", "max_tokens", "confidence"))}
    sources, problems = sources_here(project)
    assert problems == ()
    assert resolve(sources)[0].completion.max_tokens == 30


def test_the_table_for_people(user_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = config("show").stdout.splitlines()
    assert any(line.split()[:3] == ["completion.enabled", "true", "defaults"] for line in lines)
    assert lines[-1] == f"Your own file: {user_settings}"
    assert config("path").stdout.strip() == str(user_settings)
    monkeypatch.chdir("/")
    assert "Nothing is set here" in config("show", "--changed").stdout


def test_setting_and_unsetting_leave_the_rest_of_the_file_as_it_is(user_settings: Path) -> None:
    config("set", "completion.max_tokens", "40")
    user_settings.write_text("# mine\n" + user_settings.read_text(encoding="utf-8"), encoding="utf-8")
    config("set", "completion.disabled_languages", '["go", "markdown"]')
    config("set", "model", "1.5b")
    text = user_settings.read_text(encoding="utf-8")
    assert text.startswith("# mine\n")
    source, problems = user_source()
    assert (source is not None, problems) == (True, ())
    assert source is not None
    assert source.options == {
        "model": "1.5b",
        "completion": {"max_tokens": 40, "disabled_languages": ["go", "markdown"]},
    }
    config("unset", "completion.max_tokens")
    config("unset", "engine.threads")
    assert "max_tokens" not in user_settings.read_text(encoding="utf-8")
    assert "# mine" in user_settings.read_text(encoding="utf-8")


def test_a_new_file_names_the_schema_by_which_editors_complete_it(user_settings: Path) -> None:
    config("set", "completion.max_tokens", "40")
    first = user_settings.read_text(encoding="utf-8").splitlines()[0]
    schema = user_settings.parent / first.removeprefix("#:schema ")
    assert json.loads(schema.read_text(encoding="utf-8")) == json.loads(config("schema").stdout)


def test_a_setting_of_one_language(user_settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    config("set", "languages.go.completion.confidence", "strict")
    shown = json.loads(config("show", "--json", "--changed").stdout)
    assert shown == {"languages.go.completion.confidence": {"value": "strict", "from": str(user_settings)}}
    config("unset", "languages.go.completion.confidence")
    assert json.loads(config("show", "--json", "--changed").stdout) == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["set", "max_tokens", "4"], "no setting 'max_tokens'; did you mean completion.max_tokens?"),
        (["set", "colour", "red"], "no setting 'colour'; `codeslm config show` lists all."),
        (["set", "completion.max_tokens", "lots"], "was not set: input should be a valid integer."),
        (["set", "completion.max_tokens", "0"], "was not set: input should be greater than or equal to 1."),
        (["unset", "completion"], "no setting 'completion'"),
        (["set", "languages.go.completion.menu", "true"], "no setting 'languages.go.completion.menu'"),
        (["set", "languages.go.prompt.max_tokens", "3"], "was not set: input should be greater than or equal to 64."),
    ],
)
def test_what_cannot_be_set_is_told_and_changes_nothing(user_settings: Path, arguments: list[str], said: str) -> None:
    with pytest.raises(InputError) as error:
        config(*arguments)
    assert said in str(error.value)
    assert not user_settings.exists()


def test_a_file_that_is_not_toml_is_told_and_not_written_over(user_settings: Path) -> None:
    user_settings.write_text("model = \n", encoding="utf-8")
    source, [problem] = user_source()
    assert source is None
    assert problem.startswith(f"Settings in {user_settings} were ignored because the file cannot be read")
    with pytest.raises(InputError, match="correct it, or delete it"):
        config("set", "model", "1.5b")
    assert user_settings.read_text(encoding="utf-8") == "model = \n"


def test_the_user_may_set_what_a_project_may_not(user_settings: Path, project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.codeslm.engine]\nthreads = 3\n", encoding="utf-8")
    config("set", "engine.threads", "2")
    sources, _ = sources_here(project)
    assert origins(sources)["engine.threads"] == (2, str(user_settings))
    theirs, _ = project_source(project)
    assert theirs is not None
    assert origins([theirs])["engine.threads"] == (0, "defaults")
