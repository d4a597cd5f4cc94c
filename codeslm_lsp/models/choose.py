"""This machine's memory and cores → the model to use for completion, and one sentence saying why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import psutil

from codeslm_lsp.models.catalogue import Catalogue, Entry, load_catalogue
from codeslm_lsp.models.cores import n_usable_cores
from codeslm_lsp.models.store import Store


@dataclass(frozen=True, slots=True)
class Choice:
    """A model's name and the reason for it, with the numbers."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides which model fits. ``free_memory_bytes`` is what can be had without swapping."""

    free_memory_bytes: int
    n_physical_cores: int


def machine() -> Machine:
    """This machine, now."""
    return Machine(psutil.virtual_memory().available, n_usable_cores())


def fits(entry: Entry, free_memory_bytes: int) -> bool:
    """Whether ``entry`` runs here without swapping."""
    return entry.memory_bytes <= free_memory_bytes


def choose_default(
    installed: Collection[str], free_memory_bytes: int, n_physical_cores: int, catalogue: Catalogue | None = None
) -> Choice:
    """The best model for completion: among the ``installed`` names if one of them fits, else among all to download.

    Neither a gated model nor a file that was not seen here is ever the default to download. When nothing fits, the
    smallest is chosen and the reason says so.
    """
    here = Machine(free_memory_bytes, n_physical_cores)
    entries = (catalogue or load_catalogue()).entries
    candidates = [entry for entry in entries if "completion" in entry.roles]
    present = [entry for entry in candidates if entry.name in installed]
    running = [entry for entry in present if fits(entry, free_memory_bytes)]
    if running:
        best = max(running, key=lambda entry: (_is_comfortable(entry, here), entry.rank))
        return Choice(best.name, f"{best.name}: installed; {_numbers(best, here)}.")
    to_download = [entry for entry in candidates if not entry.gated and entry.sha256 and entry not in present]
    comfortable = [entry for entry in to_download if _is_comfortable(entry, here)]
    if comfortable:
        best = max(comfortable, key=lambda entry: entry.rank)
        return Choice(best.name, f"{best.name}: {_numbers(best, here)}.")
    smallest = min(present + to_download, key=lambda entry: entry.memory_bytes)
    verdict = "the smallest there is" if not fits(smallest, free_memory_bytes) else "the smallest, and memory is tight"
    return Choice(smallest.name, f"{smallest.name}: {verdict}; {_numbers(smallest, here)}.")


def choose_for_this_machine(store: Store) -> Choice:
    """``choose_default`` with what is installed in ``store`` and what this machine has now."""
    here = machine()
    names = [model.name for model in store.installed() if not model.damaged]
    return choose_default(names, here.free_memory_bytes, here.n_physical_cores, store.catalogue)


def expected_prefill(entry: Entry, here: Machine) -> int:
    """Tokens of a prompt per second.

    The speed grows with the cores as long as memory keeps up; two digits are more than such an estimate is worth.
    """
    speed = entry.prefill_tokens_s_per_core * here.n_physical_cores
    return round(speed, 2 - len(str(speed)))


def _is_comfortable(entry: Entry, here: Machine) -> bool:
    """Fast enough for completion while one types, with memory left for the editor."""
    return here.n_physical_cores >= entry.min_cores and here.free_memory_bytes >= entry.min_free_bytes


def _numbers(entry: Entry, here: Machine) -> str:
    """``"needs 1.6 GB, 21 GB are free; 2 cores evaluate it at about 100 tokens/s"``."""
    needed, free = entry.memory_bytes / 1e9, here.free_memory_bytes / 1e9
    speed = expected_prefill(entry, here)
    cores = "1 core evaluates" if here.n_physical_cores == 1 else f"{here.n_physical_cores} cores evaluate"
    return f"needs {needed:.1f} GB, {free:.{1 if free < 10 else 0}f} GB are free; {cores} it at about {speed} tokens/s"
