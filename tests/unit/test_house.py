"""The house rules: arrows between rooms go up only, a library is imported only in its room, and code is clean."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "codeslm_lsp"

ROOMS = (
    "values",
    "settings",
    "resources",
    "syntax",
    "mathematics",
    "workspace",
    "context",
    "models",
    "prompt",
    "engine",
    "completion",
    "sandbox",
    "usage",
    "reasoning",
    "lsp",
    "serving",
    "evaluation",
    "cli",
)
"""In reading order: each may import only itself and rooms before it (ARCHITECTURE.md)."""

OWNERS = {
    "pydantic": ("settings",),
    "tree_sitter": ("syntax/",),
    "huggingface_hub": ("models/",),
    "filelock": ("workspace/", "models/", "engine/claim", "engine/rendezvous"),
    "pathspec": ("workspace/ignored",),
    "watchfiles": ("workspace/watch",),
    "sqlite3": ("workspace/", "usage/"),
    "jedi": ("workspace/environment_",),
    "parso": ("workspace/environment_process",),
    "httpx2": ("engine/remote",),
    "starlette": ("serving/",),
    "uvicorn": ("serving/listen",),
    "tiktoken": ("prompt/",),
    "jinja2": ("prompt/chat_rendering",),
    "llama_cpp": ("engine/llama",),
    "numpy": ("engine/",),
    "pygls": ("engine/wire", "lsp/", "evaluation/"),
    "lsprotocol": ("lsp/", "evaluation/"),
    "cattrs": ("engine/wire", "lsp/"),
    "typer": ("cli/",),
    "tomlkit": ("cli/config",),
    "rich": ("cli/",),
    "matplotlib": ("evaluation/plot",),
    "plotly": ("usage/page",),
    "sympy": ("mathematics/",),
    "mpmath": ("mathematics/",),
    "pint": ("mathematics/units",),
    "hypothesis": ("reasoning/differ_inside",),
    "platformdirs": ("",),
    "psutil": ("",),
}
"""Which modules may import which library; a prefix of the module's path. Whatever is not listed may not be imported."""


def modules() -> list[str]:
    return sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))


def imports(module: str) -> Iterator[str]:
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} has a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str:
    return module.split("/")[0]


@pytest.mark.parametrize("module", [module for module in modules() if module != "__init__"])
def test_arrows_go_up(module: str) -> None:
    own = ROOMS.index(room_of(module))
    for name in imports(module):
        if name.startswith("codeslm_lsp."):
            target = name.split(".")[1]
            if target != "__version__":
                assert ROOMS.index(target) <= own, f"{module} imports {name}, a room below its own"


@pytest.mark.parametrize("module", modules())
def test_libraries_stay_in_their_rooms(module: str) -> None:
    for name in imports(module):
        library = name.split(".")[0]
        if (library in sys.stdlib_module_names and library not in OWNERS) or library == "codeslm_lsp":
            continue
        owner = OWNERS.get("tree_sitter" if library.startswith("tree_sitter") else library)
        assert owner is not None, f"{module} imports {library}, which no room owns"
        assert any(module.startswith(prefix) for prefix in owner), f"{module} imports {library}, owned by {owner}"


def test_the_sandbox_stands_alone() -> None:
    for module in (name for name in modules() if name.startswith("sandbox/")):
        rooms = {name.split(".")[1] for name in imports(module) if name.startswith("codeslm_lsp.")}
        assert rooms <= {"values", "settings", "resources", "sandbox"}, f"{module} imports {rooms}"


@pytest.mark.parametrize(
    "script",
    [
        "sandbox/inside",
        "sandbox/launch",
        "reasoning/differ_inside",
        "reasoning/doctests_inside",
        "reasoning/count_inside",
    ],
)
def test_scripts_that_run_alone_import_nothing_of_ours(script: str) -> None:
    assert not [name for name in imports(script) if name.startswith("codeslm_lsp")]


def test_every_room_is_in_the_plan() -> None:
    plan = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    places = [plan.index(f"| `{room}{'.py' if (PACKAGE / f'{room}.py').exists() else '/'}` |") for room in ROOMS]
    assert places == sorted(places)
    found = {room_of(module) for module in modules()} - {"__init__"}
    assert found == set(ROOMS)


def test_nothing_else_stands_at_the_top() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    top = {path.split("/")[0] for path in tracked if not path.startswith(".")}
    assert top <= {
        *("pyproject.toml", "README.md", "ARCHITECTURE.md", "LICENSE"),
        *("codeslm_lsp", "prompts", "grammars", "tests", "editors"),
    }


@pytest.mark.parametrize(
    "command",
    [
        ("ruff", "check", "."),
        ("ruff", "format", "--check", "."),
        ("mypy",),
    ],
    ids=["lint", "format", "types"],
)
def test_code_is_clean(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
