"""What a folder's other files add to a prompt: the real indexer, the real index, and the replaying engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from codeslm_lsp.completion.completer import Completer
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.context import found
from codeslm_lsp.context.desk import Desk, LineEdit
from codeslm_lsp.lsp.folder import Folder, folder_to_index
from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import Cursor, Document, Report, Trigger
from tests.support.replay import FORMAT, SUF, ByteTokenizer, ReplayEngine, Script
from tests.support.waiting import DEADLINE_S

FILES = {
    "shop/__init__.py": "",
    "shop/prices.py": '''
class Price:
    """An amount of money."""

    def __init__(self, amount: int, currency: str) -> None:
        self.amount = amount

    def taxed(self, rate: float) -> "Price":
        return self


def cheapest(prices: list[Price]) -> Price:
    return min(prices)


def secret_of_the_trade() -> None: ...
''',
    "shop/.env": "TOKEN=abcdef\n",
}
CART = "from shop.prices import Price, cheapest\n\n\ndef total(price: Price) -> int:\n    return price.‸\n"


@asynccontextmanager
async def opened(tmp_path: Path, files: Mapping[str, str], desk: Desk | None = None) -> AsyncIterator[Folder]:
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    folder = Folder(tmp_path, Settings(), desk or Desk())
    folder.start()
    async with asyncio.timeout(DEADLINE_S):
        await folder.ready()
    yield folder
    await folder.close()


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    async with opened(tmp_path, FILES) as folder:
        yield folder


async def prompt_of(marked: str, folder: Folder, settings: Settings) -> str:
    return (await answered(marked, folder, settings))[0]


async def answered(marked: str, folder: Folder, settings: Settings) -> tuple[str, Report]:
    """The prompt without its suffix, and the report."""
    engine = ReplayEngine(Script())

    async def read_format() -> ModelFormat:
        return ModelFormat(FORMAT, ByteTokenizer())

    document = Document("file:///shop/cart.py", "shop/cart.py", "python", 1, marked.replace("‸", ""))
    completer = Completer(engine, read_format, settings, folder.context)
    report = await completer.complete(document, Cursor(marked.index("‸")), Trigger.INVOKED)
    [request] = engine.requests
    return bytes(request.token_ids[1 : request.token_ids.index(SUF)]).decode(), report


def wide(max_tokens: int = 2048, n_context: int | None = None) -> Settings:
    context = {"max_tokens": max_tokens // 4 if n_context is None else n_context}
    tables = {"prompt": {"max_tokens": max_tokens}, "completion": {"prefetch": "never"}, "context": context}
    return Settings.model_validate(tables)


async def test_what_the_file_imports_is_shown_by_its_signatures(folder: Folder) -> None:
    prompt = await prompt_of(CART, folder, wide())
    assert "shop/prices.py" in prompt
    assert "def taxed(self, rate: float)" in prompt
    assert "def cheapest(prices: list[Price]) -> Price: ..." in prompt
    assert "return min(prices)" not in prompt
    assert "secret_of_the_trade" not in prompt
    assert prompt.endswith(CART[: CART.index("    return")])


async def test_what_is_imported_and_not_used_yet_comes_first(folder: Folder) -> None:
    text = "from shop.prices import Price, cheapest\n\nPrice(1, EUR)\n\n\ndef total(prices):\n    return ‸\n"
    document = Document("file:///shop/cart.py", "shop/cart.py", "python", 1, text.replace("‸", ""))
    language = language_of("python", "cart.py")
    assert language is not None
    tree = parse(document.text, language)
    [snippet] = await folder.context.snippets(document, Cursor(text.index("‸")), tree, n_tokens=30, n_window=1000)
    assert "def cheapest" in snippet.text


PLOTS = {
    "shop/plots.py": """
def bars(rows: list[int]) -> str: ...
def lines(rows: list[int]) -> str: ...
def _axis(): ...
""",
}
AS_PLOTS = ("from shop import plots", "plots")
AS_DRAW = ("import shop.plots as draw", "draw")


@pytest.mark.parametrize(("binding", "name"), [AS_PLOTS, AS_DRAW])
@pytest.mark.parametrize("line", ["    ‸", "    {0}.‸"])
async def test_of_a_module_what_the_file_does_not_use_yet_is_shown_too(
    tmp_path: Path, binding: str, name: str, line: str
) -> None:
    text = f"{binding}\n\n\ndef report(rows):\n    {name}.lines(rows)\n{line.format(name)}\n    return rows\n"
    async with opened(tmp_path, {**FILES, **PLOTS}) as folder:
        prompt = await prompt_of(text, folder, wide(n_context=100))  # No room for more than signatures.
    assert "def bars(rows: list[int])" in prompt
    assert "def lines(rows: list[int])" in prompt
    assert "_axis" not in prompt


async def shown_at(tmp_path: Path, path: str, marked: str, files: Mapping[str, str]) -> str:
    """What of ``files`` is shown in 100 tokens: signatures."""
    language = language_of("", path)
    assert language is not None
    tree = parse(marked.replace("‸", ""), language)
    document = Document(f"file:///{path}", path, language.name, 1, tree.text)
    async with opened(tmp_path, files) as folder:
        found = await folder.context.snippets(document, Cursor(marked.index("‸")), tree, n_tokens=100, n_window=1000)
    return "".join(each.text for each in found)


@pytest.mark.parametrize(
    ("path", "text", "files", "expected"),
    [
        (
            "a.py",
            "import draw\n\ndraw.‸\n",
            {"draw/__init__.py": "from .bars import bars\n", "draw/bars.py": "def bars(rows): ...\n"},
            "def bars(rows): ...",
        ),
        (
            "a.ts",
            "import * as draw from './draw'\n\ndraw.‸\n",
            {"draw/index.ts": "export function bars(rows: number[]): string { return '' }\n"},
            "export function bars(rows: number[]): string",
        ),
        (
            "main.go",
            'package main\n\nimport "example.com/shop/draw"\n\nfunc main() {\n\tdraw.‸\n}\n',
            {
                "go.mod": "module example.com/shop\n",
                "draw/lines.go": 'package draw\n\nfunc Bars(rows []int) string { return "" }\n',
            },
            "func Bars(rows []int) string",
        ),
    ],
)
async def test_a_module_may_be_called_as_its_folder(
    tmp_path: Path, path: str, text: str, files: Mapping[str, str], expected: str
) -> None:
    assert expected in await shown_at(tmp_path, path, text, files)


MADE = [
    (
        "a.py",
        "from stores import Store\n\ndef show(store: Store, key):\n    order = await store.find(key)\n    order.‸\n",
        {
            "stores.py": "class Store:\n    async def find(self, key: str) -> 'Order | None': ...\n",
            "orders.py": "class Order:\n    def pay(self, amount: int) -> None: ...\n",
        },
        "def pay(self, amount: int) -> None: ...",
    ),
    (
        "a.ts",
        "import { Store } from './store'\nfunction show(store: Store) {\n  const it = store.find('k')\n  it.‸\n}\n",
        {
            "store.ts": "export class Store {\n  find(key: string): Order | undefined { return }\n}\n",
            "order.ts": "export class Order {\n  pay(amount: number): void { }\n}\n",
        },
        "pay(amount: number): void",
    ),
    (
        "src/a.rs",
        "use crate::store::Store;\nfn show(store: &Store) {\n    let order = store.find(1);\n    order.‸\n}\n",
        {
            "src/store.rs": (
                "pub struct Store;\nimpl Store {\n    pub fn find(&self, key: u8) -> Option<Order> { None }\n}\n"
            ),
            "src/order.rs": "pub struct Order;\nimpl Order {\n    pub fn pay(&self, amount: u8) {}\n}\n",
        },
        "pub fn pay(&self, amount: u8)",
    ),
    (
        "a/Shop.java",
        "import b.Store;\nclass Shop {\n  void show(Store store) {\n    var it = store.find(1);\n    it.‸\n  }\n}\n",
        {
            "b/Store.java": "package b;\npublic class Store {\n  public Order find(long key) { return null; }\n}\n",
            "b/Order.java": "package b;\npublic class Order {\n  public void pay(int amount) { }\n}\n",
        },
        "public void pay(int amount)",
    ),
]


@pytest.mark.parametrize(("path", "text", "files", "expected"), MADE)
async def test_before_the_dot_stands_what_a_function_returned(
    tmp_path: Path, path: str, text: str, files: Mapping[str, str], expected: str
) -> None:
    assert expected in await shown_at(tmp_path, path, text, files)


async def test_of_two_types_of_one_name_none_is_shown_that_is_not_imported(tmp_path: Path) -> None:
    path, text, files, _ = MADE[0]
    files = {**files, "others.py": "class Order:\n    def pay(self, amount: str): ...\n"}
    assert "def pay" not in await shown_at(tmp_path, path, text, files)


async def test_of_a_module_that_is_used_nowhere_near_nothing_is_shown(tmp_path: Path) -> None:
    far = "\n".join(f"value_{number} = {number}" for number in range(60))
    text = f"from shop import plots\n\nplots.lines([1])\n{far}\nvalue = ‸\n"
    async with opened(tmp_path, {**FILES, **PLOTS}) as folder:
        assert "def bars" not in await prompt_of(text, folder, wide())


STORES = {
    "shop/stores.py": """
class Store:
    def find(self, key: str) -> bytes: ...

    async def find_order(
        self,
        key: int,
    ) -> Order | None: ...
""",
    "shop/one.py": "class One:\n    def put(self, n: int): ...\n",
    "shop/two.py": "class Two:\n    def put(self, text: str): ...\n",
    "shop/three.py": "class Three:\n    def put(self, data: bytes): ...\n",
}


async def test_a_method_that_is_called_below_is_shown_by_its_signature(tmp_path: Path) -> None:
    text = (
        "from shop.one import One\nfrom shop.two import Two\nfrom shop.stores import Store\n"
        "STORES: dict[str, Store] = {}\nOTHERS = (One, Two)\n"
        + "\n"
        * 50
        + "async def show(self, key):\n    order: ‸\n    self.shelf.put(key)\n"
        "    return await self.stores.find_order(key)\n"
    )
    async with opened(tmp_path, {**FILES, **STORES}) as folder:
        prompt = await prompt_of(text, folder, wide())
    assert "async def find_order(self, key: int) -> Order | None: ..." in prompt
    assert "def put" not in prompt  # Three classes have one.


async def test_nothing_is_added_where_nothing_is_imported_from_the_folder(folder: Folder) -> None:
    assert await prompt_of("import os\n\nos.‸\n", folder, wide()) == "import os\n\n"


async def test_it_can_be_switched_off(folder: Folder) -> None:
    settings = wide().model_copy(update={"context": wide().context.model_copy(update={"enabled": False})})
    assert await prompt_of(CART, folder, settings) == CART[: CART.index("    return")]


ALIKE = """
def handle_{0}(request):
    body = parse_body(request)
    if body.customer is None:
        return Response(400, "customer is missing")
    with open_store(request.tenant) as store:
        order = store.find_order(body.order_id)
"""
REST = """        if order is None:
            return Response(404, "no such order")
        store.mark_{0}(order, body.reason)
        for line in order.lines:
            store.put_back(line.article, line.count)
        store.commit()
    return Response(200, "{0}")
"""
REFUND = ALIKE.format("refund") + "        ‸\n"
UNLIKE = {f"shop/{name}.py": f"def {name}(value):\n    return value * {name}_factor\n" for name in "abcdefgh"}
KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA" * 5 + "\n-----END RSA PRIVATE KEY-----\n"


def alike(name: str) -> str:
    return ALIKE.format(name) + REST.format(name)


async def test_code_that_is_like_the_hole_is_shown_last_and_told_by_its_path(tmp_path: Path) -> None:
    async with opened(tmp_path, {**FILES, **UNLIKE, "shop/handlers.py": alike("return")}) as folder:
        prompt, report = await answered("from shop.prices import Price\n" + REFUND, folder, wide(8192))
    assert prompt.index("class Price") < prompt.index("store.mark_return(order") < prompt.index("def handle_refund")
    assert report.snippets == ("shop/prices.py", "shop/handlers.py")


async def test_secret_and_ignored_files_never_enter(tmp_path: Path) -> None:
    with_key = alike("key") + f'KEY = """{KEY}"""\n'
    forbidden = {"shop/.env": alike("env"), "shop/ignored.py": alike("ignored"), "shop/key.py": with_key}
    saved = {".gitignore": "ignored.py\n", "shop/typed.py": "empty = True\n"}
    desk = Desk()
    for path, text in {**forbidden, "shop/typed.py": with_key}.items():
        document = Document(f"file:///{path}", path, "python", 1, text)
        desk.opened(document)
        desk.changed(document, [LineEdit(0, 9, 9)])
    async with opened(tmp_path, {**UNLIKE, **forbidden, **saved}, desk) as folder:
        assert (await answered(REFUND, folder, wide(8192)))[1].snippets == ()
        document = Document("file:///shop/typed.py", "shop/typed.py", "python", 2, alike("typed"))
        desk.changed(document, [LineEdit(0, 9, 9)])
        assert (await answered(REFUND, folder, wide(8192)))[1].snippets == ("shop/typed.py",)


async def test_what_was_written_lately_is_shown_where_it_is_somewhat_alike(tmp_path: Path) -> None:
    lines = [
        "def handle_visit(visit, guest, host):",
        "    body = parse_body(visit)",
        "    rooms = find_rooms(body, guest)",
    ]
    text = "\n" * 20 + "\n".join(lines) + "\n" * 20
    desk = Desk()
    async with opened(tmp_path, {**UNLIKE, "far/away/visits.py": text}, desk) as folder:
        document = Document("file:///far/away/visits.py", "far/away/visits.py", "python", 1, text)
        desk.opened(document)
        assert (await answered(REFUND, folder, wide(8192)))[1].snippets == ()
        desk.changed(document, [LineEdit(20, 23, 23)])
        prompt, report = await answered(REFUND, folder, wide(8192))
        assert report.snippets == ("far/away/visits.py",)
        assert "def handle_visit(visit, guest, host):" in prompt


async def test_far_parts_of_the_open_file_are_shown(tmp_path: Path) -> None:
    text = alike("return") + "".join(f"number = {n} * factor\n" for n in range(900)) + REFUND
    async with opened(tmp_path, UNLIKE) as folder:
        prompt, report = await answered(text, folder, wide(4096))
    assert report.snippets == ("shop/cart.py",)
    assert prompt.count("store.mark_return(order") == 1
    assert prompt.index("store.mark_return(order") < prompt.index("number = 899") < prompt.index("def handle_refund")


async def test_what_the_window_reaches_all_the_same_is_not_shown_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(found, "WINDOW_CHARACTERS_PER_TOKEN", 0)
    text = alike("return") + "".join(f"number = {n} * factor\n" for n in range(80)) + REFUND
    async with opened(tmp_path, UNLIKE) as folder:
        prompt, report = await answered(text, folder, wide(8192))
        assert report.snippets == ()
        assert prompt == text[: text.index("        ‸")]
        assert (await answered(text, folder, wide(2048, n_context=1536)))[1].snippets == ("shop/cart.py",)


async def test_the_same_code_stays_while_a_file_is_being_written(tmp_path: Path) -> None:
    files = {**UNLIKE, "shop/handlers.py": alike("return"), "shop/others.py": alike("exchange")}
    async with opened(tmp_path, files) as folder:
        first, report = await answered(REFUND, folder, wide(8192))
        further = REFUND.replace("‸", 'if order.is_old:\n            return Response(410, "gone")\n        ‸')
        second, again = await answered(further, folder, wide(8192))
    assert len(report.snippets) == 1
    assert again.snippets == report.snippets
    assert second.startswith(first[: first.index("def handle_refund")])


def test_neither_a_home_nor_a_disk_is_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    project = tmp_path / "home" / "me" / "project"
    project.mkdir(parents=True)
    assert folder_to_index(project, Settings()) == project.resolve()
    for root in (project.parent, tmp_path, Path("/"), None, tmp_path / "missing"):
        assert folder_to_index(root, Settings()) is None
    off = Settings.model_validate({"index": {"enabled": False}})
    assert folder_to_index(project, off) is None
