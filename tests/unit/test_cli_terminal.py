"""What a real terminal and real shells get: no escape sequences where none are wanted, and completion that works."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("codeslm")

PRINTING = [
    ("--help",),
    ("models", "list"),
    ("models", "info", "1.5b"),
    ("config", "show"),
    ("doctor", "--help"),
    ("stats",),
    ("models", "path", "nonsense"),
    ("nonsense",),
]
"""Tables, lists, help, an error of ours and one of the command line."""


@pytest.fixture(autouse=True)
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESLM_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("PATH", f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("NO_COLOR", raising=False)


def in_a_terminal(*arguments: str, **environment: str) -> str:
    """What a terminal of 100 columns is sent, standard error included."""
    ours, theirs = pty.openpty()
    shown = b""
    with subprocess.Popen(
        [PROGRAM, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment},
    ):
        os.close(theirs)
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    return shown.decode()


def _read(terminal: int) -> bytes:
    """The next bytes; none at the end, which Linux tells as an error."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_without_colours_a_terminal_gets_bare_text(arguments: tuple[str, ...]) -> None:
    shown = in_a_terminal(*arguments, NO_COLOR="1")
    assert len(shown) > 50
    assert "\x1b" not in shown


def test_a_terminal_that_may_be_coloured_is() -> None:
    """Else the test above would prove nothing. An empty ``NO_COLOR`` asks for nothing."""
    assert re.search(r"\x1b\[[0-9;]*m", in_a_terminal("models", "list", NO_COLOR=""))
    assert re.search(r"\x1b\[[0-9;]*m", in_a_terminal("models", "path", "nonsense"))


def test_a_pipe_gets_bare_text() -> None:
    done = subprocess.run([PROGRAM, "models", "list"], capture_output=True, text=True, check=True)
    assert "\x1b" not in done.stdout + done.stderr


def completion_script(shell: str) -> str:
    done = subprocess.run(
        [PROGRAM],
        env={**os.environ, "_CODESLM_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_accept_what_is_generated_for_them(shell: str, tmp_path: Path) -> None:
    script = completion_script(shell)
    assert "_CODESLM_COMPLETE=complete_" in script
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script, encoding="utf-8")
    done = subprocess.run([program, "-n", tmp_path / "script"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


TYPED = {
    "codeslm mod": ["models"],
    "codeslm models im": ["import"],
    "codeslm models use qwen2.5-coder-1": ["qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b-base"],
    "codeslm config set completion.max_": ["completion.max_tokens", "completion.max_file_bytes"],
}

ASK_BASH = """
source "$1"
complete -p codeslm > /dev/null || exit 1
while read -r -a COMP_WORDS; do
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
    _codeslm_completion codeslm "${COMP_WORDS[COMP_CWORD]}"
    echo "${COMPREPLY[@]}"
done
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_models_and_settings(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(completion_script("bash"), encoding="utf-8")
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK_BASH, "bash", tmp_path / "script"],
        input="\n".join(TYPED) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split() for line in done.stdout.splitlines()] == list(TYPED.values())
