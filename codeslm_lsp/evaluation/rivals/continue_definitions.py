"""Continue: what its language server would find for the names around a hole, out of a repository's files.

``context/ContextRetrievalService.ts`` takes the imported names near the cursor, ``context/root-path-context`` the types
in the headers of the enclosing definitions, and asks the editor's language server where they are defined. There is none
here: a name means the definition of that name whose path is most like the module's. The whole definition is taken, as
TypeScript's server gives it; some servers, such as Pyright, give no more than the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from codeslm_lsp.evaluation.cases import Case
from codeslm_lsp.evaluation.rivals.rival import Files
from codeslm_lsp.syntax.definitions import definitions
from codeslm_lsp.syntax.imports import imports
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.scopes import enclosing_scopes
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import Snippet

LINES_BEFORE, LINES_AFTER = 5, 3
"""Where names are looked for (``getSnippetsFromImportDefinitions``)."""

_BETWEEN_SYMBOLS = re.compile(r"[\s.,/#!$%^&*;:{}=\-_`~()\[\]]")
"""``rx`` of ``context/ranking/index.ts``. The underscore is in it: ``read_file`` is never found."""
_NAME = re.compile(r"\w+")
_KEYWORDS = frozenset({"def", "class", "function", "module", "export", "import"})
"""``topLevelKeywords`` of ``constants/AutocompleteLanguageInfo.ts``."""


class Definitions:
    """The definitions at the top of each file, by their names: ``{name: [(path, text)]}``."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, list[tuple[str, str]]] | None = None

    def around(self, case: Case) -> list[Snippet]:
        """Of other files: those of the enclosing headers' names, then those of imported names near the cursor."""
        language = language_of(case.language, case.path)
        if language is None or not self._files:
            return []
        tree = parse(case.prefix + case.suffix, language)
        modules = {name: each.module for each in imports(tree) for name in each.names}
        headers = " ".join(
            tree.text[scope.header_start : scope.header_end] for scope in enclosing_scopes(tree, len(case.prefix))
        )
        wanted = [*_NAME.findall(headers), *_symbols_near(case)]
        found = (self._find(name, modules, case.path) for name in dict.fromkeys(wanted) if name in modules)
        return list(dict.fromkeys(each for each in found if each is not None))

    def _find(self, name: str, modules: Mapping[str, str], own_path: str) -> Snippet | None:
        candidates = [each for each in self._all().get(name, ()) if each[0] != own_path]
        module = modules[name]
        is_relative = module.startswith(".")
        steps = [step for step in re.split(r"\W+", module) if step]

        def likeness(path: str) -> int:
            return len({*re.split(r"\W+", path)} & {*steps})

        best = max(candidates, key=lambda each: likeness(each[0]), default=None)
        if best is None or not (is_relative or likeness(best[0])):
            return None
        return Snippet(*best)

    def _all(self) -> Mapping[str, list[tuple[str, str]]]:
        if self._known is None:
            self._known = {}
            for path, text in sorted(self._files.items()):
                for name, body in _at_the_top(path, text):
                    self._known.setdefault(name, []).append((path, body))
        return self._known


def _symbols_near(case: Case) -> Iterator[str]:
    before = "\n".join(case.prefix.split("\n")[-LINES_BEFORE:])
    after = "\n".join(case.suffix.split("\n")[:LINES_AFTER])
    return (symbol for symbol in _BETWEEN_SYMBOLS.split(before + after) if symbol and symbol not in _KEYWORDS)


def _at_the_top(path: str, text: str) -> Iterator[tuple[str, str]]:
    """Definitions that are in no other, with all of their text."""
    language = language_of("", path)
    if language is None:
        return
    end = 0
    for each in definitions(parse(text, language)):
        if each.start >= end:
            end = each.end
            yield each.name, text[each.start : each.end]
