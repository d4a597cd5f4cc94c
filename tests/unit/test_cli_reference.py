"""``codeslm reference``: nothing that can be typed or set is missing, and what it says of files is where they are."""

from __future__ import annotations

import ast
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from rich.console import Console
from rich.markdown import Markdown
from typer.testing import CliRunner

from codeslm_lsp.cli.lazy import COMMANDS
from codeslm_lsp.cli.main import app
from codeslm_lsp.cli.page import Block, Code, Heading, Paragraph, Term, as_man, as_markdown
from codeslm_lsp.cli.reference import FILES
from codeslm_lsp.settings import Settings, origins

PACKAGE = Path(__file__).parents[2] / "codeslm_lsp"


def printed(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["reference", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.fixture(scope="module")
def markdown() -> str:
    return printed()


@pytest.fixture(scope="module")
def man() -> str:
    return printed("--man")


def paths(group: object, context: typer.Context, before: str = "codeslm") -> Iterator[tuple[str, object]]:
    """All commands that do something, by what is typed."""
    for name in group.list_commands(context):  # type: ignore[attr-defined]
        command = group.get_command(context, name)  # type: ignore[attr-defined]
        if hasattr(command, "list_commands"):
            yield from paths(command, typer.Context(command, parent=context), f"{before} {name}")
        else:
            yield f"{before} {name}", command


def section(markdown: str, heading: str) -> str:
    found = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^##|\Z)", markdown, re.DOTALL | re.MULTILINE)
    assert found, heading
    return found[1]


def test_every_command_is_there_with_all_that_it_takes(markdown: str) -> None:
    root = typer.main.get_command(app)
    found = dict(paths(root, typer.Context(root)))
    assert {path.split()[1] for path in found} == {"serve", *COMMANDS}
    assert re.findall(r"^### (codeslm .*)", markdown, re.MULTILINE) == list(found)
    for path, command in found.items():
        said = section(markdown, path)
        assert f"```\n{path} " in said
        for parameter in command.params:  # type: ignore[attr-defined]
            if not parameter.hidden:
                option = max(parameter.opts, key=len) if parameter.param_type_name == "option" else parameter.metavar
                assert re.search(rf"^- `[^`]*{re.escape(option)}(?![\w-])[^`]*`: \S", said, re.MULTILINE), (
                    path,
                    option,
                )


def test_every_command_and_option_is_explained() -> None:
    """In a sentence that ends; help without one is what a stranger cannot use."""
    root = typer.main.get_command(app)
    for path, command in paths(root, typer.Context(root)):
        assert command.help.rstrip().endswith("."), path  # type: ignore[attr-defined]
        for parameter in command.params:  # type: ignore[attr-defined]
            if not parameter.hidden:
                assert parameter.help.endswith("."), (path, parameter.name)
                assert parameter.metavar or parameter.param_type_name == "option", (path, parameter.name)


def test_every_setting_is_there_with_default_unit_and_limits(markdown: str) -> None:
    for key in origins([]):
        assert markdown.count(f"- `{key}`: ") == 1
    assert Settings().completion.max_tokens == 96
    assert "\n- `completion.max_tokens`: The most tokens" in markdown
    assert "(`96` tokens by default; at least 1; at most 1,024)" in markdown
    assert '(`"auto"` by default; one of `"auto"`, `"never"`)' in markdown


def test_every_variable_that_is_read_is_there(markdown: str) -> None:
    read = {
        node.value
        for path in PACKAGE.rglob("*.py")
        if path.name not in {"settings.py", "reference.py"}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"(CODESLM|HF|PIP|XDG)_[A-Z_]+|VIRTUAL_ENV", node.value)
    }
    assert read >= {"CODESLM_MODELS_DIR", "CODESLM_USAGE_DIR", "HF_ENDPOINT", "XDG_RUNTIME_DIR"}
    ours = {"HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "PIP_RETRIES"}  # set by us, for the libraries
    standard = {"XDG_CONFIG_HOME", "XDG_CACHE_HOME"}  # which move folders of all programs alike
    for name in (read | {"CODESLM_CONFIG"}) - ours - standard:
        assert f"`{name}`" in markdown


SAY_PLACES = """
from codeslm_lsp.engine.sequence_folder import sequences_dir
from codeslm_lsp.engine.tuning import _folder
from codeslm_lsp.models.store import open_store
from codeslm_lsp.sandbox.consent import user_consents
from codeslm_lsp.serving.key import key_file
from codeslm_lsp.settings import user_file
from codeslm_lsp.usage.journal import usage_file
from codeslm_lsp.workspace.places import index_dir

print(user_file(), key_file(), open_store().root, usage_file(), user_consents().root, sep="\\n")
print(index_dir(), sequences_dir(), _folder(), sep="\\n")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the page shows the folders of Linux")
def test_files_are_where_the_page_says(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CODESLM_", "XDG_"))}
    done = subprocess.run(
        [sys.executable, "-c", SAY_PLACES],
        env={**kept, "HOME": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = [name for name in FILES if name.startswith("~")]
    assert [line.replace(str(tmp_path), "~") for line in done.stdout.splitlines()] == said


def test_nothing_of_the_machine_is_on_it(markdown: str, man: str) -> None:
    for page in (markdown, man):
        for own in (str(Path.home()), str(Path.cwd()), os.environ["CODESLM_CONFIG"], str(PACKAGE.parent)):
            assert f"{own}/" not in page.replace("\\-", "-")


def test_it_renders_as_markdown(markdown: str) -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(Markdown(markdown))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert '["*.min.js", "generated/"]' in " ".join(shown.split())
    assert "\\" not in shown.replace("%LOCALAPPDATA%\\codeslm", "")


def test_it_is_a_man_page(man: str) -> None:
    """Every line is a request of man(7) or text; groff itself, where it is installed, has nothing to warn of."""
    assert man.startswith('.TH CODESLM 1 "" "codeslm ')
    assert {line.split()[0] for line in man.splitlines() if line[0] in ".'"} <= {
        *(".TH", ".SH", ".SS", ".PP", ".TP", ".RS", ".RE", ".nf", ".fi"),
    }
    assert man.count("\n.RS ") == man.count("\n.RE\n") == man.count("\n.nf\n") == man.count("\n.fi\n") > 0
    for heading in ("NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "SETTINGS", "ENVIRONMENT", "FILES", "EXIT STATUS"):
        assert re.search(rf'^\.SH "?{heading}"?$', man, re.MULTILINE)
    if groff := shutil.which("groff"):
        done = subprocess.run(
            [groff, "-man", "-Tutf8", "-ww", "-P-c"], input=man, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        plain = re.sub(".\x08", "", done.stdout)
        assert "codeslm models pull [OPTIONS] [NAME]" in plain
        assert "completion.max_tokens" in plain


AWKWARD: list[Block] = [
    Heading(1, 'A "chapter"'),
    Paragraph("Star * and <angle>, back\\slash, _word_, snake_case, [x](y) and `--literal 'x'`."),
    Code(".dot -x"),
    Term(".codeslmignore", "'quoted' first…"),
    Term("--bare", ""),
]


def test_signs_are_shown_as_they_are() -> None:
    assert as_markdown("t", "s", AWKWARD) == (
        '# t\n\ns\n\n## A "chapter"\n\n'
        "Star \\* and \\<angle>, back\\\\slash, \\_word\\_, snake_case, [x\\](y) and `--literal 'x'`.\n\n"
        "```\n.dot -x\n```\n\n- `.codeslmignore`: 'quoted' first…\n- `--bare`\n"
    )
    assert as_man("t", "1", "s", AWKWARD) == (
        '.TH T 1 "" "t 1"\n.SH NAME\nt \\- s\n.SH "A \\(dqCHAPTER\\(dq"\n.PP\n'
        "Star * and <angle>, back\\eslash, _word_, snake_case, [x](y) and \\fB\\-\\-literal \\(aqx\\(aq\\fR.\n"
        ".PP\n.RS 4\n.nf\n\\&.dot \\-x\n.fi\n.RE\n.TP\n\\fB.codeslmignore\\fR\n\\&'quoted' first\\[u2026]\n"
        ".TP\n\\fB\\-\\-bare\\fR\n"
    )
