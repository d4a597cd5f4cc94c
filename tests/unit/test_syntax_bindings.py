"""Variables by Python's scopes: ``‸`` marks the one that is asked about, ``⟦ ⟧`` every place that means it."""

from __future__ import annotations

import re

import pytest

from codeslm_lsp.syntax.bindings import binding_at, binding_on_line
from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.tree import parse

# fmt: off
CASES = {
    "module": "⟦‸x⟧ = 1\ndef f():\n    return ⟦x⟧\nclass A:\n    y = ⟦x⟧\n    def g(self):\n"
        "        return ⟦x⟧, self.x\n",
    "local": "x = 1\ndef f():\n    ⟦‸x⟧ = 2\n    return ⟦x⟧\nprint(x)\n",
    "parameter": "x = 1\ndef f(a, ⟦‸x⟧: int = x, *rest):\n    return ⟦x⟧\nf(1, ⟦x⟧=x)\ng(x=2)\n",
    "closure": "def f():\n    ⟦x⟧ = 1\n    def g():\n        nonlocal ⟦x⟧\n        ⟦x⟧ += 1\n"
        "    def h(x):\n        return x\n    return ⟦‸x⟧, g\n",
    "global": "def f():\n    global ⟦x⟧\n    ⟦x⟧ = 1\ndef g():\n    return ⟦‸x⟧\n",
    "comprehension": "x = [1]\ny = [⟦x⟧ for ⟦‸x⟧ in x if ⟦x⟧]\nprint(x)\n",
    "outside of a comprehension": "⟦x⟧ = [1]\ny = [x for x in ⟦‸x⟧ if x]\nprint(⟦x⟧)\n",
    "walrus": "def f(a):\n    y = [⟦‸x⟧ := each for each in a]\n    return ⟦x⟧\n",
    "lambda": "x = 1\nf = lambda ⟦‸x⟧, y=x: ⟦x⟧ + y\n",
    "class body": "class A:\n    ⟦‸x⟧ = 1\n    y = ⟦x⟧\n    def f(self):\n        return x\n",
    "with, except, for": "with open('a') as (⟦‸x⟧, y):\n    print(f'{⟦x⟧!r}')\nfor ⟦x⟧, z.x in q:\n    pass\n",
    "except": "try:\n    pass\nexcept E as ⟦‸x⟧:\n    print(⟦x⟧.x)\n",
    "match": "match q:\n    case {'k': ⟦‸x⟧, **rest} | P(x=⟦x⟧) | [*⟦x⟧] | ⟦x⟧:\n"
        "        print(⟦x⟧)\n    case ⟦x⟧.y:\n        pass\n",
    "alias": "from a import x as ⟦‸y⟧\nprint(⟦y⟧, a.y)\n",
    "function": "def ⟦‸f⟧(n):\n    return ⟦f⟧(n - 1)\nclass A:\n    def f(self):\n        return ⟦f⟧(1)\n",
    "class": "class ⟦‸A⟧:\n    def f(self) -> ⟦A⟧:\n        return ⟦A⟧()\n",
    "not Latin, and astral": "⟦‸größe⟧ = '😀'\nprint(⟦größe⟧)\n",
    "keyword of a call": "def f(⟦x⟧):\n    return ⟦x⟧\nf(⟦‸x⟧=1)\n",
}
# fmt: on


@pytest.mark.parametrize("marked", CASES.values(), ids=CASES.keys())
def test_every_place_that_means_the_variable(marked: str) -> None:
    offset = re.sub("[⟦⟧]", "", marked).index("‸")
    plain = re.sub("[⟦⟧‸]", "", marked)
    found = binding_at(parse(plain, languages()["python"]), offset)
    assert found is not None
    shown = plain
    for start, end in reversed(found.spans):
        shown = f"{shown[:start]}⟦{shown[start:end]}⟧{shown[end:]}"
    assert shown == marked.replace("‸", "")


@pytest.mark.parametrize("marked", ["print(‸x)\n", "a.‸x = 1\n", "x = '‸y'\n", "# ‸x\n", "‸print(1)\n", "‸"])
def test_what_is_no_variable_of_the_file(marked: str) -> None:
    assert binding_at(parse(marked.replace("‸", ""), languages()["python"]), marked.index("‸")) is None


def test_names_that_are_taken_and_keywords_that_are_doubtful() -> None:
    text = "z = 0\n\n\ndef f(a):\n    b = a\n    return [c for c in b]\n\n\nq.f(a=1)\n"
    found = binding_at(parse(text, languages()["python"]), text.index("a):"))
    assert found is not None
    assert (found.kind, found.scope_name) == ("parameter", "f")
    assert found.taken == {"b", "c"}
    assert [text[slice(*span)] for span in found.doubtful] == ["a"]


def test_a_name_that_a_class_and_what_is_around_it_have_is_doubtful() -> None:
    text = "x = 1\n\n\nclass A:\n    x = x\n"
    found = binding_at(parse(text, languages()["python"]), 0)
    assert found is not None
    assert len(found.doubtful) == 2


def test_the_first_variable_of_a_line() -> None:
    text = "    return os.path, total + 1\n"
    whole = f"import os\n\n\ndef f(total):\n{text}"
    start = whole.index("    return")
    found = binding_on_line(parse(whole, languages()["python"]), start, len(whole) - 1)
    assert found is not None
    assert found.name == "total"


def test_an_import_under_its_own_name_is_fixed() -> None:
    found = binding_at(parse("from a import b\nb()\n", languages()["python"]), 16)
    assert found is not None
    assert found.fixed
