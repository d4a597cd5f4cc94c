"""``codeslm models info|use|verify|rm|import``: what a model is, which one completes, whether a file is whole, its end,
and those that other programs have.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from codeslm_lsp.cli.config import set_for_user
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.models.catalogue import Entry
from codeslm_lsp.models.choose import expected_prefill, fits, machine
from codeslm_lsp.models.elsewhere import Elsewhere, link, models_elsewhere
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.models.store import Store, open_store, sidecar_path
from codeslm_lsp.models.transfer import gigabytes
from codeslm_lsp.prompt.chat import detect_chat
from codeslm_lsp.prompt.detect import detect
from codeslm_lsp.prompt.vocabulary import read_vocabulary
from codeslm_lsp.settings import EngineSettings
from codeslm_lsp.values import InputError, ModelError, ModelNotFound, ModelUnsuitable

LABELS = {
    "to_do_first": "to do first",
    "fits": "fits here",
    "read_tokens_s": "reads, tokens/s",
    "write_tokens_s": "writes, tokens/s",
    "not_checked": "not checked by us",
    "context_tokens": "context, tokens",
}
"""What ``info`` calls the facts that are not called so in JSON."""


def known_names(incomplete: str) -> list[str]:
    """For completion in a shell: the models of the catalogue, and what else is in the store."""
    store = open_store()
    names = [*(entry.name for entry in store.catalogue.entries), *(model.name for model in store.installed())]
    return [name for name in dict.fromkeys(names) if name.startswith(incomplete)]


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A model's name, an alias, or a file name.", autocompletion=known_names)
]


def info(
    name: Name, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False
) -> None:
    """Show what is known of a model, what of that was not checked, and whether it is here."""
    facts = _facts(open_store(), name)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    table = Table(show_header=False, box=None, pad_edge=False, collapse_padding=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for key, value in facts.items():
        shown = _as_text(value)
        if shown:
            table.add_row(LABELS.get(key, key), shown)
    Console(markup=False, highlight=False).print(table)


def use(name: Name) -> None:
    """Complete with this model from now on, in all editors that do not name one themselves."""
    store = open_store()
    path = store.find(name)
    entry = store.entry_of(path)
    chosen = entry.name if entry is not None else str(path)
    set_for_user("model", chosen)
    Console(stderr=True, markup=False, highlight=False).print(f"{chosen} completes from now on.", soft_wrap=True)


def verify(
    name: Annotated[str, typer.Argument(metavar="NAME", help="One model; without it, all that are here.")] = "",
) -> None:
    """Check that models are whole: read their files again and compare their SHA-256."""
    store = open_store()
    paths = [store.find(name)] if name else [model.path for model in store.installed()]
    if not paths:
        raise ModelNotFound("No model is installed; run `codeslm models pull`.")
    console = Console(markup=False, highlight=False)
    is_wrong = False
    for path in paths:
        entry = store.entry_of(path)
        try:
            sha256 = store.verify(path, entry, again=True)
        except ModelError as error:
            is_wrong = True
            console.print(f"✗ {error}", style="red", soft_wrap=True)
        else:
            said = "as it should be" if entry is not None and entry.sha256 else "which nobody has told us"
            console.print(f"✓ {path.name} has the SHA-256 {sha256[:12]}…, {said}", soft_wrap=True)
    if is_wrong:
        raise typer.Exit(1)


def rm(name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Delete a model of the store, and what an unfinished pull has left of it."""
    store = open_store()
    entry = store.catalogue.get(name)
    path = store.target(entry) if entry is not None else store.find(name)
    if path.absolute().parent != store.root.absolute():
        raise InputError(f"{path} is not in codeslm's folder {store.root}; delete it yourself if you want it gone.")
    partial = store.partial(entry) if entry is not None else None
    is_begun = partial is not None and partial.exists()
    if not path.exists() and not is_begun:
        raise ModelNotFound(f"{name} is not on this machine, so there is nothing to delete.")
    size = gigabytes(path.stat().st_size) if path.exists() else "an unfinished pull"
    if not yes and not typer.confirm(f"Delete {path.name} ({size})?"):
        raise typer.Exit(1)
    for each in (path, sidecar_path(path)):
        each.unlink(missing_ok=True)
    if partial is not None:
        shutil.rmtree(partial, ignore_errors=True)
    Console(stderr=True, markup=False, highlight=False).print(f"{path.name} is deleted.", soft_wrap=True)


def import_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="One that is listed, or a .gguf file; without it, list.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="List as JSON for other programs.")] = False,
) -> None:
    """Use a model that Ollama, LM Studio, llama.cpp or Hugging Face have here, where it lies: nothing is copied."""
    store = open_store()
    found = models_elsewhere()
    if name:
        place = link(_meant(name, found), store)
        entry = store.entry_of(place)
        shown = entry.name if entry is not None else place.stem
        console = Console(stderr=True, markup=False, highlight=False)
        console.print(f"{shown} can be used now: `codeslm models use {shown}`.", soft_wrap=True)
        return
    rows = [
        {"name": each.name, "program": each.program, "size_bytes": each.size_bytes, "good_for": _good_for(each.path)}
        for each in found
    ]
    if as_json:
        paths = [str(each.path) for each in found]
        typer.echo(json.dumps([{**row, "path": path} for row, path in zip(rows, paths, strict=True)], indent=2))
        return
    console = Console(markup=False, highlight=False)
    if not rows:
        console.print("Ollama, LM Studio, llama.cpp and Hugging Face's cache have no .gguf file here.", soft_wrap=True)
        return
    table = Table("name", "of", "size", "good for", box=None, pad_edge=False, collapse_padding=True)
    for row in rows:
        table.add_row(
            str(row["name"]), str(row["program"]), gigabytes(int(str(row["size_bytes"]))), str(row["good_for"])
        )
    console.print(table)
    console.print("\n`codeslm models import NAME` makes one of them usable.", soft_wrap=True)


def _meant(name: str, found: Sequence[Elsewhere]) -> Elsewhere:
    """The one of that name, or the file of that path. Raises ``ModelNotFound``."""
    for each in found:
        if each.name.casefold() == name.casefold():
            return each
    path = Path(name).expanduser().absolute()
    if path.is_file():
        read_header(path)
        return Elsewhere(path.stem, path, "you", path.stat().st_size)
    raise ModelNotFound(f"Nothing called '{name}' was found; `codeslm models import` lists what there is.")


def _good_for(path: Path) -> str:
    """What a file can be used for, by its header alone."""
    try:
        metadata = read_header(path).metadata
        vocabulary = read_vocabulary(metadata)
    except ModelError as error:
        return f"nothing: {error}"
    uses = []
    with suppress(ModelUnsuitable):
        uses.append(f"completion ({detect(vocabulary, metadata).family})")
    with suppress(ModelUnsuitable):
        detect_chat(vocabulary, metadata)
        uses.append("commands")
    return ", ".join(uses) or "nothing: it has neither FIM tokens nor a known way to converse"


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def _acceptance(entry: Entry) -> str | None:
    """What has to be done before a model can be pulled whose owner wants the licence to be accepted."""
    if not entry.gated or entry.hub is None:
        return None
    page = f"https://huggingface.co/{entry.hub.repository}"
    return f"accept the licence on {page} if it asks for that, and run `hf auth login`"


def _memory(entry: Entry) -> str:
    """``"2.2 GB with a context window of 4,096 tokens, 28.7 MB for each 1,000 more"``."""
    tokens = EngineSettings().context_tokens
    more = gigabytes(1000 * entry.kv_bytes_per_token)
    return f"{gigabytes(entry.memory_bytes)} with a context window of {tokens:,} tokens, {more} for each 1,000 more"


def _facts(store: Store, name: str) -> dict[str, Any]:
    """What ``info`` shows; the keys are an interface of ``--json``."""
    entry = store.catalogue.get(name)
    path = store.find(name) if entry is None else store.target(entry)
    facts: dict[str, Any] = {"name": entry.name if entry is not None else path.stem}
    if entry is not None:
        here = machine()
        facts |= {
            "aliases": list(entry.aliases),
            "family": entry.family,
            "roles": list(entry.roles),
            "licence": f"{entry.licence}, {entry.terms}",
            "to_do_first": _acceptance(entry),
            "size": gigabytes(entry.size_bytes) if entry.size_bytes else f"about {gigabytes(entry.about_bytes)}",
            "memory": _memory(entry),
            "fits": fits(entry, here.free_memory_bytes),
            "read_tokens_s": expected_prefill(entry, here),
            "write_tokens_s": entry.decode_tokens_s,
            "sha256": entry.sha256 or None,
            "note": entry.note,
            "tried": "yes" if entry.was_run_here else "no, it was not run where codeslm is developed",
            "not_checked": list(entry.unverified),
        }
    is_here = path.is_file()
    facts["path"] = str(path) if is_here else None
    if is_here:
        metadata = read_header(path).metadata
        architecture = str(metadata.get("general.architecture", ""))
        facts |= {"architecture": architecture, "context_tokens": metadata.get(f"{architecture}.context_length")}
    return facts
