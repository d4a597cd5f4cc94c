"""Keeps a loaded model running as is best on this machine: as it was measured, and beside what other programs do now.

What was never measured is measured once, when nobody has asked anything for a while and the machine is quiet.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.engine.llama_model import LlamaModel, LlamaOptions
from codeslm_lsp.engine.llama_probe import Probe, Stopped
from codeslm_lsp.engine.load import BUSY_SHARE, Load, OthersLoad, is_busy, threads_beside
from codeslm_lsp.engine.schedule import Schedule
from codeslm_lsp.engine.tuning import choose_threads, load_tuning, save_tuning
from codeslm_lsp.models.cores import n_physical_cores, n_usable_cores
from codeslm_lsp.values import Priority, Tuning

SAMPLE_S = 1.0
IDLE_S = 5.0
"""Nobody measures while somebody types: a pause this long is one."""
N_UBATCH = 64
"""Until it is measured: as quick as larger ones on the machines that were tried, and little is lost at a cancel."""

Tell = Callable[[Tuning], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user has set; 0 threads or tokens leave the choice to the measurements."""

    n_ctx: int
    n_ubatch: int
    n_threads: int
    cache_bytes: int
    background_share: float


class Tuner:
    """One loaded model. ``tell`` is called, from any thread, with what was measured."""

    def __init__(self, path: Path, wishes: Wishes, schedule: Schedule, tell: Tell, load: Load | None = None) -> None:
        self._path = path
        self._wishes = wishes
        self._schedule = schedule
        self._tell = tell
        self._n_cores, self._n_usable = n_physical_cores(), n_usable_cores()
        self.tuning = load_tuning(path)
        self.model = LlamaModel(str(path), self._options())
        self.model.pause = schedule.pause
        self._load = load or OthersLoad(os.getpid())
        self._stop = threading.Event()
        self._probe: Probe | None = None
        self._can_measure = True
        self._apply()
        threading.Thread(target=self._watch, name="tuner", daemon=True).start()

    def measure(self) -> Tuning:
        """Measure anew, whatever else runs on this machine: somebody has asked for it. Runs on the engine's thread."""
        probe = Probe(self.model, self._n_usable)
        try:
            while True:
                self.model.clear_abort()
                with contextlib.suppress(Stopped):
                    return self._remember(probe.run(_always))
        finally:
            probe.close()

    def close(self) -> None:
        """Watch no longer."""
        self._stop.set()

    def _options(self) -> LlamaOptions:
        wishes, tuning = self._wishes, self.tuning
        n_threads, n_threads_batch = self._n_threads()
        return LlamaOptions(
            n_ctx=wishes.n_ctx,
            n_ubatch=wishes.n_ubatch or (tuning.n_ubatch if tuning else N_UBATCH),
            n_threads=n_threads,
            n_threads_batch=n_threads_batch,
            flash_attention=tuning is None or tuning.flash_attention,
            cache_bytes=wishes.cache_bytes,
        )

    def _n_threads(self) -> tuple[int, int]:
        if self._wishes.n_threads:
            return self._wishes.n_threads, self._wishes.n_threads
        if self.tuning is not None:
            return self.tuning.n_threads, self.tuning.n_threads_batch
        chosen = choose_threads(self._n_usable)
        return chosen, chosen

    def _apply(self) -> None:
        """Run as is best now. What only a new context could change waits for the next start."""
        n_threads, others_cores = self._n_threads(), self._load.cores
        self.model.n_threads = (
            n_threads if self._wishes.n_threads else threads_beside(others_cores, n_threads, self._n_cores)
        )
        share = self._wishes.background_share
        self._schedule.limit_background(share * BUSY_SHARE if is_busy(others_cores, self._n_cores) else share)
        if self.tuning is not None:
            self.model.verify_cost = self.tuning.verify_cost

    def _watch(self) -> None:
        probing: Future[None] | None = None
        while not self._stop.wait(SAMPLE_S):
            self._load.sample()
            self._apply()
            is_due = self.tuning is None and self._may_measure() and self._schedule.idle_s() >= IDLE_S
            if is_due and (probing is None or probing.done()):
                probing = self._schedule.submit(self._try, Priority.BACKGROUND)

    def _try(self) -> None:
        """Measure until somebody wants the engine, or other programs the machine; it goes on in the next quiet time."""
        try:
            self._probe = self._probe or Probe(self.model, self._n_usable)
            self.model.clear_abort()
            self._remember(self._probe.run(self._may_measure))
        except Stopped:
            return
        except (MemoryError, RuntimeError) as error:
            self._can_measure = False  # The model answers without; there is no reason to try that again and again.
            self._probe = None
            sys.stderr.write(f"How the model runs best was not measured: {error}\n")

    def _may_measure(self) -> bool:
        return self._can_measure and not self._schedule.is_interrupted and self._load.is_quiet

    def _remember(self, tuning: Tuning) -> Tuning:
        self.tuning = tuning
        save_tuning(self._path, tuning)
        self._apply()
        self._tell(tuning)
        return tuning


def _always() -> bool:
    return True
