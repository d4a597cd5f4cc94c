"""``python -m codeslm_lsp.engine.claim FOLDER``: become the engine of that place, unless another process is it.

Every server that finds no engine starts this program, several of them perhaps at the same instant; the lock decides.
What the others lose is a small process for a moment: nothing heavy is imported before.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from pathlib import Path

from filelock import BaseFileLock, Timeout

from codeslm_lsp.engine.rendezvous import Place, sweep

PATIENCE_S = 20.0
"""How long the engine before this one may take to leave; it may have to put away what it has evaluated."""

POLL_S = 0.02

STACK_BYTES = 1 << 24
"""For the tokenizer's regular expressions (see ``llama_model.MAX_CHARACTERS``); macOS gives threads half a MB."""


def main() -> None:
    """Started by ``engine.meeting``. Ends with 0 when another engine is there."""
    if len(sys.argv) != 2:
        sys.exit("This program is started by codeslm itself; run `codeslm serve` instead.")
    os.umask(0o077)
    threading.stack_size(STACK_BYTES)
    place = Place(Path(sys.argv[1]))
    lock = claim(place)
    if lock is None:
        return
    place.settle()
    sweep(place)
    from codeslm_lsp.engine.host import serve  # Heavy: only the one that got the lock needs it.

    asyncio.run(serve(place))


def claim(place: Place) -> BaseFileLock | None:
    """The place's lock, to be kept until the end. None when an engine can be called there.

    One that cannot be called is starting or leaving: which of both will be seen.
    """
    lock = place.lock()
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            lock.acquire()
        except Timeout:
            if place.card() is not None:
                return None
            time.sleep(POLL_S)
        else:
            return lock
    return None


if __name__ == "__main__":
    main()
