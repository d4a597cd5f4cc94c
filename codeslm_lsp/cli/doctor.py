"""``codeslm doctor``: whether everything works here, line by line, each with what to do where it does not."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Awaitable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import psutil
import typer

from codeslm_lsp import __version__
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.cli.wiring import launch, model_path
from codeslm_lsp.completion.completer import Completer
from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.engine.llama_build import unused_features, used_features
from codeslm_lsp.engine.rendezvous import base_folder
from codeslm_lsp.models.choose import machine
from codeslm_lsp.models.store import Store, open_store
from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.settings import Settings, resolve, sources_here, user_file
from codeslm_lsp.usage.journal import usage_file
from codeslm_lsp.values import CodeslmError, Completion, Cursor, Document, Skip, Trigger

State = Literal["ok", "warning", "problem"]

MARKS: dict[State, tuple[str, str]] = {"ok": ("✓", ""), "warning": ("!", "yellow"), "problem": ("✗", "red")}

EDITORS = {
    "nvim": ("Neovim", "0.11"),
    "code": ("VS Code", "1.91"),
    "codium": ("VSCodium", "1.91"),
    "emacs": ("Emacs", "29"),
    "hx": ("Helix", "23"),
}
"""Programs on the path: what they are called, and the first version that codeslm works with."""

TOOLS = {"ruff": "fix, implement, simplify", "mypy": "types, fix", "node": "translate"}
"""Programs that commands check their answers with."""

SAMPLE = "def add(a, b):\n    ret"
PATIENCE_S = 10.0

_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\"(),;]+)+(?=[/\\])")
"""The folders of a path, whose names tell of the user."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. ``remedy`` says what to do, and is empty where nothing need be done."""

    topic: str
    state: State
    detail: str
    remedy: str = ""


def doctor(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a report, without your folders.")] = False,
) -> None:
    """Check everything that codeslm needs, complete some code, and say what to do where something is wrong."""
    settings: Settings = context.obj
    console = Console(markup=False, highlight=False)
    found: list[Finding] = []
    for finding in findings(settings):
        found.append(finding)
        if not as_json:
            mark, style = MARKS[finding.state]
            console.print(f"{mark} {finding.topic}: {finding.detail}", style=style, soft_wrap=True)
            if finding.remedy:
                console.print(f"    {finding.remedy}", soft_wrap=True)
    if as_json:
        rows = [{key: without_folders(value) for key, value in asdict(each).items()} for each in found]
        typer.echo(json.dumps(rows, indent=2))
    if any(each.state == "problem" for each in found):
        raise typer.Exit(1)


def findings(settings: Settings) -> Iterator[Finding]:
    """All checks, each as it is done; what takes long comes last."""
    yield Finding(
        "codeslm", "ok", f"{__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    yield _build()
    yield from _settings()
    store = open_store()
    yield _models(store)
    yield from _folders(store)
    yield _sandbox()
    yield from _editors()
    yield _tools()
    yield from asyncio.run(_model(settings, store))


def without_folders(text: str) -> str:
    """``/home/ann/models/x.gguf`` → ``…/x.gguf``."""
    return _PATH.sub("…", text)


def _build() -> Finding:
    used = ", ".join(sorted(used_features() & {"AVX", "AVX2", "AVX512", "AVX512_VNNI", "NEON", "DOTPROD", "METAL"}))
    cores = machine().n_physical_cores
    detail = f"{cores} cores; llama.cpp uses {used or 'no vector instructions'}"
    if unused := unused_features():
        again = "pip install --force-reinstall --no-cache-dir --no-binary llama-cpp-python llama-cpp-python"
        return Finding(
            "processor",
            "warning",
            f"{detail}, and not {', '.join(sorted(unused))}, which it has",
            f"Compile llama.cpp on this machine: {again}",
        )
    return Finding("processor", "ok", detail)


def _settings() -> Iterator[Finding]:
    sources, unreadable = sources_here(Path.cwd())
    _, problems = resolve(sources)
    for sentence in (*unreadable, *problems):
        yield Finding("settings", "warning", sentence, "`codeslm config show` tells what holds.")
    if not (unreadable or problems):
        names = ", ".join(source.name for source in sources)
        yield Finding("settings", "ok", f"from {names}" if names else f"defaults; your own would be in {user_file()}")


def _models(store: Store) -> Finding:
    installed = store.installed()
    damaged = [model.name for model in installed if model.damaged]
    if damaged:
        remedy = f"Run `codeslm models pull {damaged[0]}` to get it again."
        return Finding("models", "problem", f"{', '.join(damaged)} in {store.root} is not whole", remedy)
    if not installed:
        return Finding(
            "models", "problem", f"none in {store.root}", "Run `codeslm models pull`; it chooses one that fits."
        )
    return Finding("models", "ok", f"{', '.join(model.name for model in installed)} in {store.root}")


def _folders(store: Store) -> Iterator[Finding]:
    """Places that have to be written to."""
    try:
        base_folder()
    except (CodeslmError, OSError) as error:
        yield Finding("engine", "problem", str(error), "Set XDG_RUNTIME_DIR to a folder that only you may read.")
    for topic, folder, variable in (
        ("model folder", store.root, "CODESLM_MODELS_DIR"),
        ("statistics", usage_file().parent, "CODESLM_USAGE_DIR"),
    ):
        existing = next(each for each in (folder, *folder.parents) if each.exists())
        if not os.access(existing, os.W_OK):
            yield Finding(topic, "warning", f"{existing} cannot be written", f"Set {variable} to another folder.")


def _sandbox() -> Finding:
    try:
        mechanism = asyncio.run(detect())
    except CodeslmError as error:
        return Finding("sandbox", "warning", f"{error}", "Without one, commands run no code; everything else works.")
    return Finding("sandbox", "ok", mechanism.name)


def _editors() -> Iterator[Finding]:
    found = {program: path for program in EDITORS if (path := shutil.which(program))}
    for program, path in found.items():
        name, least = EDITORS[program]
        version = _version_of(path)
        if version and _numbers(version) < _numbers(least):
            yield Finding("editor", "warning", f"{name} {version} is too old", f"{least} or newer is needed.")
        else:
            yield Finding("editor", "ok", f"{name} {version}".strip())
    if not found:
        names = ", ".join(name for name, _ in EDITORS.values())
        yield Finding("editor", "warning", f"none on the path ({names})", "Set one up as editors/README.md says.")


def _version_of(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(?:\.\d+)+", done.stdout)
    return found[0] if found else ""


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(each) for each in version.split("."))


def _tools() -> Finding:
    beside = Path(sys.executable).parent
    missing = [name for name in TOOLS if not (shutil.which(name) or shutil.which(name, path=str(beside)))]
    if not missing:
        return Finding("checkers", "ok", ", ".join(TOOLS))
    detail = "; ".join(f"{name} is missing ({TOOLS[name]} check less)" for name in missing)
    return Finding(
        "checkers", "warning", detail, "They are optional: `pip install ruff mypy`, and node from nodejs.org."
    )


async def _model(settings: Settings, store: Store) -> list[Finding]:
    """The model that completes: its file, its form, memory for it, and a completion by it."""
    try:
        launched = launch(settings)
        path = None if launched.is_remote else model_path(settings, store)[0]
    except CodeslmError as error:
        return [Finding("model", "problem", str(error), "`codeslm models list` shows what there is.")]
    try:
        return [
            *([_memory(path, store)] if path is not None else []),
            await _or_problem("model", _format(launched)),
            await _or_problem("completion", _completion(launched, settings)),
        ]
    finally:
        await launched.close()


def _memory(path: Path, store: Store) -> Finding:
    entry = store.entry_of(path)
    needed = entry.memory_bytes if entry is not None else path.stat().st_size
    free, total = psutil.virtual_memory().available, psutil.virtual_memory().total
    detail = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB are free, {path.stem} needs {needed / 1e9:.1f}"
    if needed > free:
        return Finding(
            "memory", "warning", detail, "Close programs, or take a smaller model: `codeslm models use 0.5b`."
        )
    return Finding("memory", "ok", detail)


async def _or_problem(topic: str, check: Awaitable[Finding]) -> Finding:
    try:
        return await check
    except CodeslmError as error:
        return Finding(topic, "problem", str(error))


async def _format(launched: Launched) -> Finding:
    model_format = await launched.read_format()
    family = model_format.fim.family
    talks = "answers commands too" if model_format.chat is not None else "completes only; commands need another"
    if model_format.warning:
        return Finding("model", "warning", model_format.warning, "`codeslm models list` shows models for completion.")
    return Finding("model", "ok", f"{launched.message.rstrip('.')}; fill-in-the-middle as {family}, {talks}")


async def _completion(launched: Launched, settings: Settings) -> Finding:
    began = time.perf_counter()
    document = Document("file:///sample.py", "sample.py", "python", 1, SAMPLE)
    report = await Completer(launched.engine, launched.read_format, settings).complete(
        document, Cursor(len(SAMPLE)), Trigger.INVOKED
    )
    seconds = time.perf_counter() - began
    if isinstance(report.outcome, Skip):
        return Finding("completion", "problem", report.outcome.detail, "Run `codeslm doctor --json` and report it.")
    assert isinstance(report.outcome, Completion)
    first = report.outcome.text.split("\n")[0]
    model_ms = report.timings.prefill_ms + report.timings.decode_ms
    detail = f"ret⟦{first}⟧ after {seconds:.1f} s with loading, of which {model_ms:.0f} ms by the model"
    return Finding("completion", "ok", detail)
