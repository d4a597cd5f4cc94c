"""Names that a completion takes from modules which have none such. ``‸`` is the cursor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codeslm_lsp.completion.absent import absent_names
from codeslm_lsp.completion.grounding import Grounding
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import Document
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.members import Members

KNOWN = (
    Members("os", frozenset({"path", "sep"}), is_all=True),
    Members("os.path", frozenset({"join", "exists"}), is_all=True),
    Members("os.path.join", frozenset({"__call__"})),
    Members("lazy", frozenset({"__getattr__", "one"})),
    Members("nowhere", None),
)


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    """One that knows this much; a process that it may start for more is ended before it answers."""
    environment = Environment()
    for members in KNOWN:
        environment.learn(members)
    yield environment
    await environment.close()


def grounding(environment: Environment, marked: str, path: str = "/a.py", own: tuple[str, ...] = ()) -> Grounding:
    text = marked.replace("‸", "")
    language = language_of("python", "a.py")
    assert language is not None
    document = Document(Path(path).as_uri(), "a.py", "python", 1, text)
    return Grounding(environment, document, marked.index("‸"), parse(text, language), own.__contains__)


def found(environment: Environment, marked: str, shown: str, *, is_whole: bool = True) -> list[str]:
    names = absent_names(shown, grounding(environment, marked), is_whole=is_whole)
    assert all(shown[: each.end].endswith(each.name[-1]) for each in names if each.end < len(shown))
    return [f"{each.module}.{each.name}" for each in names]


@pytest.mark.parametrize(
    ("marked", "shown", "absent"),
    [
        ("import os\nx = ‸\n", "os.path.joinn(a)", ["os.path.joinn"]),
        ("import os\nx = ‸\n", "os.path.join(a)", []),
        ("import os\nx = os.path.‸\n", "joinn(a)", ["os.path.joinn"]),
        ("import os\nx = os.path.joi‸\n", "nn(a)", ["os.path.joinn"]),
        ("import os\nx = os.path.joi‸n(a)\n", "n", ["os.path.joinn"]),
        ("import os\nx = os.path.joinn(‸)\n", "a", []),
        ("import os\nx = ‸\n", "os.paths.join", ["os.paths"]),
        ("import os\nx = ‸\n", "os.path.join.any.thing", []),
        ("import os.path as p\nx = ‸\n", "p.joinn", ["os.path.joinn"]),
        ("from os import path\nx = ‸\n", "path.joinn + path.existss", ["os.path.joinn", "os.path.existss"]),
        ("import os\nx = ‸\n", "self.os.nothing", []),
        ("import os\nx = ‸\n", "os._nothing", []),
        ("import os\nx = ‸\n", "'os.nothing' # os.nothing", []),
        ("import os\n# ‸\n", "os.nothing", []),
        ('import os\n"""\n‸\n"""\n', "os.nothing", []),
        ("import os\n‸\n", 'def f():\n    """See\n    os.nothing."""\n', []),
        ("import lazy, nowhere\nx = ‸\n", "lazy.nothing(nowhere.nothing)", []),
        ("x = ‸\n", "os.nothing", []),
        ("from .x import os\nx = ‸\n", "os.nothing", []),
        ("from x import *\nimport os\nx = ‸\n", "os.nothing", []),
        ("import os\nos = 1\nx = ‸\n", "os.nothing", []),
        ("import os\ndef f(os):\n    ‸\n", "os.nothing", []),
        ("import os\n‸\n", "os = f()\nos.nothing", []),
        ("try:\n    import os\nexcept ImportError:\n    import lazy as os\nx = ‸\n", "os.nothing", []),
        ("import os\nif hasattr(os, 'nothing'):\n    ‸\n", "os.nothing", []),
        ("import os\nos.nothing = 1\nx = ‸\n", "os.nothing", []),
        ("‸\n", "from os import paths, sep", ["os.paths"]),
        ("from os import ‸\n", "(\n    sep,\n    paths as p,\n)", ["os.paths"]),
        ("from os import (\n    sep,\n    ‸\n)\n", "paths, path", ["os.paths"]),
        ("from os import pat‸\n", "hs", ["os.paths"]),
        ("try:\n    ‸\nexcept ImportError:\n    pass\n", "from os import paths", []),
        ("‸\n", "from lazy import nothing\nfrom nowhere import nothing", []),
    ],
)
async def test_names_that_are_surely_absent(
    environment: Environment, marked: str, shown: str, absent: list[str]
) -> None:
    assert found(environment, marked, shown) == absent


async def test_a_name_that_may_go_on_is_not_told(environment: Environment) -> None:
    marked = "import os\nx = ‸\n"
    assert found(environment, marked, "os.path.joi", is_whole=False) == []
    assert found(environment, marked, "os.paths.joi", is_whole=False) == ["os.paths"]
    assert found(environment, "‸\n", "from os import pat", is_whole=False) == []


async def test_a_module_of_ones_own_may_have_anything(environment: Environment, tmp_path: Path) -> None:
    marked = "import os\nx = ‸\n"
    file = str(tmp_path / "a.py")
    assert absent_names("os.nothing", grounding(environment, marked, file), is_whole=True)
    assert not absent_names("os.nothing", grounding(environment, marked, file, own=("os",)), is_whole=True)
    (tmp_path / "os.py").touch()
    assert not absent_names("os.nothing", grounding(environment, marked, file), is_whole=True)


async def test_names_of_what_is_imported_are_known(environment: Environment) -> None:
    marked = "import os.path\nfrom os import path\nimport lazy\nx = ‸\n"
    known = [name for name in ("sep", "exists", "one", "joinn") if grounding(environment, marked).knows(name)]
    assert known == ["sep", "exists", "one"]
