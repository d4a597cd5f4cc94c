"""What a Python document imports, and what its environment says of that: which names exist, and which do not."""

from __future__ import annotations

import re
from collections.abc import Callable

from codeslm_lsp.syntax.imports import imported_names
from codeslm_lsp.syntax.position import kind_at
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Document
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.shadows import is_shadowed

NEAR_CHARS = 1000
"""So far from the cursor it is looked for what is taken of what was taken of a module, such as ``os.path.join``."""

MAX_SUBJECTS = 128
"""A file that imports more is unusual; the rest is not asked for."""

_OF_MEMBER = re.compile(r"(?<![\w.])([^\W\d]\w*)\.([^\W\d]\w*)(?=\.)")


class Grounding:
    """One version of a document in its environment. Asks for what is not known yet, and never waits for it.

    Made while the engine works, so that little is left to be done when its answer is there.
    """

    def __init__(
        self,
        environment: Environment,
        document: Document,
        cursor: int,
        tree: SyntaxTree,
        is_own: Callable[[str], bool],
    ) -> None:
        self._environment = environment
        self._is_own = is_own
        self.document = document
        self.cursor = cursor
        self.tree = tree
        self.is_in_code = kind_at(tree, cursor) == "code"
        names = imported_names(tree)
        found = [each for each in names if not each.module.startswith(".")]
        meanings: dict[str, set[str]] = {}
        for each in names:
            meanings.setdefault(each.name, set()).add(each.meaning)
        self._meanings = {name: meant.pop() for name, meant in meanings.items() if len(meant) == 1}
        near = document.text[max(0, cursor - NEAR_CHARS) : cursor + NEAR_CHARS]
        of_members = [
            f"{self._meanings[name]}.{member}" for name, member in _OF_MEMBER.findall(near) if name in self._meanings
        ]
        # What is asked for last is answered first.
        subjects = [
            *(each.meaning for each in found if each.name != "*"),
            *of_members,
            *(each.module for each in found),
        ]
        self._subjects = tuple(dict.fromkeys(reversed(subjects)))[:MAX_SUBJECTS]
        environment.ask(reversed(self._subjects))

    def meaning(self, name: str) -> str | None:
        """The module, or the member of one, that a name surely stands for; None where it may stand for anything."""
        return None if "*" in self._meanings else self._meanings.get(name)

    def knows(self, name: str) -> bool:
        """Whether anything that the document imports, or takes of an import near the cursor, has a name like this."""
        return any(name in (self._environment.members(subject) or ()) for subject in self._subjects)

    def lacks(self, module: str, name: str) -> bool:
        """Whether a module surely has no such name: it is the environment's, and says all it has."""
        if not self._environment.lacks(module, name):
            return False
        return not is_shadowed(self.document, module) and not self._is_own(module)
