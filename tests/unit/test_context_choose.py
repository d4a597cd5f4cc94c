"""Which stubs fit into a prompt, and that they stay as long as they hold what is needed."""

from __future__ import annotations

from codeslm_lsp.context.choose import NEEDED_WEIGHT, choose, snippets_of
from codeslm_lsp.context.stubs import Stub
from codeslm_lsp.values import Snippet

NEEDED, OTHER = NEEDED_WEIGHT, NEEDED_WEIGHT / 2


def stub(name: str, weight: float, path: str = "shop/cart.py", text: str = "") -> Stub:
    return Stub(path, name, text or f"def {name}(order: Order, price: int) -> int: ...", weight)


def test_the_heaviest_are_taken_first() -> None:
    ranked = [stub("total", NEEDED), stub("tax", OTHER), stub("rest", OTHER)]
    room = sum(len(each.text) + 1 for each in ranked[:2]) + len("shop/cart.py") + 4
    assert [each.name for each in choose(ranked, (), room * 5)] == ["total", "tax", "rest"]
    assert [each.name for each in choose(ranked[:1], (), len(ranked[0].text) // 2)] == []


def test_a_large_class_leaves_room_for_others() -> None:
    members = "\n".join(f"    def method_{n}(self) -> int: ..." for n in range(100))
    ranked = [stub("Order", NEEDED, text=f"class Order:\n{members}"), stub("total", OTHER)]
    order, total = choose(ranked, (), 600)
    assert order.text.startswith("class Order:\n    def method_0(self) -> int: ...")
    assert order.text.endswith("-> int: ...\n    ...")
    assert 250 < len(order.text) <= 300
    assert total == ranked[1]


def test_large_classes_leave_room_for_each_other() -> None:
    members = "\n".join(f"    @property\n    def part_{n}(self) -> int: ..." for n in range(50))
    ranked = [stub(name, NEEDED, text=f"@frozen\nclass {name}:\n{members}") for name in ("One", "Two", "Three")]
    found = choose(ranked, (), 800)
    assert [each.name for each in found] == ["One", "Two", "Three"]
    assert all(each.text.endswith("(self) -> int: ...\n    ...") for each in found)


def test_of_a_decorated_function_no_decorator_alone_is_shown() -> None:
    ranked = [stub("f", NEEDED, text="@cached(size=3)\n" + "def f(" + "a, " * 60 + "b): ...")]
    assert choose(ranked, (), 400) == ()


def test_what_was_chosen_stays_while_it_holds_what_is_needed() -> None:
    before = (stub("total", NEEDED), stub("tax", OTHER))
    moved = [stub("tax", NEEDED), stub("total", OTHER)]
    assert choose(moved, before, 1000) == before
    further = [stub("refund", NEEDED), stub("tax", OTHER), stub("total", OTHER)]
    assert [each.name for each in choose(further, before, 1000)] == ["refund", "tax", "total"]


def test_what_is_no_longer_imported_is_dropped() -> None:
    before = (stub("total", NEEDED), stub("tax", OTHER))
    assert [each.name for each in choose([stub("tax", OTHER)], before, 1000)] == ["tax"]


def test_files_and_names_have_one_order_wherever_the_cursor_is() -> None:
    stubs = (stub("b", 1, "z.py", "b = 1"), stub("a", 2, "z.py", "a = 1"), stub("c", 3, "y.py", "c = 1"))
    assert snippets_of(stubs) == (Snippet("y.py", "c = 1\n"), Snippet("z.py", "a = 1\nb = 1\n"))
    assert snippets_of(stubs) == snippets_of(stubs[::-1])
