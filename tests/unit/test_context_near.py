"""Which names stand near a hole, and what the type before a dot may be. ``‸`` is the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.context.near import HALF_LINES, counted_names, names_near, receiver_before, types_of


def test_a_name_weighs_less_the_further_away_it_stands() -> None:
    text = "far\n" + "\n" * (HALF_LINES - 1) + "here = ‸\nbelow\n"
    near = names_near(text.replace("‸", ""), text.index("‸"))
    assert near["here"] == 1
    assert near["far"] == pytest.approx(0.5)
    assert 0.5 < near["below"] < 1


def test_names_in_quotes_are_not_uses() -> None:
    counts = counted_names("from shop import Cart, Order\n__all__ = ['Cart']\nOrder()\n")
    assert (counts["Cart"], counts["Order"], counts["Price"]) == (1, 2, 0)


def test_what_is_a_screen_away_does_not_count() -> None:
    text = "far\n" + "\n" * 60
    assert "far" not in names_near(text, len(text))


@pytest.mark.parametrize(
    ("line", "receiver"),
    [
        ("self._store.‸", "self._store"),
        ("x = store.ge‸", "store"),
        ("p->na‸", "p"),
        ("Vec::‸", "Vec"),
        ("maybe?.‸", "maybe"),
        ("plain‸", ""),
        ("f(a).‸", ""),
        ("1.‸", ""),
        ("‸", ""),
    ],
)
def test_what_stands_before_the_dot(line: str, receiver: str) -> None:
    text = "before.this\n" + line.replace("‸", "")
    assert receiver_before(text, len(text)) == receiver


@pytest.mark.parametrize(
    ("above", "receiver", "first"),
    [
        ("def f(store: Store) -> None:\n    ", "store", "Store"),
        ("store = Store(path)\n", "store", "Store"),
        ("store = models.Store(path)\n", "store", "Store"),
        ("store = await open_store()\n", "store", "open_store"),
        ("self._store: Store | None = None\n", "self._store", "Store"),
        ("def __init__(self, store: Store):\n    self._store = store\n", "self._store", "Store"),
        ("store = new Store(path);\n", "store", "Store"),
        ("Store<Item> store = open();\n", "store", "Store"),
        ("func f(s *Store) {\n\tstore := Store{}\n", "store", "Store"),
        ("store: Old = 1\nstore: Store = 2\n", "store", "Store"),
    ],
)
def test_the_type_of_a_receiver(above: str, receiver: str, first: str) -> None:
    types = [name for name in types_of(above, len(above), receiver) if name != receiver]
    assert first in types


def test_a_module_or_class_is_its_own_type() -> None:
    assert types_of("import plots\n", 13, "plots") == ("plots",)


@given(st.text(), st.integers(0, 200))
def test_any_text_can_be_asked(text: str, cursor: int) -> None:
    cursor = min(cursor, len(text))
    assert all(0 < weight <= 1 for weight in names_near(text, cursor).values())
    types_of(text, cursor, receiver_before(text, cursor))
