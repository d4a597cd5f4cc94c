"""``fix`` where a type checker complains, or a name is of an installed package. The model is not asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codeslm_lsp.reasoning.checkers import Finding
from codeslm_lsp.reasoning.edits import applied
from codeslm_lsp.reasoning.looking import is_said_by
from codeslm_lsp.reasoning.misfit import MOST, misfits
from codeslm_lsp.reasoning.passage import passage_of
from codeslm_lsp.reasoning.question import Complaint, Question
from codeslm_lsp.reasoning.type_checkers import type_checker
from codeslm_lsp.reasoning.undefined import installed
from codeslm_lsp.values import Answer, Badge
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.members import Members
from tests.support.asking import asking, at

SEND = "def send(to: str, text: str, *, urgent: bool) -> int:\n    return len(to + text)\n\n\n"


def told(marked: str, message: str, source: str = "mypy", code: str = "") -> Question:
    question = at(marked)
    complaint = Complaint(question.start, question.start, message, source, code)
    return replace(question, complaints=(complaint,))


def tried(question: Question) -> list[str]:
    """The line of the complaint with each edit that may be meant."""
    document = question.document
    assert document is not None
    row = document.text.count("\n", 0, question.start)
    return [
        applied(document.text, edits).split("\n")[row].strip() for edits in misfits(document, question.complaints[0])
    ]


@pytest.mark.parametrize(
    ("marked", "message", "expected"),
    [
        (
            "def run(text: str) -> int:\n    return ‸send('me')\n",
            'Missing positional argument "text" in call to "send"',
            ["return send('me', text)"],
        ),
        (
            "def run(text: str, urgent: bool) -> int:\n    return ‸send('me')\n",
            'Missing positional arguments "text", "urgent" in call to "send"',
            ["return send('me', text, urgent)"],
        ),
        (
            "def run(is_urgent: bool) -> int:\n    return ‸send('é', 'me')\n",
            'Missing named argument "urgent" for "send"',
            ["return send('é', 'me', urgent=is_urgent)"],
        ),
        (
            "class A:\n    def __init__(self) -> None:\n        self._text = ''\n\n"
            "    def run(self) -> int:\n        ‸send('me')\n",
            'Missing positional argument "text" in call to "send"',
            ["send('me', self._text)"],
        ),
        ("token = 'x'\n‸check()\n", 'Argument missing for parameter "token"', ["check(token)", "check(token=token)"]),
        ("token = 'x'\n‸check(*rest)\n", 'Argument missing for parameter "token"', []),
        ("‸check()\n", 'Argument missing for parameter "token"', []),
        ("x = ‸len([], 2)\n", 'Too many arguments for "len"', ["x = len([])"]),
        ("x = ‸f(g(1), 2)\n", 'Too many arguments for "g"', ["x = f(g(), 2)"]),
        (
            "‸send('me', urgnt=True)\n",
            'Unexpected keyword argument "urgnt" for "send"; did you mean "urgent"?',
            ["send('me', urgent=True)"],
        ),
        ("print(‸x.uper())\n", '"str" has no attribute "uper"; maybe "upper"?', ["print(x.upper())"]),
        (
            "n = ‸m + '12'\n",
            'Unsupported operand types for + ("int" and "str")',
            ["n = m + 12", "n = str(m) + '12'"],
        ),
        ("s = ‸'n: ' + n\n", 'Unsupported operand types for + ("str" and "int")', ["s = 'n: ' + str(n)"]),
        ("x = ‸1\n", "Something else", []),
        ("x = ‸(\n", 'Too many arguments for "len"', []),
    ],
)
def test_what_may_be_meant(marked: str, message: str, expected: list[str]) -> None:
    assert tried(told(SEND + marked, message)) == expected


def test_not_too_much_is_tried() -> None:
    names = "".join(f"        a{n}_text = {n}\n" for n in range(9))
    marked = f"def run() -> None:\n    if True:\n{names}    ‸send(send(send(send('me'))))\n"
    assert len(tried(told(marked, 'Missing positional argument "text" in call to "send"'))) == MOST


async def fixed(question: Question, folder: Path | None = None) -> tuple[Answer, str]:
    assert question.document is not None
    async with asking(folder=folder) as asker:
        answer = await asker.ask("fix", question)
        return answer, applied(question.document.text, answer.edits)


async def test_a_missing_argument_is_given_and_the_checker_asked_again() -> None:
    marked = SEND + "def run(text: str, loud: bool) -> int:\n    return ‸send('me', urgent=loud)\n"
    message = 'Missing positional argument "text" in call to "send"'
    answer, after = await fixed(told(marked, message, code="call-arg"))
    assert "return send('me', urgent=loud, text=text)" in after
    assert answer.badge is Badge.TESTED
    assert "mypy call-arg is gone" in answer.checks[-1].detail


@pytest.mark.parametrize(
    ("body", "message", "code", "after"),
    [
        (
            "def run(text: str, loud: bool) -> int:\n    return ‸send('me', urgent=loud)\n",
            'Argument missing for parameter "text"',
            "reportCallIssue",
            "return send('me', urgent=loud, text=text)",
        ),
        (
            "def run(is_urgent: bool) -> int:\n    return ‸send('é', 'me')\n",
            'Argument missing for parameter "urgent"',
            "reportCallIssue",
            "return send('é', 'me', urgent=is_urgent)",
        ),
        (
            "def run(n: int) -> int:\n    return ‸n + '3'\n",
            'Operator "+" not supported for types "int" and "Literal[\'3\']"',
            "reportOperatorIssue",
            "return n + 3",
        ),
        (
            "n: int = ‸'3'\n",
            'Type "Literal[\'3\']" is not assignable to declared type "int"\n'
            '\N{NO-BREAK SPACE}\N{NO-BREAK SPACE}"Literal[\'3\']" is not assignable to "int"',
            "reportAssignmentType",
            "n: int = 3",
        ),
    ],
)
async def test_what_pyright_complains_of_is_asked_of_pyright(body: str, message: str, code: str, after: str) -> None:
    answer, text = await fixed(told(SEND + body, message, "Pylance", code))
    assert after in text
    assert answer.badge is Badge.TESTED
    assert f"pyright {code} is gone" in answer.checks[-1].detail


async def test_pyright_finds_what_is_imported_from_the_project(tmp_path: Path) -> None:
    package = tmp_path / "src" / "shapes"
    package.mkdir(parents=True)
    (package / "post.py").write_text(SEND)
    text = "from shapes.post import send\n\n\ndef run(text: str) -> int:\n    return ‸send('me', urgent=True)\n"
    (package / "area.py").write_text(text.replace("‸", ""))
    question = told(text, 'Argument missing for parameter "text"', "basedpyright", "reportCallIssue")
    answer, after = await fixed(question, tmp_path)
    assert "send('me', urgent=True, text=text)" in after
    assert answer.badge is Badge.TESTED


@pytest.mark.parametrize("checker", ["mypy", "pyright"])
async def test_a_version_of_the_same_size_is_another_version(checker: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(x: str) -> str:\n    return x.upper()\n")
    versions = [(tmp_path / "a.py").read_text().replace("upper", name) for name in ("upper", "uppor", "lower", "lowor")]
    with type_checker("a.py", tmp_path, checker) as asked:
        assert asked is not None
        assert [len(await asked.findings(each) or ()) for each in versions] == [0, 1, 0, 1]


async def test_what_is_imported_from_beside_is_known(tmp_path: Path) -> None:
    package = tmp_path / "shapes"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "post.py").write_text(SEND)
    text = (
        "from .post import send\n\n\ndef run(text: str, urgent: bool) -> int:\n    return ‸send(text, urgent=urgent)\n"
    )
    (package / "area.py").write_text(text.replace("‸", ""))
    message = 'Missing positional argument "text" in call to "send"  [call-arg]'
    answer, after = await fixed(told(text, message, source="Mypy"), tmp_path)
    assert "send(text, urgent=urgent, text=text)" in after
    assert answer.badge is Badge.TESTED


async def test_without_a_diagnostic_the_type_checker_is_asked_last() -> None:
    answer, after = await fixed(at(SEND + "def run(text: str) -> int:\n    return send(‸'me', urgent=True)\n"))
    assert "send('me', urgent=True, text=text)" in after
    assert answer.badge is Badge.TESTED


async def test_what_the_type_checker_finds_at_the_cursor_comes_before_what_is_elsewhere() -> None:
    answer, after = await fixed(at("import os\n\n\ndef f(n: int) -> int:\n    return ‸n + '12'\n"))
    assert "return n + 12\n" in after
    assert "import os" in after
    assert answer.badge is Badge.TESTED


def test_a_rule_behind_the_message_is_the_same_message() -> None:
    finding = Finding("mypy", "call-arg", 3, "Too many")
    assert is_said_by(finding, Complaint(0, 0, "Too many  [call-arg]", "mypy"))
    assert is_said_by(finding, Complaint(0, 0, "Too many", "mypy", "call-arg"))
    assert not is_said_by(finding, Complaint(0, 0, "Too many", "mypy", "arg-type"))
    assert not is_said_by(finding, Complaint(0, 0, "Too few", "mypy"))


async def test_names_of_installed_packages() -> None:
    text = "from rich.table import Table\n\nprint(Panel('x'), Table(), PrettyError)\n"
    document = at(text + "‸").document
    assert document is not None
    environment = Environment()
    for subject, names in {
        "rich": {"print"},
        "rich.table": {"Table"},
        "rich.panel": {"Panel"},
        "rich.pretty_error": {"PrettyError"},
    }.items():
        environment.learn(Members(subject, frozenset(names)))
    for subject in ("rich.prettyerror",):
        environment.learn(Members(subject, None))
    passage = passage_of(document, 0, 0)
    assert await installed("Panel", passage, environment) == ["from rich.panel import Panel"]
    assert await installed("PrettyError", passage, environment) == ["from rich.pretty_error import PrettyError"]
    assert await installed("Panel", passage, None) == []
    await environment.close()
