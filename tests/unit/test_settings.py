"""Settings: every source is merged in order, and a wrong value costs a sentence, not the session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from codeslm_lsp.cli.main import app
from codeslm_lsp.settings import Settings, Source, environment_source, project_source, resolve


def test_every_setting_has_a_default_and_a_description() -> None:
    def check(table: type[Any]) -> None:
        for name, field in table.model_fields.items():
            assert not field.is_required(), name
            if hasattr(field.annotation, "model_fields"):
                check(field.annotation)
            else:
                assert field.description, name

    check(Settings)


def test_numbers_have_units() -> None:
    schema = Settings.model_json_schema()
    for table in schema["$defs"].values():
        for name, field in table["properties"].items():
            if field.get("type") == "integer":
                assert field.get("unit"), name


def test_later_sources_win() -> None:
    settings, problems = resolve(
        [
            Source("file", {"completion": {"max_tokens": 10, "menu": True}}),
            Source("client", {"completion": {"maxTokens": 20}}),
        ]
    )
    assert (settings.completion.max_tokens, settings.completion.menu, problems) == (20, True, ())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"completion": {"max_tokens": "many"}}, "'completion.max_tokens' in test was ignored"),
        ({"completion": {"max_tokens": 0}}, "greater than or equal to 1"),
        ({"completion": {"max_tokens": True}}, "the default 96 is used"),
        ({"completion": 3}, "'completion' in test was ignored"),
        ({"completion": {"enabled": 1}}, "'completion.enabled' in test"),
        ({"completion": {"disabled_languages": [1]}}, "'completion.disabled_languages' in test"),
        ({"completion": {"multiline": "sometimes"}}, "'completion.multiline' in test"),
        ({"prompt": {"suffix_share": 2.0}}, "'prompt.suffix_share' in test"),
        ({"modle": "x"}, "'modle' in test does not exist"),
        ({"model": None}, "'model' in test was ignored"),
    ],
)
def test_a_wrong_value_is_told_and_its_default_holds(options: dict[str, Any], said: str) -> None:
    settings, problems = resolve([Source("test", options)])
    assert settings == Settings()
    assert len(problems) == 1
    assert said in problems[0]
    assert problems[0].endswith(".")


def test_a_language_has_values_of_its_own() -> None:
    own = {"completion": {"maxTokens": 40}, "prompt": {"suffix_share": 0.5}}
    settings, problems = resolve(
        [
            Source("user", {"completion": {"max_tokens": 20, "enabled": False}, "languages": {"python": own}}),
            Source("project", {"languages": {"python": {"completion": {"enabled": True}}}}, trusted=False),
        ]
    )
    python = settings.for_language("python")
    assert not problems
    assert (python.completion.max_tokens, python.completion.enabled, python.prompt.suffix_share) == (40, True, 0.5)
    assert python.engine == settings.engine
    assert settings.for_language("go") is settings


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"completion": {"max_tokens": 0}}, "the value for all languages is used."),
        ({"completion": {"menu": True}}, "'languages.go.completion.menu' in test does not exist"),
        ({"engine": {"threads": 2}}, "'languages.go.engine' in test does not exist"),
        (3, "'languages.go' in test was ignored"),
    ],
)
def test_a_wrong_value_for_a_language_costs_only_itself(own: Any, said: str) -> None:
    given = {"go": own, "python": {"completion": {"max_tokens": 40}}}
    settings, problems = resolve([Source("test", {"languages": given})])
    assert [said in problem for problem in problems] == [True]
    assert settings.for_language("python").completion.max_tokens == 40
    assert settings.for_language("go").completion == settings.completion


def test_one_wrong_value_keeps_its_neighbours() -> None:
    settings, problems = resolve(
        [Source("test", {"completion": {"max_tokens": -1, "menu": True}, "engine": {"threads": 3}})]
    )
    assert (settings.completion.menu, settings.engine.threads, len(problems)) == (True, 3, 1)


def test_the_environment_is_read_by_type() -> None:
    source = environment_source(
        {
            "CODESLM_COMPLETION__MAX_TOKENS": "12",
            "CODESLM_LANGUAGES__GO__COMPLETION__CONFIDENCE": "strict",
            "CODESLM_COMPLETION__MENU": "true",
            "CODESLM_COMPLETION__DISABLED_LANGUAGES": '["markdown"]',
            "CODESLM_MODEL": "123",
            "CODESLM_MODELS_DIR": "/somewhere",
            "PATH": "/bin",
        }
    )
    assert source is not None
    settings, problems = resolve([source])
    assert problems == ()
    assert (settings.completion.max_tokens, settings.completion.menu, settings.model) == (12, True, "123")
    assert settings.completion.disabled_languages == ("markdown",)


def test_no_variables_no_source() -> None:
    assert environment_source({"PATH": "/bin"}) is None


def test_a_project_may_not_choose_what_runs_here(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.codeslm]\nmodel = "./evil.gguf"\n'
        "[tool.codeslm.engine]\nthreads = 99\n"
        "[tool.codeslm.completion]\nmax_tokens = 7\n"
    )
    source, problems = project_source(tmp_path)
    assert source is not None
    assert problems == ()
    settings, problems = resolve([source])
    assert (settings.model, settings.engine.threads, settings.completion.max_tokens) == ("", 0, 7)
    assert len(problems) == 2


@pytest.mark.parametrize(
    ("index", "enabled", "n_problems"),
    [
        ({"enabled": False}, False, 0),
        ({"enabled": True}, True, 1),
        ({"max_files": 5}, True, 1),
        ({"enabled": False, "maxFiles": 5}, False, 1),
    ],
)
def test_a_project_may_only_switch_the_index_off(index: dict[str, Any], enabled: bool, n_problems: int) -> None:
    settings, problems = resolve([Source("the project", {"index": index}, trusted=False)])
    assert (settings.index.enabled, settings.index.max_files) == (enabled, 20_000)
    assert len(problems) == n_problems


@pytest.mark.parametrize("text", ["[tool.codeslm\n", "[tool]\ncodeslm = 3\n"])
def test_a_broken_project_file_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    source, problems = project_source(tmp_path)
    assert source is None
    assert len(problems) == 1
    assert str(tmp_path) in problems[0]


def test_a_projects_file_names_no_other_model_by_a_path() -> None:
    project = {"commands": {"model": "../evil.gguf", "max_tokens": 200}}
    settings, problems = resolve([Source("the project", project, trusted=False)])
    assert (settings.commands.model, settings.commands.max_tokens) == ("", 200)
    assert problems == (
        "The setting 'commands.model' in the project may only name a catalogue model; its path was ignored.",
    )
    assert resolve([Source("the project", {"commands": {"model": "1.5b"}}, trusted=False)])[0].commands.model == "1.5b"


def test_the_schema_has_every_setting_with_its_limits_and_unit() -> None:
    """``codeslm config schema``, from which editors make their forms."""
    said = CliRunner().invoke(app, ["config", "schema"], catch_exceptions=False)
    schema = json.loads(said.stdout)
    for name, field in Settings.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            own = schema["$defs"][schema["properties"][name]["$ref"].rpartition("/")[2]]
            assert own["properties"].keys() == annotation.model_fields.keys()
            assert all(each["description"] and "default" in each for each in own["properties"].values())
    budget = schema["$defs"]["CompletionSettings"]["properties"]["time_budget_ms"]
    assert (budget["minimum"], budget["maximum"], budget["unit"]) == (50, 120_000, "ms")
