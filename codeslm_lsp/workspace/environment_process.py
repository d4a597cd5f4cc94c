"""``python -m codeslm_lsp.workspace.environment_process [FOLDER]``: say which names the Python environment has.

A process of its own, of the lowest priority. Each line of standard input is a dotted name, and the answer a line of
standard output, see ``members``; the first line tells what has to be watched. It ends with its input, whatever it does.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

import jedi
import psutil
from parso.cache import parser_cache

from codeslm_lsp.workspace.environment_choice import choose, watched
from codeslm_lsp.workspace.environment_names import EnvironmentNames
from codeslm_lsp.workspace.humble import be_humble, leave_quietly
from codeslm_lsp.workspace.members import Members, Watched, is_subject
from codeslm_lsp.workspace.places import make_private, parsed_dir

MAX_CPU_S = 60.0
"""No question takes a tenth of this; one that does ends the process, and is not asked again."""

MAX_RESIDENT_BYTES = 300 << 20
"""The modules that a usual file imports take half of this."""

TOO_LONG = 3
"""The exit status then."""

_log = logging.getLogger(__name__)


def main() -> None:
    """Started by ``workspace.environment``."""
    parser = argparse.ArgumentParser(description="Tells the names of an environment; started by codeslm itself.")
    parser.add_argument("folder", type=Path, nargs="?")
    project = parser.parse_args().folder
    be_humble()
    make_private(parsed_dir())  # What lies there is trusted.
    jedi.settings.cache_directory = str(parsed_dir())
    try:
        _answer(project)
    except BrokenPipeError:
        leave_quietly()


def _answer(project: Path | None) -> None:
    chosen = choose(project)
    _tell(Watched(watched(project, chosen)))
    names = EnvironmentNames(chosen, project) if chosen is not None else None
    clock = _Clock()
    threading.Thread(target=clock.watch, daemon=True).start()
    subjects: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=(subjects,), daemon=True).start()
    while True:
        subject = subjects.get()
        clock.started_s = time.process_time()
        _tell(_members(names, subject))
        clock.started_s = None
        if psutil.Process().memory_info().rss > MAX_RESIDENT_BYTES:
            parser_cache.clear()  # Parsed files, which are also on disk.


def _members(names: EnvironmentNames | None, subject: str) -> Members:
    if names is None or not is_subject(subject):
        return Members(subject, None)
    try:
        return names.members(subject)
    except Exception as error:  # What jedi cannot cope with is not known; the next question is answered.
        _log.warning("what %s has cannot be told (%s)", subject, type(error).__name__)
        return Members(subject, None)


def _read(subjects: SimpleQueue[str]) -> None:
    """Pass questions on. At the end of the input nobody waits for what is looked up, which may take a minute."""
    with open(sys.stdin.fileno(), closefd=False, encoding="utf-8") as questions:
        for line in questions:
            subjects.put(line.strip())
    os._exit(0)


class _Clock:
    """Ends the process where one question takes too long: nothing else stops a library in a loop."""

    started_s: float | None = None

    def watch(self) -> None:
        """Look once a second."""
        while True:
            time.sleep(1.0)
            if self.started_s is not None and time.process_time() - self.started_s > MAX_CPU_S:
                os._exit(TOO_LONG)


def _tell(what: Members | Watched) -> None:
    sys.stdout.write(what.to_line())
    sys.stdout.flush()


if __name__ == "__main__":
    main()
