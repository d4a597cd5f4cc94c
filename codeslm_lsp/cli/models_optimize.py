"""``codeslm models optimize``: the same model in numbers that this processor handles quicker, if that costs little."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.cli.wiring import model_path
from codeslm_lsp.engine.requantize import GROWTH, KINDS, compare, requantize, require_memory
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.models.pull import SPARE
from codeslm_lsp.models.store import Store, open_store
from codeslm_lsp.models.transfer import gigabytes, hash_file, require_space
from codeslm_lsp.models.workbench import workbench
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Comparison, InputError

PROMPT_TOKENS, ANSWER_TOKENS = 128, 16
"""What a suggestion costs, typically: some lines that are new to the prompt, and one line as the answer."""

MIN_GAIN = 1.1
"""A tenth quicker at least, or it is not worth the disk."""
MAX_LOSS_NATS = 0.05
"""How much worse the model may predict a token of code: 5 % of the probability that it gives to what is right. On the
same text, 0.3 nats lie between the 0.5B and the 1.5B of Qwen2.5-Coder."""

TEXT_CHARACTERS = 2_600
N_TEXTS = 4


def optimize(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="An installed model; without one, the model in use.")
    ] = "",
    text: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Code on which to compare; else some of codeslm's own.")
    ] = None,
    max_loss: Annotated[
        float, typer.Option(metavar="NATS", min=0.0, help="How much worse it may predict a token, in nats.")
    ] = MAX_LOSS_NATS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only measure; keep nothing.")] = False,
) -> None:
    """Write a copy of a model in numbers that this processor handles quicker, if it predicts code as well."""
    store = open_store()
    settings: Settings = context.obj or Settings()
    path, _ = model_path(settings.model_copy(update={"model": name}) if name else settings, store)
    read_header(path)  # llama.cpp itself ends the process on a damaged file.
    if text is not None and not text.is_file():
        raise InputError(f"The file {text} cannot be read; check its path.")
    with workbench(store) as folder:
        found = _candidates(path, folder, text or _own_code(folder))
        console = Console(highlight=False)
        console.print(_table(path, found))
        kind = best({kind: comparison for kind, (_, comparison) in found.items()}, max_loss)
        if kind is None:
            console.print(
                f"None is a tenth quicker than {path.stem} and predicts code as well (within {max_loss:g} nats, "
                "see `--max-loss`); keep using it.",
                soft_wrap=True,
            )
        else:
            keep = _keep_nothing if dry_run else _keep
            console.print(keep(store, path, kind, found[kind][0]), soft_wrap=True)


def _candidates(path: Path, folder: Path, text: Path) -> dict[str, tuple[Path, Comparison]]:
    """Each kind's file in ``folder``, and how it compares."""
    require_space(folder, int(path.stat().st_size * sum(GROWTH.values()) * SPARE))
    require_memory(path, max(GROWTH.values()))
    stderr = Console(stderr=True, markup=False, highlight=False)
    found: dict[str, tuple[Path, Comparison]] = {}
    for kind in KINDS:
        candidate = folder / f"{kind}.gguf"
        with stderr.status(f"{kind}: writing and comparing, for some minutes", spinner="line"):
            requantize(path, candidate, kind)
            found[kind] = candidate, compare(path, candidate, text)
    return found


def best(comparisons: dict[str, Comparison], max_loss_nats: float) -> str | None:
    """The quickest of those that are worth it and predict code as well, or ``None``."""
    good = {
        kind: gain(comparison)
        for kind, comparison in comparisons.items()
        if comparison.nll[1] - comparison.nll[0] <= max_loss_nats and gain(comparison) >= MIN_GAIN
    }
    return max(good, key=lambda kind: good[kind]) if good else None


def gain(comparison: Comparison) -> float:
    """How many times as quick a typical suggestion is."""
    before, after = (
        PROMPT_TOKENS / prefill + ANSWER_TOKENS / decode
        for prefill, decode in zip(comparison.prefill_tokens_s, comparison.decode_tokens_s, strict=True)
    )
    return before / after


def _keep(store: Store, path: Path, kind: str, candidate: Path) -> str:
    """Put the candidate into the store, beside the original; a sentence saying how to use it."""
    entry = store.entry_of(path)
    name = f"{entry.name if entry else path.stem}-{kind}"
    target = store.root / f"{name}.gguf"
    read_header(candidate)
    sha256 = hash_file(candidate, lambda _: None)
    with candidate.open("rb+") as file:
        os.fsync(file.fileno())  # or a power cut would leave a file of zeros that is remembered as verified
    candidate.replace(target)
    store.record(target, sha256, f"requantised from {path.name}")
    return f"Kept as {name} ({target}); use it with the setting model = {name!r}, or `codeslm --model {name} …`."


def _keep_nothing(_store: Store, path: Path, kind: str, _candidate: Path) -> str:
    return f"{kind} is worth it; run the command without `--dry-run` to keep it beside {path.stem}."


def _own_code(folder: Path) -> Path:
    """Parts of the largest files of this very program, from their first definition on: code that no model has read."""
    package = Path(__file__).parents[1]
    files = sorted(package.rglob("*.py"), key=lambda file: (-file.stat().st_size, file.name))[:N_TEXTS]
    text = folder / "text"
    code = (_definitions(file.read_text(encoding="utf-8"))[:TEXT_CHARACTERS] for file in files)
    text.write_text("\n".join(code), encoding="utf-8", newline="\n")
    return text


def _definitions(source: str) -> str:
    starts = [position for start in ("\nclass ", "\ndef ") if (position := source.find(start)) >= 0]
    return source[min(starts, default=0) :]


def _table(path: Path, found: dict[str, tuple[Path, Comparison]]) -> Table:
    title = f"{path.stem}, on {next(iter(found.values()))[1].n_tokens} tokens of code"
    headings = ("", "size", "prompt tokens/s", "produced tokens/s", "a suggestion", "loss, nats", "same token")
    table = Table(*headings, title=title, title_justify="left")
    for kind, (file, comparison) in found.items():
        before, after = comparison.nll
        table.add_row(
            kind,
            f"{gigabytes(path.stat().st_size)} → {gigabytes(file.stat().st_size)}",
            "{:.1f} → {:.1f}".format(*comparison.prefill_tokens_s),
            "{:.1f} → {:.1f}".format(*comparison.decode_tokens_s),
            f"{gain(comparison):.2f} × as quick",
            f"{before:.3f}, {after - before:+.3f} ± {1.96 * comparison.nll_error:.3f}",
            f"{comparison.n_agreeing / comparison.n_tokens:.1%}",
        )
    return table
