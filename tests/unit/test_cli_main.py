"""``codeslm`` as a user starts it: a process with exit codes, and one sentence for whatever goes wrong."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from codeslm_lsp import __version__
from codeslm_lsp.cli.complete import _show
from codeslm_lsp.cli.main import main
from codeslm_lsp.values import Completion, Document, Report, Skip, SkipReason, Trigger

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs ``codeslm`` in a folder of its own that holds ``good.py``, with an empty store of models."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._capsys = capsys
        self._monkeypatch = monkeypatch
        (folder / "good.py").write_text("x = 1\n")
        (folder / "binary.py").write_bytes(b"\0\1")
        (folder / "latin.py").write_bytes(b"\xe9")
        (folder / "empty.py").write_text("\n")
        (folder / "huge.py").write_text("x = 1\n" * 1_000_000)
        (folder / "folder.py").mkdir()
        (folder / "damaged.gguf").write_bytes(b"GGUF and nothing else")
        for name in [name for name in os.environ if name.startswith("CODESLM_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("CODESLM_CONFIG", str(folder / "config.toml"))
        monkeypatch.setenv("CODESLM_MODELS_DIR", str(folder / "models"))
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("COLUMNS", "200")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.chdir(folder)

    def run(self, *arguments: str) -> Done:
        """``main`` in this process, which is what the console script calls."""
        self._monkeypatch.setattr(sys, "argv", ["codeslm", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    def start(self, *arguments: str) -> Done:
        """A process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "codeslm_lsp.cli", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


def check_sentence(done: Done, words: str) -> None:
    """Exit code 2, nothing on standard output, and on standard error exactly one line: a sentence."""
    assert "Traceback" not in done.err
    assert (done.code, done.out) == (2, "")
    [line] = done.err.splitlines()
    assert words in line
    assert line.endswith(".")


WRONG = [
    # The place.
    (("complete", "good.py"), "FILE:LINE:COLUMN"),
    (("complete", "good.py:1"), "'good.py:1' is not of that form"),
    (("complete", "good.py:9:1"), "Line 9 is outside the file"),
    (("complete", "good.py:1:99"), "Column 99 is outside line 1"),
    # The file.
    (("complete", "missing.py:1:1"), "missing.py does not exist"),
    (("complete", "folder.py:1:1"), "folder.py is not a file"),
    (("complete", "binary.py:1:1"), "binary.py is a binary file"),
    (("complete", "latin.py:1:1"), "latin.py is not UTF-8"),
    (("complete", "empty.py:1:1"), "empty.py: The file is empty"),
    (("complete", "huge.py:1:1"), "huge.py: The file has 6,000,000 characters"),
    (("complete", "[b]missing[/b].py:1:1"), "[b]missing[/b].py does not exist"),
    # The model.
    (("--model", "nonsense", "complete", "good.py:1:1"), "There is no model 'nonsense'"),
    (("--model", "0.5b", "complete", "good.py:1:1"), "codeslm models pull qwen2.5-coder-0.5b"),
    (("--model", "missing.gguf", "complete", "good.py:1:1"), "There is no model 'missing.gguf'"),
    (("--model", "damaged.gguf", "complete", "good.py:1:1"), "damaged.gguf"),
    (("--model", "[/red]", "complete", "good.py:1:1"), "There is no model '[/red]'"),
    (("models", "path", "nonsense"), "There is no model 'nonsense'"),
    (("models", "path", "0.5b"), "is not on this machine"),
    (("models", "pull", "nonsense"), "nonsense"),
    (("models", "pull", "0.5b", "--from", "good.py", "--source", "hf"), "exclude each other"),
    # The server.
    (("serve", "--tcp", "0.0.0.0:1"), "0.0.0.0 is not a loopback address"),
    (("serve", "--tcp", "[::]:1"), ":: is not a loopback address"),
    (("serve", "--tcp", "192.168.0.1:9257"), "192.168.0.1 is not a loopback address"),
    (("serve", "--tcp", "127.0.0.1"), "HOST:PORT"),
    (("serve", "--tcp", "127.0.0.1:"), "HOST:PORT"),
    (("serve", "--tcp", "example.org:80"), "HOST:PORT"),
    (("serve", "--tcp", "127.0.0.1:port"), "HOST:PORT"),
    # The benchmark.
    (("eval", "--set", "missing.jsonl.gz"), "missing.jsonl.gz cannot be read"),
    (("eval", "--set", "good.py"), "good.py cannot be read"),
    (("eval", "--set", "good.py", "--arms", "ours,theirs"), "There is no arm 'theirs'"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_what_is_wrong_is_said_in_one_sentence(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    check_sentence(shell.run(*arguments), words)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_port_that_is_taken(shell: Shell, taken_port: int) -> None:
    check_sentence(shell.start("serve", "--tcp", f"127.0.0.1:{taken_port}"), str(taken_port))


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_cannot_be(shell: Shell, port: str) -> None:
    check_sentence(shell.start("serve", "--tcp", f"127.0.0.1:{port}"), port)


def test_the_same_in_a_process_of_its_own(shell: Shell) -> None:
    check_sentence(shell.start("complete", "missing.py:1:1"), "missing.py does not exist")
    assert shell.start("--version") == Done(0, f"codeslm {__version__}\n", "")


USAGE = [
    (("complete",), "Missing argument"),
    (("complete", "good.py:1:1", "--jsn"), "No such option"),
    (("nonsense",), "No such command"),
    (("eval", "--set", "x.gz", "--n", "-1"), "--n"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE)
def test_wrong_usage_is_explained(shell: Shell, arguments: tuple[str, ...], words: str) -> None:
    done = shell.run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err


SETTINGS = [
    ("CODESLM_COMPLETION__MAX_TOKENS", "many", "'completion.max_tokens' in the environment was ignored"),
    ("CODESLM_COMPLETION__MAX_TOKENS", "-5", "'completion.max_tokens' in the environment was ignored"),
    ("CODESLM_ENGINE", "3", "'engine' in the environment was ignored"),
    ("CODESLM_UNHEARD__OF", "1", "'unheard' in the environment does not exist"),
    ("CODESLM_[/X]", "1", "'[/x]' in the environment does not exist"),
]


@pytest.mark.parametrize(("variable", "value", "words"), SETTINGS)
def test_a_wrong_setting_is_a_warning_and_stops_nothing(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, words: str
) -> None:
    monkeypatch.setenv(variable, value)
    done = shell.run("models", "list", "--json")
    assert (done.code, done.out[:1]) == (0, "[")
    [line] = done.err.splitlines()
    assert words in line


def test_wrong_settings_of_the_folder_are_warnings_too(shell: Shell) -> None:
    (shell.folder / "pyproject.toml").write_text("[tool.codeslm.completion]\nmax_tokens = 'many'\n")
    done = shell.run("models", "list", "--json")
    assert done.code == 0
    assert "'completion.max_tokens'" in done.err
    (shell.folder / "pyproject.toml").write_text("[tool.codeslm\n")
    done = shell.run("models", "list", "--json")
    assert done.code == 0
    assert "cannot be read" in done.err


def test_the_version(shell: Shell) -> None:
    done = shell.run("--version")
    assert done == Done(0, f"codeslm {__version__}\n", "")


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_the_help_names_every_command(shell: Shell, option: str) -> None:
    done = shell.run(option)
    assert (done.code, done.err) == (0, "")
    for command in ("complete", "serve", "models", "eval", "--model", "--version"):
        assert command in done.out
    assert "FILE:LINE:COLUMN" in shell.run("complete", option).out


def test_without_a_command_the_help_is_shown(shell: Shell) -> None:
    done = shell.run()
    assert done.code in (0, 2)
    assert "Usage" in done.out + done.err
    assert "complete" in done.out + done.err


# --- What is shown -----------------------------------------------------------------------------------------------


def shown(capsys: pytest.CaptureFixture[str], outcome: Completion | Skip, text: str, name: str) -> list[str]:
    document = Document(f"file:///{name}", name, "", 0, text)
    _show(Report(outcome, Trigger.INVOKED, model="tiny"), document, Path(name))
    return capsys.readouterr().out.splitlines()


def test_the_inserted_text_is_marked_among_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(f"line {number}\n" for number in range(1, 20)) + "x = \nlast\n"
    at = text.index("x = ") + 4
    lines = shown(capsys, Completion("[b]\n[/c]", at, at, 0.9), text, "a.py")
    assert lines[0] == "   14  line 14"
    assert lines[6:9] == ["   20  x = ⟦[b]", "   21  [/c]⟧", "   22  last"]
    assert lines[-1].startswith("a.py: ")
    assert lines[-1].endswith("model tiny")


def test_brackets_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Routes of web frameworks are files such as ``[slug].tsx``."""
    skip = Skip(SkipReason.BLANK, "Nothing comes behind [red]these[/blue] words.")
    lines = shown(capsys, skip, "x", "[slug].tsx")
    assert "[red]these[/blue]" in lines[0]
    assert lines[-1].startswith("[slug].tsx: ")
