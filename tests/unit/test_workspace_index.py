"""What the index answers about a folder, and how it follows edits, deletions, renames and new ignore rules."""

from __future__ import annotations

import os
import random
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.index import Index, index_of
from codeslm_lsp.workspace.neighbours import Relation
from codeslm_lsp.workspace.places import place_of
from codeslm_lsp.workspace.store import Store
from codeslm_lsp.workspace.targets import Target
from codeslm_lsp.workspace.update import Updater

FILES = {
    "shop/__init__.py": "from .cart import Cart\nfrom .money import *\nfrom .deep import Deepest\n",
    "shop/cart.py": "from .money import Price\n\nclass Cart:\n    def total(self) -> Price:\n        return Price(0)\n",
    "shop/money.py": (
        'class Price:\n    """An amount."""\n    def __init__(self, cents: int) -> None:\n        self.cents = cents\n'
    ),
    "shop/deep/__init__.py": "from .inner import Deepest\n",
    "shop/deep/inner.py": "def Deepest(): pass\n",
    "tests/test_cart.py": "from shop import Cart\nfrom shop.cart import Cart as C\n\ndef test(): Cart().total()\n",
    "tools/report.py": "import shop.money\n\nprint(shop.money.Price(3))\n",
}


class Bench:
    """A folder, the writer of its index and a reader."""

    def __init__(self, folder: Path, max_files: int = 100) -> None:
        self.folder = folder
        self.store = Store(place_of(folder))
        self.updater = Updater(folder, self.store, max_files)
        self.index: Index = index_of(folder)

    def write(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text, encoding="utf-8")

    def refresh(self) -> list[str]:
        """Look at everything; the files that were read."""
        files = self.updater.refresh()
        list(self.updater.read(files))
        return [file.path for file in files]

    def changed(self, *paths: str) -> list[str]:
        """Look at these files only; those that were read."""
        assert not self.updater.has_to_refresh(paths)
        files = self.updater.changed(paths)
        list(self.updater.read(files))
        return [file.path for file in files]

    def rows(self) -> dict[str, int]:
        """How many rows each table has."""
        connection = sqlite3.connect(place_of(self.folder).database)
        try:
            tables = ("files", "symbols", "imports", "import_keys", "uses", "skipped")
            return {each: connection.execute(f"SELECT count(*) FROM {each}").fetchone()[0] for each in tables}
        finally:
            connection.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / "folder").mkdir()
    made = Bench(tmp_path / "folder")
    made.write(FILES)
    made.refresh()
    yield made
    made.index.close()
    made.store.close()


def test_files_and_records(bench: Bench) -> None:
    assert bench.index.files() == tuple(sorted(FILES))
    record = bench.index.file("shop/cart.py")
    assert record is not None
    assert (record.path, record.language) == ("shop/cart.py", "python")
    assert [each.qualified_name for each in record.symbols] == ["Cart", "Cart.total"]
    assert record.imports == (Import(".money", ("Price",)),)
    assert "Price" in record.names
    assert bench.index.file("nothing.py") is None


def test_names(bench: Bench) -> None:
    (price,) = bench.index.definitions("Price")
    assert (price.path, price.symbol.signature, price.symbol.doc) == ("shop/money.py", "class Price:", "An amount.")
    assert bench.index.users("Price") == ("shop/cart.py", "tools/report.py")
    assert [bench.index.is_known(name) for name in ("Price", "cents", "total", "print", "unheard_of")] == [
        *(True, True, True, True, False)
    ]
    assert bench.index.offers("shop/money.py") == ("Price",)
    assert bench.index.offers("shop/__init__.py") == ("Cart", "Deepest")
    assert bench.index.offers("tests/test_cart.py") == ("test",), "what it uses it does not offer"
    assert (bench.index.definitions("unheard_of"), bench.index.users("unheard_of")) == ((), ())


def test_imports_resolved_and_followed(bench: Bench) -> None:
    index = bench.index
    assert index.resolve("tests/test_cart.py", "python", Import("shop", ("Cart",))) == (
        Target("shop/__init__.py", ("Cart",)),
    )
    cart = "class Cart:\n    def total(self) -> Price: ..."
    price = 'class Price:\n    """An amount."""\n    def __init__(self, cents: int) -> None: ...\n    cents = cents'
    assert index.stub("shop/__init__.py", ("Cart", "Price", "nothing")) == (cart, price)
    assert index.stub("shop/__init__.py", ("Deepest",)) == ("def Deepest(): ...",)
    assert index.stub("shop/money.py") == (price,)
    assert index.stub("nothing.py") == index.stub("nothing.py", ("x",)) == ()
    # A document that is not indexed, or not saved yet, is asked about all the same.
    assert index.resolve("new/file.py", "python", Import("shop.money", ())) == (Target("shop/money.py"),)


def test_who_imports_a_file(bench: Bench) -> None:
    assert bench.index.imported_by("shop/money.py") == ("shop/__init__.py", "shop/cart.py", "tools/report.py")
    assert bench.index.imported_by("shop/cart.py") == ("shop/__init__.py", "tests/test_cart.py")
    assert bench.index.imported_by("shop/__init__.py") == ("tests/test_cart.py",)
    assert bench.index.imported_by("shop/deep/__init__.py") == ("shop/__init__.py",)
    assert bench.index.imported_by("nothing.py") == ()
    assert bench.index.imports_of("shop/cart.py") == (Target("shop/money.py", ("Price",)),)


def test_neighbours(bench: Bench) -> None:
    assert [(each.path, each.relation) for each in bench.index.neighbours("shop/cart.py")] == [
        ("tests/test_cart.py", Relation.COUNTERPART),
        ("shop/money.py", Relation.IMPORTED),
        ("shop/__init__.py", Relation.IMPORTER),
    ]


def test_without_an_index_all_answers_are_empty(tmp_path: Path) -> None:
    index = index_of(tmp_path)
    answers: list[tuple[object, ...]] = [
        *(index.files(), index.definitions("x"), index.offers("a.py"), index.users("x"), index.imported_by("a.py")),
        *(index.neighbours("a.py"), index.stub("a.py"), index.stub("a.py", ("x",)), index.imports_of("a.py")),
        index.resolve("a.py", "python", Import("b", ())),
    ]
    assert answers == [()] * len(answers)
    assert (index.file("a.py"), index.is_known("x")) == (None, False)


def test_an_edit(bench: Bench) -> None:
    bench.write({"shop/cart.py": "import tools.report\n\ndef basket(): pass\n"})
    assert bench.changed("shop/cart.py") == ["shop/cart.py"]
    assert bench.index.definitions("Cart") == ()
    assert [each.path for each in bench.index.definitions("basket")] == ["shop/cart.py"]
    assert bench.index.imported_by("tools/report.py") == ("shop/cart.py",)
    assert bench.index.imported_by("shop/money.py") == ("shop/__init__.py", "tools/report.py")
    assert bench.index.users("Price") == ("tools/report.py",)


def test_what_was_answered_is_asked_again_when_the_index_has_changed(bench: Bench) -> None:
    imported = Import("shop.cart", ("Cart",))

    def answers() -> tuple[object, ...]:
        index = bench.index
        return (
            [each.path for each in index.resolve("main.py", "python", imported)],
            "Cart" in "".join(index.stub("shop/cart.py", ("Cart",))),
            "shop/cart.py" in [each.path for each in index.neighbours("tests/test_cart.py")],
        )

    before = (["shop/cart.py"], True, True)
    assert (answers(), answers()) == (before, before)
    (bench.folder / "shop/cart.py").unlink()
    bench.refresh()
    assert (answers(), answers()) == (([], False, False), ([], False, False))
    bench.write({"shop/cart.py": FILES["shop/cart.py"]})
    bench.refresh()
    assert answers() == before


def test_a_file_that_was_only_touched(bench: Bench) -> None:
    before = bench.rows()
    os.utime(bench.folder / "shop/cart.py", ns=(1, 1))
    assert bench.changed("shop/cart.py") == ["shop/cart.py"]
    assert bench.changed("shop/cart.py") == []
    assert bench.rows() == before


def test_a_deletion_and_a_rename(bench: Bench) -> None:
    (bench.folder / "shop/money.py").unlink()
    assert bench.changed("shop/money.py") == []
    assert bench.index.definitions("Price") == ()
    assert bench.index.resolve("shop/cart.py", "python", Import(".money", ("Price",))) == ()
    (bench.folder / "shop/cart.py").rename(bench.folder / "shop/basket.py")
    assert bench.changed("shop/cart.py", "shop/basket.py") == ["shop/basket.py"]
    assert [each.path for each in bench.index.definitions("Cart")] == ["shop/basket.py"]
    (bench.folder / "shop").rename(bench.folder / "store")
    assert bench.updater.has_to_refresh(["shop"])
    assert bench.updater.has_to_refresh(["store"])
    bench.refresh()
    assert [each.path for each in bench.index.definitions("Cart")] == ["store/basket.py"]
    assert not any(path.startswith("shop/") for path in bench.index.files())


def test_new_ignore_rules_remove_files_and_their_names(bench: Bench) -> None:
    bench.write({".gitignore": "money.py\n"})
    assert bench.updater.has_to_refresh([".gitignore"])
    bench.refresh()
    assert "shop/money.py" not in bench.index.files()
    assert not bench.index.is_known("cents")
    bench.store.tidy()
    bench.store.close()
    data = place_of(bench.folder).database.read_bytes()
    assert b"shop/cart.py" in data
    assert b"shop/money.py" not in data
    assert b"An amount." not in data


def test_a_file_that_gets_a_secret_leaves(bench: Bench) -> None:
    token = "gh" + "p_" + "a1B2c3D4e5" * 4
    bench.write({"shop/money.py": FILES["shop/money.py"] + f"TOKEN = '{token}'\n"})
    bench.changed("shop/money.py")
    assert bench.index.file("shop/money.py") is None
    assert bench.changed("shop/money.py") == []
    bench.write(FILES)
    assert "shop/money.py" in bench.changed("shop/money.py")
    assert bench.index.file("shop/money.py") is not None


def test_what_is_passed_over_is_never_read(bench: Bench) -> None:
    bench.write({"node_modules/x.js": "var x", ".git/a.py": "x", "a.md": "# x", "build/b.py": "x", "id_rsa.py": "x"})
    assert bench.changed("node_modules/x.js", ".git/a.py", "a.md", "build/b.py", "id_rsa.py", "../x.py") == []


def test_of_too_many_files_the_latest_are_kept(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    bench = Bench(tmp_path / "folder", max_files=3)
    bench.write({f"{n}.py": f"x{n} = 1\n" for n in range(6)})
    for n in range(6):
        os.utime(tmp_path / "folder" / f"{n}.py", (1000 + n, 1000 + n))
    assert bench.refresh() == ["5.py", "4.py", "3.py"]
    assert bench.index.files() == ("3.py", "4.py", "5.py")
    bench.store.close()


def test_many_edits_leave_what_one_pass_would(bench: Bench, tmp_path: Path) -> None:
    draw = random.Random(3)
    for _ in range(60):
        path = draw.choice([*FILES, "shop/new.py", "tools/other.py"])
        if draw.random() < 0.3:
            (bench.folder / path).unlink(missing_ok=True)
        else:
            bench.write({path: draw.choice([*FILES.values(), "", "# @generated\n", "def f(: \x0c ü\n"])})
        bench.changed(path)
    incremental = bench.rows()
    records = {path: bench.index.file(path) for path in bench.index.files()}
    bench.store.close()
    place_of(bench.folder).clear()
    anew = Bench(bench.folder)
    anew.refresh()
    assert {path: anew.index.file(path) for path in anew.index.files()} == records
    assert {**anew.rows(), "skipped": 0} == {**incremental, "skipped": 0}
    anew.store.close()


def test_threads_may_read_while_it_is_written(bench: Bench) -> None:
    wrong: list[BaseException] = []
    over = threading.Event()

    def read() -> None:
        try:
            while not over.is_set():
                assert bench.index.is_known("Price")
                assert len(bench.index.files()) >= len(FILES)
                assert bench.index.neighbours("shop/cart.py")
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(20):
        bench.write(
            {f"more/m{n}.py": f"def more_{n}(): pass\n", "shop/cart.py": f"from .money import Price\nx{n} = Price(1)\n"}
        )
        bench.refresh()
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
