"""What a workspace has to say about a hole. Remembers what it chose for each document, so that prompts stay alike."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.context.choose import beside, choose, n_needed, snippets_of
from codeslm_lsp.context.choose_chunks import MIN_CHARACTERS, choose_chunks
from codeslm_lsp.context.chunks import Chunk
from codeslm_lsp.context.desk import Desk
from codeslm_lsp.context.found import Found, Hole, find
from codeslm_lsp.context.near import IDENTIFIER
from codeslm_lsp.context.similar import repeats_hole
from codeslm_lsp.context.stubs import Stub
from codeslm_lsp.context.texts import Texts
from codeslm_lsp.context.unimported import SEES_WITHOUT_IMPORT
from codeslm_lsp.syntax.definitions import definitions
from codeslm_lsp.syntax.imports import Import, imported_names, imports
from codeslm_lsp.syntax.scopes import enclosing_scopes
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Cursor, Document, Snippet
from codeslm_lsp.workspace.index import Index

CHARACTERS_PER_TOKEN = 3.2
"""Of signatures, for the vocabularies in use. What turns out not to fit is left out by ``prompt``."""

MAX_DOCUMENTS = 32

FIRST_PATIENCE_S = 1.0
"""How long the first prompt waits for an index that is still being made: that of a small folder takes about as long,
and evaluating the prompt takes longer."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What was chosen for a document, and stays as long as it serves."""

    stubs: tuple[Stub, ...] = ()
    chunks: tuple[Chunk, ...] = ()


def hole_at(document: Document, cursor: Cursor, tree: SyntaxTree, n_window: int) -> Hole:
    """What the document itself says: quick, for it needs no other file."""
    headers = [tree.text[scope.header_start : scope.header_end] for scope in enclosing_scopes(tree, cursor)]
    enclosing = tuple(name for header in headers for name in IDENTIFIER.findall(header))
    language = tree.language.name
    own = definitions(tree) if language in SEES_WITHOUT_IMPORT else ()
    defined = frozenset(each.name for each in own)
    return Hole(document, cursor, language, imports(tree), enclosing, defined, n_window, _renamed(tree))


def _renamed(tree: SyntaxTree) -> dict[str, str]:
    """``import a.plots as p`` → p: plots."""
    if tree.language.name != "python":
        return {}
    last = {each.name: each.meaning.rpartition(".")[2] for each in imported_names(tree)}
    return {name: original for name, original in last.items() if name != original and name != "*"}


class WorkspaceContext:
    """Snippets of a folder's other files. Belongs to an event loop; index and files are asked in a thread."""

    def __init__(self, index: Index, folder: Path, desk: Desk, is_ready: asyncio.Event) -> None:
        self._index = index
        self._texts = Texts(folder)
        self._desk = desk
        self._is_ready = is_ready
        self._may_wait = True
        self._shown: OrderedDict[tuple[str, int], _Shown] = OrderedDict()

    async def snippets(
        self, document: Document, cursor: Cursor, tree: SyntaxTree | None, n_tokens: int, n_window: int
    ) -> tuple[Snippet, ...]:
        """What of other files is likely to help at ``cursor``, in about ``n_tokens``; nothing where nothing is.

        Of the document ``n_window`` tokens at most are shown. Signatures come first, which change least, then code.
        """
        if tree is None:
            return ()
        hole = hole_at(document, cursor, tree, n_window)
        await self._wait_once()
        # A short prompt's choice says nothing about a whole one's, and the other way round.
        key = (document.uri, n_tokens)
        before = self._shown.get(key, _Shown())
        found = await asyncio.to_thread(find, self._index, self._texts, self._desk.now(), hole, before.chunks)
        n_characters = int(n_tokens * CHARACTERS_PER_TOKEN)
        stubs = choose(found.stubs, before.stubs, n_characters)
        n_room = n_characters - n_needed(stubs)
        chunks = _chunks(found, n_room)
        self._remember(key, _Shown(stubs, chunks if n_room >= MIN_CHARACTERS else before.chunks))
        n_taken = sum(len(chunk.path) + len(chunk.text) for chunk in chunks)
        return (
            *snippets_of(beside(stubs, n_taken, n_characters) if chunks else stubs),
            *(Snippet(chunk.path, chunk.text + "\n") for chunk in chunks),
        )

    def knows(self, name: str) -> bool:
        """Whether a name stands anywhere in the folder. Takes well under a millisecond."""
        return self._index.is_known(name)

    def has_module(self, path: str, module: str) -> bool:
        """Whether ``import module`` in the Python file ``path`` means a file of the folder. Takes as long."""
        return bool(self._index.resolve(path, "python", Import(module, ())))

    def forget(self, uri: str) -> None:
        """The document is closed."""
        for key in [key for key in self._shown if key[0] == uri]:
            del self._shown[key]

    async def _wait_once(self) -> None:
        if self._may_wait:
            self._may_wait = False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_ready.wait(), FIRST_PATIENCE_S)

    def _remember(self, key: tuple[str, int], shown: _Shown) -> None:
        self._shown[key] = shown
        self._shown.move_to_end(key)
        if len(self._shown) > MAX_DOCUMENTS:
            self._shown.popitem(last=False)


def _chunks(found: Found, n_characters: int) -> tuple[Chunk, ...]:
    weights = {name: weight * found.rarity_of(name) for name, weight in found.query.weights.items()}
    return choose_chunks(
        found.chunks, found.before, weights, n_characters, lambda chunk: repeats_hole(chunk.text, found.query)
    )
