"""Every command is there in the shell as well as over LSP, and refuses what it cannot use in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer import Context

from codeslm_lsp.cli.lazy import COMMANDS as IN_THE_SHELL
from codeslm_lsp.cli.main import app, main
from codeslm_lsp.reasoning.run import COMMANDS


def test_the_shell_has_every_command() -> None:
    others = {"allow", "complete", "editors", "eval", "models", "bench", "config", "doctor", "stats", "reference"}
    assert set(IN_THE_SHELL) == {*COMMANDS, *others}


@pytest.mark.parametrize("name", IN_THE_SHELL)
def test_a_command_is_there_once_it_is_asked_for(name: str) -> None:
    group = typer.main.get_group(app)
    command = group.get_command(Context(group), name)
    assert command is not None
    assert (command.name, bool(command.help)) == (name, True)


def test_the_server_waits_for_no_other_command() -> None:
    code = (
        "import sys; from codeslm_lsp.cli.main import main; from codeslm_lsp.lsp.server import build_server; "
        "print(*[name for name in sys.modules if name.startswith(('codeslm_lsp.evaluation', 'codeslm_lsp.cli.c'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simplify", "a.py:1", "--examples", "99999999"], "from 1 to"),
        (["implement", "a.py:2"], "Nothing is missing here"),
        (["types", "a.py:5"], "no Python function here"),
        (["name", "a.py:2:12", "--choose", "list"], "hide a builtin"),
        (["name", "a.py:9"], "outside the file"),
        (["complexity", "b.py:1"], "does not exist"),
        (["translate", "a.py:1", "--to", "klingon"], "Say into which language"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.py").write_text("def f(number):\n    return number\n\n\nx = 1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(sys, "argv", ["codeslm", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_renaming_is_written_where_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.py"
    file.write_bytes("\ufeffdef f(größe):\r\n    return größe\r\n".encode())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["codeslm", "name", "a.py:2:12", "--choose", "size", "--apply"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert file.read_bytes() == "\ufeffdef f(size):\r\n    return size\r\n".encode()
    assert "cross-checked" in capsys.readouterr().out
