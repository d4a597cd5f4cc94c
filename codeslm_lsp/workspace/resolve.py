"""An import of one file → the files of the folder that it means, by the customs of its language. Reads no file.

Only what lies in the folder is found; an import of a library usually means nothing here. Where a language's own rules
need a build system's answer, the file is taken whose path fits the import best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.paths import Paths
from codeslm_lsp.workspace.resolve_names import csharp_targets, go_targets, java_targets, php_targets, rust_targets
from codeslm_lsp.workspace.resolve_paths import (
    bash_targets,
    include_targets,
    lua_targets,
    ruby_targets,
    script_targets,
)
from codeslm_lsp.workspace.resolve_python import python_targets
from codeslm_lsp.workspace.targets import Target

_RESOLVERS: Mapping[str, Callable[[Paths, str, Import], Sequence[Target]]] = MappingProxyType(
    {
        "python": python_targets,
        "javascript": script_targets,
        "typescript": script_targets,
        "tsx": script_targets,
        "go": go_targets,
        "rust": rust_targets,
        "java": java_targets,
        "c": include_targets,
        "cpp": include_targets,
        "csharp": csharp_targets,
        "ruby": ruby_targets,
        "php": php_targets,
        "bash": bash_targets,
        "lua": lua_targets,
    }
)


def resolve(paths: Paths, path: str, language: str, imported: Import) -> tuple[Target, ...]:
    """What an import in the file ``path`` means; the file itself is never among it."""
    resolver = _RESOLVERS.get(language)
    if resolver is None or not imported.module:
        return ()
    found = {target.path: target for target in reversed(resolver(paths, path, imported)) if target.path != path}
    return tuple(reversed(found.values()))
