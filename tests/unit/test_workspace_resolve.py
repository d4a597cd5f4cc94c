"""What imports of each language mean in a folder, and that importers can be found again by the words they share."""

from __future__ import annotations

import pytest

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.neighbours import Relation, counterparts, is_test, ranked
from codeslm_lsp.workspace.paths import PathList, join
from codeslm_lsp.workspace.resolve import resolve
from codeslm_lsp.workspace.targets import import_keys, own_keys

PATHS = PathList(
    [
        *("setup.py", "conftest.py", "json.py", "shop/__init__.py", "shop/cart.py", "shop/money/__init__.py"),
        *("shop/money/euro.py", "shop/money/stub.pyi", "shop/cart/__init__.py", "src/engine/__init__.py"),
        *("src/engine/run.py", "tools/build/make.py", "tools/build/helper.py", "libs/core/lib/core/deep/mod.py"),
        *("libs/core/lib/core/__init__.py", "libs/core/lib/core/deep/__init__.py", "namespace/part/thing.py"),
        *("web/src/app.ts", "web/src/util/index.ts", "web/src/util/text.ts", "web/src/view.tsx", "web/src/old.js"),
        *("web/src/types.d.ts", "web/src/user.service.ts", "packages/ui/src/index.ts", "packages/ui/src/button.tsx"),
        *("packages/flat/index.js", "web/index.js"),
        *(
            "go/main.go",
            "go/pkg/util/a.go",
            "go/pkg/util/b.go",
            "go/pkg/util/a_test.go",
            "go/other/util/c.go",
            "go/fmt/x.go",
        ),
        *("java/src/main/java/org/shop/Cart.java", "java/src/main/java/org/shop/Item.java", "java/org/other/Cart.java"),
        *("c/src/main.c", "c/src/list.h", "c/include/api/list.h", "c/include/api/tree.h", "c/deep/inner/api/odd.h"),
        *("rust/src/lib.rs", "rust/src/a.rs", "rust/src/a/inner.rs", "rust/src/b/mod.rs", "rust/src/b/leaf.rs"),
        *("my-crate/src/lib.rs", "my-crate/src/part.rs", "ruby/lib/shop/cart.rb", "ruby/lib/shop.rb", "ruby/test/t.rb"),
        *("php/src/Models/User.php", "php/other/User.php", "php/public/index.php", "php/public/lib/db.php"),
        *("lua/game/player.lua", "lua/game/world/init.lua", "lua/main.lua", "sh/run.sh", "sh/lib/common.sh"),
        *("cs/Shop/Models/Cart.cs", "cs/Shop/Models/Item.cs", "cs/Shop/Program.cs"),
    ]
)

CASES = [
    # Python: absolute, relative, submodules and names, source roots, the standard library.
    ("setup.py", "python", Import("shop", ("nothing",)), ["shop/__init__.py: nothing"]),
    ("setup.py", "python", Import("shop.money.euro", ()), ["shop/money/euro.py"]),
    ("setup.py", "python", Import("shop", ("money", "price")), ["shop/__init__.py: price", "shop/money/__init__.py"]),
    ("setup.py", "python", Import("shop.money", ("euro",)), ["shop/money/euro.py"]),
    ("setup.py", "python", Import("shop.money.stub", ("S",)), ["shop/money/stub.pyi: S"]),
    ("setup.py", "python", Import("shop.cart", ("Cart",)), ["shop/cart/__init__.py: Cart"]),
    ("setup.py", "python", Import("shop", ()), ["shop/__init__.py"]),
    ("shop/money/euro.py", "python", Import(".", ("stub", "x")), ["shop/money/__init__.py: x", "shop/money/stub.pyi"]),
    ("shop/money/euro.py", "python", Import("..", ("total",)), ["shop/__init__.py: total"]),
    ("shop/money/euro.py", "python", Import("..cart", ("Cart",)), ["shop/cart/__init__.py: Cart"]),
    ("shop/money/euro.py", "python", Import(".....cart", ("Cart",)), []),
    ("shop/money/euro.py", "python", Import("stub", ()), []),
    ("shop/money/euro.py", "python", Import("shop.money.euro", ()), []),
    ("setup.py", "python", Import("engine.run", ("go",)), ["src/engine/run.py: go"]),
    ("tools/build/make.py", "python", Import("helper", ("h",)), ["tools/build/helper.py: h"]),
    ("setup.py", "python", Import("core.deep.mod", ("M",)), ["libs/core/lib/core/deep/mod.py: M"]),
    ("setup.py", "python", Import("core", ("C",)), ["libs/core/lib/core/__init__.py: C"]),
    ("setup.py", "python", Import("namespace.part.thing", ()), ["namespace/part/thing.py"]),
    ("setup.py", "python", Import("json", ()), ["json.py"]),
    ("setup.py", "python", Import("os.path", ("join",)), []),
    ("setup.py", "python", Import("numpy", ("array",)), []),
    # JavaScript and TypeScript: endings and index files, what is compiled, aliases, packages of the folder.
    ("web/src/app.ts", "typescript", Import("./util", ("f",)), ["web/src/util/index.ts: f"]),
    ("web/src/app.ts", "typescript", Import("./util/text", ()), ["web/src/util/text.ts"]),
    ("web/src/app.ts", "typescript", Import("./view", ()), ["web/src/view.tsx"]),
    ("web/src/app.ts", "typescript", Import("./view.js", ()), ["web/src/view.tsx"]),
    ("web/src/app.ts", "typescript", Import("./types", ("T",)), ["web/src/types.d.ts: T"]),
    ("web/src/app.ts", "typescript", Import("./user.service", ()), ["web/src/user.service.ts"]),
    ("web/src/util/text.ts", "typescript", Import("..", ()), []),
    ("web/src/util/text.ts", "typescript", Import(".", ()), ["web/src/util/index.ts"]),
    ("web/src/util/text.ts", "typescript", Import("../old", ()), ["web/src/old.js"]),
    ("web/src/util/text.ts", "typescript", Import("../../../../x", ()), []),
    ("web/src/util/text.ts", "typescript", Import("@/view", ("V",)), ["web/src/view.tsx: V"]),
    ("web/src/app.ts", "typescript", Import("@shop/ui", ("B",)), ["packages/ui/src/index.ts: B"]),
    ("web/src/app.ts", "typescript", Import("@shop/ui/button", ()), ["packages/ui/src/button.tsx"]),
    ("web/src/app.ts", "javascript", Import("flat", ()), ["packages/flat/index.js"]),
    ("web/src/app.ts", "typescript", Import("react", ()), []),
    # Go, Java, C#: packages are folders.
    ("go/main.go", "go", Import("x.com/m/pkg/util", ()), ["go/pkg/util/a.go", "go/pkg/util/b.go"]),
    ("go/main.go", "go", Import("fmt", ()), []),
    ("go/main.go", "go", Import("net/http", ()), []),
    ("java/Main.java", "java", Import("org.shop.Cart", ()), ["java/src/main/java/org/shop/Cart.java: Cart"]),
    ("java/Main.java", "java", Import("org.shop.Cart.of", ()), ["java/src/main/java/org/shop/Cart.java: of"]),
    (
        "java/src/main/java/org/shop/Item.java",
        "java",
        Import("org.shop", ()),
        ["java/src/main/java/org/shop/Cart.java"],
    ),
    ("java/Main.java", "java", Import("java.util.List", ()), []),
    ("cs/Shop/Program.cs", "csharp", Import("Shop.Models", ()), ["cs/Shop/Models/Cart.cs", "cs/Shop/Models/Item.cs"]),
    ("cs/Shop/Program.cs", "csharp", Import("System.Linq", ()), []),
    # C and C++.
    ("c/src/main.c", "c", Import("list.h", ()), ["c/src/list.h"]),
    ("c/src/main.c", "c", Import("api/list.h", ()), ["c/include/api/list.h"]),
    ("c/src/main.c", "c", Import("api/odd.h", ()), ["c/deep/inner/api/odd.h"]),
    ("c/src/main.c", "c", Import("stdio.h", ()), []),
    ("c/src/main.c", "cpp", Import("std::vector", ()), []),
    # Rust.
    ("rust/src/lib.rs", "rust", Import("self::a", ()), ["rust/src/a.rs"]),
    ("rust/src/b/leaf.rs", "rust", Import("crate::a::inner", ("Deep",)), ["rust/src/a/inner.rs: Deep"]),
    ("rust/src/b/leaf.rs", "rust", Import("crate::a::Thing", ()), ["rust/src/a.rs: Thing"]),
    ("rust/src/b/leaf.rs", "rust", Import("crate", ("a", "Top")), ["rust/src/a.rs", "rust/src/lib.rs: Top"]),
    ("rust/src/b/leaf.rs", "rust", Import("super", ("Leaf",)), ["rust/src/b/mod.rs: Leaf"]),
    ("rust/src/a/inner.rs", "rust", Import("super::Outer", ()), ["rust/src/a.rs: Outer"]),
    ("rust/src/b/mod.rs", "rust", Import("leaf::Leaf", ()), ["rust/src/b/leaf.rs: Leaf"]),
    ("rust/src/a.rs", "rust", Import("my_crate::part::P", ()), ["my-crate/src/part.rs: P"]),
    ("rust/src/a.rs", "rust", Import("std::fmt", ()), []),
    # Ruby, PHP, Lua, shell.
    ("ruby/lib/shop.rb", "ruby", Import("shop/cart", ()), ["ruby/lib/shop/cart.rb"]),
    ("ruby/test/t.rb", "ruby", Import("shop", ()), ["ruby/lib/shop.rb"]),
    ("ruby/test/t.rb", "ruby", Import("set", ()), []),
    ("php/public/index.php", "php", Import("App\\Models\\User", ()), ["php/src/Models/User.php: User"]),
    ("php/public/index.php", "php", Import("App\\Models", ("User",)), ["php/src/Models/User.php: User"]),
    ("php/public/index.php", "php", Import("__DIR__ . '/lib/db.php'", ()), ["php/public/lib/db.php"]),
    ("php/public/index.php", "php", Import("Other\\Thing", ()), []),
    ("lua/main.lua", "lua", Import("game.player", ()), ["lua/game/player.lua"]),
    ("lua/main.lua", "lua", Import("game.world", ()), ["lua/game/world/init.lua"]),
    ("sh/run.sh", "bash", Import('$(dirname "$0")/lib/common.sh', ()), ["sh/lib/common.sh"]),
    ("sh/run.sh", "bash", Import("${HERE}/common.sh", ()), ["sh/lib/common.sh"]),
    ("sh/run.sh", "bash", Import("$FILE", ()), []),
    # What no rule is known for means nothing.
    ("a.css", "css", Import("b.css", ()), []),
    ("setup.py", "python", Import("", ()), []),
]


def said(path: str, language: str, imported: Import) -> list[str]:
    targets = resolve(PATHS, path, language, imported)
    return [f"{target.path}: {', '.join(target.names)}" if target.names else target.path for target in targets]


@pytest.mark.parametrize(("path", "language", "imported", "expected"), CASES)
def test_what_an_import_means(path: str, language: str, imported: Import, expected: list[str]) -> None:
    assert said(path, language, imported) == expected


@pytest.mark.parametrize(("path", "language", "imported", "expected"), CASES)
def test_an_importer_shares_a_word_with_what_it_imports(
    path: str, language: str, imported: Import, expected: list[str]
) -> None:
    for target in resolve(PATHS, path, language, imported):
        assert not own_keys(target.path).isdisjoint(import_keys(path, imported)), target.path


LANGUAGES = ("python", "typescript", "rust", "go", "java", "c", "csharp", "php", "ruby", "lua", "bash")
ODD = (
    ".",
    "..",
    "...",
    "....",
    "/",
    "//",
    "\\",
    "::",
    "crate",
    "super",
    "self",
    "super::super",
    "@",
    "@/",
    "*",
    "$",
    " ",
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_odd_imports_mean_nothing_wrong(language: str) -> None:
    for path in ("shop/cart.py", "web/src/app.ts", "rust/src/a.rs", "go/main.go", "a.php", "x/y.lua", "web/index.js"):
        for module in ODD:
            for target in resolve(PATHS, path, language, Import(module, ("x",))):
                assert PATHS.exists(target.path)
                assert target.path != path


def test_paths_do_not_leave_the_folder() -> None:
    assert join("a/b", "../c") == "a/c"
    assert join("a", "..") == ""
    assert join("a", "../..") is None
    assert join("", "/etc/passwd") is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shop/queue.py", ["tests/test_queue.py"]),
        ("tests/test_queue.py", ["shop/queue.py"]),
        ("engine/load.py", ["tests/test_engine_load.py"]),
        ("tests/test_engine_load.py", ["engine/load.py"]),
        ("src/Cart.java", ["src/CartTest.java"]),
        ("src/list.c", ["include/list.h"]),
        ("include/list.h", ["src/list.c"]),
        ("web/text.ts", ["web/text.spec.ts", "web/__tests__/text.ts"]),
        ("web/text.spec.ts", ["web/text.ts"]),
        ("go/util.go", ["go/util_test.go"]),
        ("other/queue.py", ["tests/test_queue.py"]),
    ],
)
def test_counterparts(path: str, expected: list[str]) -> None:
    paths = PathList(
        [
            *("shop/queue.py", "other/queue.py", "tests/test_queue.py", "engine/load.py", "tests/test_engine_load.py"),
            *("src/Cart.java", "src/CartTest.java", "src/list.c", "include/list.h", "web/text.ts", "web/text.spec.ts"),
            *("web/__tests__/text.ts", "go/util.go", "go/util_test.go"),
        ]
    )
    assert set(expected) <= set(counterparts(paths, path))
    assert all(
        is_test(each) != is_test(path) or each.startswith(("src", "include")) for each in counterparts(paths, path)
    )


def test_neighbours_are_ranked_and_told_once() -> None:
    paths = PathList(["a/x.py", "a/y.py", "a/z.py", "b/far.py", "a/near.py", "tests/test_x.py"])
    found = ranked(paths, "a/x.py", ["a/y.py", "a/x.py"], ["b/far.py", "a/near.py", "tests/test_x.py"])
    assert [(each.path, each.relation) for each in found] == [
        ("tests/test_x.py", Relation.COUNTERPART),
        ("a/y.py", Relation.IMPORTED),
        ("a/near.py", Relation.IMPORTER),
        ("b/far.py", Relation.IMPORTER),
        ("a/z.py", Relation.BESIDE),
    ]
