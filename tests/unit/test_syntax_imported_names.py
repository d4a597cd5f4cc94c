"""What Python's imports bind, and what the names mean then."""

from __future__ import annotations

import pytest

from codeslm_lsp.syntax.imports import imported_names
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import parse


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("import os", {("os", "os", "os")}),
        ("import os.path", {("os", "os.path", "os")}),
        ("import os.path as p, sys", {("p", "os.path", "os.path"), ("sys", "sys", "sys")}),
        ("from os import path", {("path", "os", "os.path")}),
        ("from os import (\n    path as p,\n    sep,\n)", {("p", "os", "os.path"), ("sep", "os", "os.sep")}),
        ("from os.path import *", {("*", "os.path", "os.path")}),
        ("from ..a import b", {("b", "..a", "..a.b")}),
        ("def f():\n    import é as ü", {("ü", "é", "é")}),
        ("try:\n    import a as c\nexcept ImportError:\n    import b as c", {("c", "a", "a"), ("c", "b", "b")}),
        ("x = 1", set()),
    ],
)
def test_what_imports_bind(text: str, bound: set[tuple[str, str, str]]) -> None:
    language = language_of("python", "a.py")
    assert language is not None
    found = [(each.name, each.module, each.meaning) for each in imported_names(parse(text + "\n", language))]
    assert set(found) == bound
    assert len(found) == len(bound)
