"""Annotations: nothing else changes, their names exist, and a type checker that finds something new refutes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from codeslm_lsp.reasoning.edits import applied
from codeslm_lsp.values import Answer, Badge, InputError
from tests.support.asking import asking, at


async def annotated(marked: str, *replies: str) -> tuple[Answer, str]:
    asked = ("Annotate this function, `", "was not right", "was not right")
    async with asking(*((asked[number], reply) for number, reply in enumerate(replies))) as asker:
        question = at(marked)
        answer = await asker.ask("types", question)
        assert question.document is not None
        return answer, applied(question.document.text, answer.edits)


async def test_only_annotations_and_imports_are_taken(tmp_path: Path) -> None:
    marked = (
        '"""A file."""\n\nimport os\n\n\ndef ‸f(items, é="ä", n=1, *rest, flag = False, **more):  # why\n'
        '    """What."""\n    return [each * n for each in items]  # all\n'
    )
    reply = (
        "```python\nimport sys\n\ndef f(items: Iterable[int], é: str = 'other', n: int = 2, *rest: object, "
        "flag: bool = False, **more: Any) -> list[int]:\n    sys.exit()\n```"
    )
    answer, after = await annotated(marked, reply)
    assert answer.badge is Badge.TESTED, answer
    assert after == (
        '"""A file."""\n\nimport os\nfrom collections.abc import Iterable\nfrom typing import Any\n\n\n'
        'def f(items: Iterable[int], é: str = "ä", n: int = 1, *rest: object, flag: bool = False, **more: Any)'
        ' -> list[int]:  # why\n    """What."""\n    return [each * n for each in items]  # all\n'
    )


async def test_what_a_type_checker_finds_refutes_them() -> None:
    marked = "def ‸f(n):\n    return str(n)\n"
    wrong, right = "def f(n: int) -> int:\n    return str(n)\n", "def f(n: int) -> str:\n    return str(n)\n"
    answer, after = await annotated(marked, "", "", wrong)
    assert (answer.badge, answer.edits) == (Badge.REFUTED, ())
    assert "Incompatible return value type" in answer.checks[-1].detail
    answer, after = await annotated(marked, wrong, right)
    assert (answer.badge, after) == (Badge.TESTED, right)


async def test_without_a_checker_they_are_unverified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    answer, after = await annotated("def ‸f(n):\n    return n\n", "def f(n: int) -> int: ...\n")
    assert (answer.badge, after) == (Badge.UNVERIFIED, "def f(n: int) -> int:\n    return n\n")
    assert "neither mypy nor pyright" in answer.checks[-1].detail


CLASS = """class Box:
    def ‸grown(self, by):
        return Box()
"""


async def test_a_class_that_is_not_there_yet_is_quoted() -> None:
    answer, after = await annotated(CLASS, "def grown(self, by: float) -> Box:\n    return Box()\n")
    assert 'def grown(self, by: float) -> "Box":' in after
    assert answer.badge is Badge.TESTED
    lazy = f"from __future__ import annotations\n\n\n{CLASS}"
    _, after = await annotated(lazy, "def grown(self, by: float) -> Box:\n    return Box()\n")
    assert "def grown(self, by: float) -> Box:" in after


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "no 'f' with"),
        ("def f(n):\n    return n\n", "no 'f' with"),
        ("def f(n: int, m: int) -> int:\n    return n\n", "no 'f' with"),
        ("def f(n: int) -> in", "no 'f' with"),
        ("def f(n: Matrix) -> Matrix:\n    return n\n", "do not exist: Matrix"),
        ("def f(n: np.ndarray) -> int:\n    return n\n", "do not exist: np"),
        ("def f(n: 'Unknown') -> int:\n    return n\n", "do not exist: Unknown"),
    ],
)
async def test_whatever_else_is_said_is_no_edit(reply: str, said: str) -> None:
    answer, _ = await annotated("def ‸f(n):\n    return n\n", reply, reply, reply)
    assert (answer.badge, answer.edits) == (Badge.REFUTED, ())
    assert said in answer.checks[-1].detail


async def test_what_is_annotated_already_is_said() -> None:
    async with asking() as asker:
        with pytest.raises(InputError, match="annotations already"):
            await asker.ask("types", at("def ‸f(n: int) -> int:\n    return n\n"))
