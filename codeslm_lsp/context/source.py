"""What a workspace has to say about a hole. Remembers what it chose for each document, so that prompts stay alike."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from codeslm_lsp.context.choose import choose, snippets_of
from codeslm_lsp.context.near import IDENTIFIER, counted_names, names_near, receiver_before, types_of
from codeslm_lsp.context.stubs import Stub, stubs
from codeslm_lsp.syntax.imports import Import, imports
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
class Hole:
    """Where something is to be written, and what was made out about it from the document alone."""

    document: Document
    cursor: Cursor
    language: str
    imported: tuple[Import, ...]
    enclosing: tuple[str, ...]


def hole_at(document: Document, cursor: Cursor, tree: SyntaxTree) -> Hole:
    """What the document itself says: quick, for it needs no other file."""
    headers = [tree.text[scope.header_start : scope.header_end] for scope in enclosing_scopes(tree, cursor)]
    enclosing = tuple(name for header in headers for name in IDENTIFIER.findall(header))
    return Hole(document, cursor, tree.language.name, imports(tree), enclosing)


class WorkspaceContext:
    """Snippets of a folder's other files. Belongs to an event loop; the index is asked in a thread."""

    def __init__(self, index: Index, is_ready: asyncio.Event) -> None:
        self._index = index
        self._is_ready = is_ready
        self._may_wait = True
        self._chosen: OrderedDict[str, tuple[Stub, ...]] = OrderedDict()

    async def snippets(
        self, document: Document, cursor: Cursor, tree: SyntaxTree | None, n_tokens: int
    ) -> tuple[Snippet, ...]:
        """What of other files is likely to help at ``cursor``, in about ``n_tokens``; nothing where nothing is."""
        if tree is None:
            return ()
        hole = hole_at(document, cursor, tree)
        if not hole.imported:
            return ()
        await self._wait_once()
        ranked = await asyncio.to_thread(self._rank, hole)
        chosen = choose(ranked, self._chosen.get(document.uri, ()), int(n_tokens * CHARACTERS_PER_TOKEN))
        self._remember(document.uri, chosen)
        return snippets_of(chosen)

    def knows(self, name: str) -> bool:
        """Whether a name stands anywhere in the folder. Takes well under a millisecond."""
        return self._index.is_known(name)

    def forget(self, uri: str) -> None:
        """The document is closed."""
        self._chosen.pop(uri, None)

    async def _wait_once(self) -> None:
        if self._may_wait:
            self._may_wait = False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_ready.wait(), FIRST_PATIENCE_S)

    def _rank(self, hole: Hole) -> Sequence[Stub]:
        text, cursor = hole.document.text, hole.cursor
        receiver = receiver_before(text, cursor)
        types = types_of(text, cursor, receiver) if receiver else ()
        near, counts = names_near(text, cursor), counted_names(text)
        return stubs(
            self._index,
            hole.document.path,
            hole.language,
            hole.imported,
            near,
            types,
            hole.enclosing,
            lambda name: counts[name] == 1,
        )

    def _remember(self, uri: str, chosen: tuple[Stub, ...]) -> None:
        self._chosen[uri] = chosen
        self._chosen.move_to_end(uri)
        if len(self._chosen) > MAX_DOCUMENTS:
            self._chosen.popitem(last=False)
