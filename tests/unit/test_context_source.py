"""What a folder's other files add to a prompt: the real indexer, the real index, and the replaying engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from codeslm_lsp.completion.completer import Completer
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.lsp.folder import Folder, folder_to_index
from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import Cursor, Document, Trigger
from tests.support.replay import FORMAT, SUF, ByteTokenizer, ReplayEngine, Script

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


@pytest.fixture
async def folder(tmp_path: Path) -> AsyncIterator[Folder]:
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    opened = Folder(tmp_path, Settings())
    opened.start()
    async with asyncio.timeout(20):
        await opened.ready()
    yield opened
    await opened.close()


async def prompt_of(marked: str, folder: Folder, settings: Settings) -> str:
    engine = ReplayEngine(Script())

    async def read_format() -> ModelFormat:
        return ModelFormat(FORMAT, ByteTokenizer())

    document = Document("file:///shop/cart.py", "shop/cart.py", "python", 1, marked.replace("‸", ""))
    completer = Completer(engine, read_format, settings, folder.context)
    await completer.complete(document, Cursor(marked.index("‸")), Trigger.INVOKED)
    [request] = engine.requests
    return bytes(request.token_ids[1 : request.token_ids.index(SUF)]).decode()


def wide() -> Settings:
    return Settings.model_validate({"prompt": {"max_tokens": 2048}, "completion": {"prefetch": "never"}})


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
    [snippet] = await folder.context.snippets(document, Cursor(text.index("‸")), tree, n_tokens=30)
    assert "def cheapest" in snippet.text


async def test_nothing_is_added_where_nothing_is_imported_from_the_folder(folder: Folder) -> None:
    assert await prompt_of("import os\n\nos.‸\n", folder, wide()) == "import os\n\n"


async def test_it_can_be_switched_off(folder: Folder) -> None:
    settings = wide().model_copy(update={"context": wide().context.model_copy(update={"enabled": False})})
    assert await prompt_of(CART, folder, settings) == CART[: CART.index("    return")]


def test_neither_a_home_nor_a_disk_is_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    project = tmp_path / "home" / "me" / "project"
    project.mkdir(parents=True)
    assert folder_to_index(project, Settings()) == project.resolve()
    for root in (project.parent, tmp_path, Path("/"), None, tmp_path / "missing"):
        assert folder_to_index(root, Settings()) is None
    off = Settings.model_validate({"index": {"enabled": False}})
    assert folder_to_index(project, off) is None
