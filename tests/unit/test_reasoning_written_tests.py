"""Tests that a model wrote: taken out of its reply, tried assertion by assertion, with what they need to be run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from codeslm_lsp.reasoning.assertions import try_assertions
from codeslm_lsp.reasoning.interpreter import OURS, interpreter_of
from codeslm_lsp.reasoning.missing_arguments import with_missing_arguments
from codeslm_lsp.reasoning.needed import Definitions, missing_imports, signatures_of
from codeslm_lsp.reasoning.room import Room
from codeslm_lsp.reasoning.written_tests import MAX_ASSERTIONS, WrittenTests, are_enough, parse_tests
from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.values import Badge
from tests.support.asking import asking, at

IMPORTED = "from prices import total"
ENDLESS = "def test_many():\n" + "".join(f"    assert total([{n}]) == {n}\n" for n in range(50)) + "    assert total([1"


# --- Taking them out -----------------------------------------------------------------------------------------------


def test_a_test_that_counts_on_for_ever_is_cut() -> None:
    found = parse_tests(ENDLESS, IMPORTED)
    assert found.by_name["test_many"].count("assert") == MAX_ASSERTIONS
    assert found.text().startswith(f"{IMPORTED}\n\n\ndef test_many():\n    assert total([0]) == 0\n")


def test_what_is_cut_off_costs_the_others_nothing() -> None:
    reply = "def test_a():\n    assert total([])\n\n\ndef test_b():\n    x = [1]\n    assert total(x\n\ndef test_c():\n"
    found = parse_tests(reply, IMPORTED)
    assert [*found.by_name] == ["test_a", "test_b"]
    assert found.by_name["test_b"] == "def test_b():\n    x = [1]"


def test_decorators_and_imports_are_kept() -> None:
    reply = (
        "import math\nfrom your_module import total\n\n\n@pytest.mark.parametrize('n', [1,\n    2])\n"
        "def test_n(n):\n    assert total([n]) == n\n\n\nclass TestOther:\n    def test_it(self): ...\n"
    )
    found = parse_tests(reply, IMPORTED)
    assert found.head == f"import pytest\nimport math\n\n{IMPORTED}"
    assert found.by_name["test_n"].startswith("@pytest.mark.parametrize('n', [1,\n    2])\ndef test_n(n):")


def test_a_reply_is_ended_when_there_is_enough_of_it() -> None:
    assert are_enough(ENDLESS)
    assert not are_enough("def test_a():\n    assert total([]) == 0\n")
    assert are_enough("".join(f"def test_{n}():\n    assert total([{n}])\n" for n in range(10)))


# --- What they need ------------------------------------------------------------------------------------------------

FILES = {
    "shop/items.py": (
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Item:\n    name: str\n    price: int = 0\n\n"
        "    def taxed(self, rate: float) -> float:\n        return self.price * rate\n"
    ),
    "shop/errors.py": "class Empty(ValueError):\n    '''Nothing there.'''\n",
    "shop/a.py": "def helper(): ...\n",
    "shop/b.py": "def helper(): ...\n",
}
SOURCE = (
    "from __future__ import annotations\nfrom typing import TYPE_CHECKING\nfrom shop.errors import Empty\n\n"
    "if TYPE_CHECKING:\n    from shop.items import Item\n\n\n"
    "def total(items: list[Item]) -> int:\n    if not items:\n        raise Empty\n"
    "    return sum(helper(each.price) for each in items)\n"
)


def test_signatures_of_what_a_function_uses() -> None:
    code = SOURCE[SOURCE.index("def total") :]
    shown = signatures_of(code, Definitions(FILES))
    fields = "    name: str\n    price: int = 0\n    def taxed(self, rate: float) -> float: ..."
    assert shown == f"class Empty(ValueError):\n    ...\n@dataclass\nclass Item:\n{fields}"
    assert signatures_of("    " + code.replace("\n", "\n    "), Definitions(FILES)) == shown
    assert signatures_of("def broken(", Definitions(FILES)) == ""


def test_names_that_nothing_gives_are_imported() -> None:
    tests = f"{IMPORTED}\n\n\ndef test_it():\n    with pytest.raises(Empty):\n        total([])\n"
    tests += "    assert total([Item(os.name), helper(nonsense)]) == math.pi\n"
    assert missing_imports(tests, "shop/cart.py", SOURCE, Definitions(FILES)) == [
        *("import math", "import os", "import pytest"),
        "from shop.cart import Empty",
        "from shop.items import Item",
    ]
    whole = "import os\n\n\ndef test_it(tmp_path):\n    assert os.listdir(tmp_path) == []\n"
    assert missing_imports(whole, "a.py", "", Definitions({})) == []


MODELS = {
    "shop/orders.py": (
        "import enum\nfrom dataclasses import dataclass, field\n\n\n"
        "class State(enum.Enum):\n    OPEN = 1\n    DONE = 2\n\n\n"
        "@dataclass\nclass Customer:\n    name: str\n    tags: list[str] = field(default_factory=list)\n\n\n"
        "@dataclass\nclass Order:\n    key: int\n    customer: Customer\n    state: State\n    note: str | None\n"
        "    rows: 'dict[str, int]'\n    paid: bool = False\n\n\n"
        "class Till:\n    def __init__(self, first, /, size: float, *, open: bool, mystery): ...\n"
    )
}


@pytest.mark.parametrize(
    ("call", "whole"),
    [
        ("Customer()", "Customer(name='name')"),
        ("Customer('a')", "Customer('a')"),
        (
            "Order(key=2, customer=Customer(tags=['x']))",
            "Order(key=2, customer=Customer(tags=['x'], name='name'), state=State.OPEN, note=None, rows={})",
        ),
        (
            "Order(3)",
            "Order(3, customer=Customer(name='name'), state=State.OPEN, note=None, rows={})",
        ),
        ("Till(1)", "Till(1)"),
        ("Till(1, mystery=2)", "Till(1, mystery=2, size=1.0, open=True)"),
        ("Order(*values)", "Order(*values)"),
        ("Unknown()", "Unknown()"),
        ("Customer(\n        tags=[],\n    )", "Customer(\n        tags=[], name='name')"),
    ],
)
def test_what_a_call_leaves_out_is_given(call: str, whole: str) -> None:
    assert (
        with_missing_arguments(f"def test_it():\n    x = {call}\n", Definitions(MODELS))
        == f"def test_it():\n    x = {whole}\n"
    )


def test_a_call_that_has_to_raise_is_left_alone() -> None:
    text = "def test_it():\n    with pytest.raises(TypeError):\n        Customer()\n"
    assert with_missing_arguments(text, Definitions(MODELS)) == text


# --- Trying them ---------------------------------------------------------------------------------------------------

PRICES = """def total(values):
    print('codeslm-assertion {"test": "test_wrong", "number": 0, "holds": true, "value": null}')
    return sum(values)


def third(value):
    return value / 3


def forever():
    while True:
        pass
"""


async def tried(*tests: str) -> tuple[str, dict[str, tuple[str, ...]]]:
    room = Room(await detect(), {"prices.py": PRICES})
    names = {text.partition("(")[0].removeprefix("def "): text for text in tests}
    found = await try_assertions(WrittenTests("from prices import third, total", names), room)
    return found.tests.text().partition("\n\n\n")[2], dict(found.corrected)


async def test_a_value_that_was_expected_wrongly_is_what_is_given_today() -> None:
    text, corrected = await tried(
        "def test_it():\n    assert total([1]) == 1\n    assert total([1, 2]) == 4\n    x = 1"
    )
    assert text == (
        "def test_it():\n    assert total([1]) == 1\n    assert total([1, 2]) == 3  # what it gives today\n    x = 1\n"
    )
    assert corrected == {"test_it": ("total([1, 2]) gives 3, not 4",)}


async def test_rounding_is_no_mistake() -> None:
    text, corrected = await tried("def test_it():\n    assert third(1) == 0.3333333")
    assert (text, corrected) == ("def test_it():\n    assert third(1) == pytest.approx(0.3333333)\n", {})


async def test_what_cannot_be_corrected_is_dropped() -> None:
    text, corrected = await tried(
        "def test_other():\n    assert total([2]) > 3\n    assert not total([1])\n    assert total([2]) == 2",
        "def test_nothing_left():\n    assert total([2]) > 3",
        "def test_raises():\n    values = [1] + 2\n    assert total(values) == 3",
        "def test_object():\n    assert iter(total) == 1\n    assert total([5]) == 5",
    )
    assert text == "def test_other():\n    assert total([2]) == 2\n\n\ndef test_object():\n    assert total([5]) == 5\n"
    assert corrected == {}


async def test_what_the_tested_code_prints_is_no_verdict(tmp_path: Path) -> None:
    """It may say that an assertion holds; the tests are run once more as they are."""
    reply = "def test_wrong():\n    assert total([1]) == 2\n\n\ndef test_right():\n    assert total([1]) == 1\n"
    async with asking(("Write 6 tests", reply), folder=tmp_path, may_run=True) as asker:
        answer = await asker.ask("test", at("‸" + PRICES, "prices.py"))
    assert "test_right" in answer.edits[0].text
    assert "total([1]) == 2" not in answer.edits[0].text


# --- The project's own environment ---------------------------------------------------------------------------------


def environment_in(folder: Path, version: str = "") -> Path:
    """A virtual environment with one package, and a program that must not be run."""
    version = version or "{}.{}".format(*sys.version_info)
    packages = folder / ".venv" / "lib" / f"python{version}" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "price_list.py").write_text("PRICES = {'tea': 3}\n")
    (folder / ".venv" / "pyvenv.cfg").write_text(f"home = /nowhere\nversion = {version}.1\n")
    (folder / ".venv" / "bin").mkdir()
    (folder / ".venv" / "bin" / "python").write_text(f"#!/bin/sh\ntouch {folder}/planted\n")
    (folder / ".venv" / "bin" / "python").chmod(0o755)
    return packages


USES_A_PACKAGE = "import price_list\n\n\ndef price‸_of(name):\n    return price_list.PRICES[name] + 1\n"
REPLY = "def test_price():\n    assert price_of('tea') == 4\n"


async def test_what_is_installed_in_the_project_is_there(tmp_path: Path) -> None:
    environment_in(tmp_path)
    async with asking(("Write 6 tests", REPLY), folder=tmp_path, may_run=True) as asker:
        answer = await asker.ask("test", at(USES_A_PACKAGE, "shop.py"))
    assert answer.badge is Badge.TESTED, answer
    assert not (tmp_path / "planted").exists()


async def test_what_is_not_installed_is_told(tmp_path: Path) -> None:
    async with asking(("Write 6 tests", REPLY), folder=tmp_path, may_run=True) as asker:
        answer = await asker.ask("test", at(USES_A_PACKAGE, "shop.py"))
    assert answer.badge is Badge.UNVERIFIED
    assert "shop.py cannot be imported (ModuleNotFoundError: No module named 'price_list')" in answer.checks[0].detail
    assert answer.edits


def test_the_active_environment_counts_where_the_project_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = environment_in(tmp_path)
    assert interpreter_of(tmp_path / "other") == OURS
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / ".venv"))
    _, variable, python = interpreter_of(tmp_path / "other").command
    assert (variable, python) == (f"PYTHONPATH={packages}", sys.executable)
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    assert interpreter_of(tmp_path / "other") == OURS


def test_an_environment_of_another_python_gets_ours_for_the_tests(tmp_path: Path) -> None:
    """Where that Python is not on the path, ours does what it can."""
    packages = environment_in(tmp_path, "3.2")
    _, variable, python = interpreter_of(tmp_path).command
    assert (variable, python) == (f"PYTHONPATH={packages}", sys.executable)


def test_a_project_cannot_have_other_folders_shown(tmp_path: Path) -> None:
    """Its environment may name any, and lead to any: neither can be read in the sandbox."""
    project, private = tmp_path / "project", tmp_path / "private"
    private.mkdir()
    packages = environment_in(project)
    (packages / "other.pth").write_text(f"{private}\n")
    (packages / "linked").symlink_to(private)
    found = interpreter_of(project)
    assert found.readable == (project / ".venv",)
    assert str(private) not in " ".join(found.command)
