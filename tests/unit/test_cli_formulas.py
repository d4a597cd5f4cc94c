"""Formulas and code in the shell: nothing needs a model."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from codeslm_lsp.cli.main import main

Codeslm = Callable[..., tuple[int, str, str]]

SOURCE = """def mean(a, b):
    'Return (a + b)/2.'
    return (a + b) / 2


def wrong(a, b):
    'Return a*b.'
    return a
"""


@pytest.fixture
def codeslm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Codeslm:
    """The command in a folder with ``a.py`` → its exit status and what it printed."""
    (tmp_path / "a.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["codeslm", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_code_as_latex(codeslm: Codeslm) -> None:
    status, out, _ = codeslm("latex", "a.py:3")
    assert status == 0
    assert r"\operatorname{mean}\left(a, b\right) = \frac{a + b}{2}" in out
    assert "proved" in out
    status, out, _ = codeslm("latex", "--json", "1/sqrt(x)")
    assert json.loads(out)["answer"] == "```latex\n\\frac{1}{\\sqrt{x}}\n```"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_formula_is_written_below_itself(codeslm: Codeslm, end: str) -> None:
    Path("b.py").write_bytes(f"import os{end}# $A = \\pi r^2$".encode())
    status, _, _ = codeslm("formula", "b.py:2", "--apply")
    assert status == 0
    assert (
        Path("b.py").read_bytes()
        == (
            f"import os{end}import math{end}{end}# $A = \\pi r^2${end}"
            f'def A(r):{end}    """A(r) = pi*r^2"""{end}    return math.pi * r**2{end}'
        ).encode()
    )


def test_a_function_is_held_against_its_formula(codeslm: Codeslm) -> None:
    assert codeslm("verify", "--function", "a.py:1")[0] == 0
    status, out, _ = codeslm("verify", "--function", "a.py:6")
    assert (status, "refuted" in out) == (1, True)
    status, out, _ = codeslm("verify", "a", "--function", "a.py:6", "--json")
    assert (status, json.loads(out)["badge"]) == (0, "proved")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("latex", "a.py:99"), "outside the file"),
        (("latex", "f(x"), "syntax error"),
        (("formula", "x < 1"), "relation"),
        (("verify",), "no problem"),
        (("verify", "--function", "a.py:5"), "no Python function here"),
        (("solve", "3 km + 2 s"), "they measure different things"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(codeslm: Codeslm, arguments: tuple[str, ...], said: str) -> None:
    status, _, error = codeslm(*arguments)
    assert (status, said in error) == (2, True), error
