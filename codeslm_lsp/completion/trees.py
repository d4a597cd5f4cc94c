"""The syntax tree of each open document, brought up to date instead of being built anew."""

from __future__ import annotations

from collections import OrderedDict

from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.tree import SyntaxTree, parse
from codeslm_lsp.values import Document

MAX_TREES = 32


class Trees:
    """Trees of the documents asked for most recently."""

    def __init__(self) -> None:
        self._trees: OrderedDict[str, tuple[SyntaxTree, Language]] = OrderedDict()

    def of(self, document: Document, language: Language | None) -> SyntaxTree | None:
        """The tree of this version of the document; None for a language without grammar."""
        if language is None:
            return None
        known = self._trees.get(document.uri)
        if known is not None and known[1] == language:
            tree = known[0].updated(document.text)
        else:
            tree = parse(document.text, language)
        self._trees[document.uri] = (tree, language)
        self._trees.move_to_end(document.uri)
        if len(self._trees) > MAX_TREES:
            self._trees.popitem(last=False)
        return tree

    def forget(self, uri: str) -> None:
        """The document is closed."""
        self._trees.pop(uri, None)
