"""What a file sees without importing it, by the customs of its language: asked of a real index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codeslm_lsp.context.near import names_near
from codeslm_lsp.context.stubs import stubs
from codeslm_lsp.context.unimported import seen_without_import
from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.index import Index, index_of
from codeslm_lsp.workspace.places import place_of
from codeslm_lsp.workspace.store import Store
from codeslm_lsp.workspace.update import Updater

FILES = {
    "shop/price.go": "package shop\n\ntype Price struct {\n\tEuro int\n}\n\nfunc Cheapest() Price { return Price{} }\n",
    "other/price.go": "package other\n\ntype Price struct {\n\tEuros int\n}\n\ntype Elsewhere struct{}\n",
    "src/main/java/shop/Order.java": "package shop;\n\npublic class Order {\n    public int total() { return 1; }\n}\n",
    "lib/Order.cs": "namespace Shop {\n    public class Order {\n        public int Total() { return 1; }\n    }\n}\n",
    "inc/base.h": "struct base { int size; };\nint base_size(struct base *b);\n",
    "inc/list.h": '#include "base.h"\n\nstruct list { struct base base; };\n',
    "inc/unseen.h": "struct unseen { int size; };\n",
    "app/models/customer.rb": "class Customer\n  def name\n    @name\n  end\nend\n",
    "app/Models/Invoice.php": "<?php\nclass Invoice {\n    public function total() { return 1; }\n}\n",
    "shop/cart.py": "class Cart:\n    pass\n",
}


@contextmanager
def indexed(folder: Path) -> Iterator[Index]:
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    store = Store(place_of(folder))
    updater = Updater(folder, store, 100)
    list(updater.read(updater.refresh()))
    index = index_of(folder)
    yield index
    index.close()
    store.close()


@pytest.mark.parametrize(
    ("path", "language", "imported", "text", "seen"),
    [
        ("shop/cart.go", "go", (), "Price Cheapest Elsewhere", {"Price": "shop/price.go", "Cheapest": "shop/price.go"}),
        ("shop/cart.go", "go", (), "Euro", {}),
        ("src/test/java/shop/OrderTest.java", "java", (), "Order", {"Order": "src/main/java/shop/Order.java"}),
        ("src/test/java/other/OrderTest.java", "java", (), "Order", {}),
        ("lib/Cart.cs", "csharp", (), "Order Total", {"Order": "lib/Order.cs"}),
        ("inc/main.c", "c", (Import("list.h", ()),), "base unseen", {"base": "inc/base.h"}),
        ("app/controllers/home.rb", "ruby", (), "Customer name", {"Customer": "app/models/customer.rb"}),
        ("app/Http/Home.php", "php", (), "Invoice total", {"Invoice": "app/Models/Invoice.php"}),
        ("shop/other.py", "python", (), "Cart", {}),
    ],
)
def test_names_that_need_no_import(
    tmp_path: Path, path: str, language: str, imported: tuple[Import, ...], text: str, seen: dict[str, str]
) -> None:
    with indexed(tmp_path) as index:
        near = names_near(text, 0)
        assert dict(seen_without_import(index, path, language, imported, near, frozenset())) == seen
        assert dict(seen_without_import(index, path, language, imported, near, frozenset(seen))) == {}


def test_they_become_stubs_of_little_weight(tmp_path: Path) -> None:
    with indexed(tmp_path) as index:
        [price] = stubs(index, "shop/cart.go", "go", (), {"Price": 1.0}, (), (), {})
        assert price.text.startswith("type Price struct {")
        [receiver] = stubs(index, "shop/cart.go", "go", (), {"Price": 1.0}, ("Price",), (), {})
        assert receiver.weight > 1 > price.weight
        assert stubs(index, "shop/cart.go", "go", (), {"Price": 1.0}, (), (), {}, frozenset({"Price"})) == ()
