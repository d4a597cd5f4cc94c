"""The names that the modules of a project's Python environment have: from memory at once, or not known yet.

What is asked for and not known is asked of a process of its own (``environment_process``), which is there only while
there are questions.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

from codeslm_lsp.workspace.child import Child
from codeslm_lsp.workspace.members import Members, Watched, is_subject, said

MAX_NAMES = 100_000
"""Kept in all, some 10 MB; the largest packages have a few thousand in a module."""

MAX_QUESTIONS = 256
"""Waiting at a time; the newest are answered first, and beyond this the oldest are dropped."""

IDLE_S = 60.0
"""A process without questions ends: it takes as much memory as what it has read, often over 100 MB."""

LOOK_S = 2.0
"""How often it is looked whether packages were installed."""


class Environment:
    """What is known of one environment. Belongs to an event loop; only ``answered`` and ``close`` wait for anything."""

    def __init__(self, project: Path | None = None) -> None:
        self._project = project
        self._child = self._new_child()
        self._known: OrderedDict[str, Members] = OrderedDict()
        self._n_names = 0
        self._questions: OrderedDict[str, None] = OrderedDict()
        self._asked: str | None = None
        self._watched: dict[str, int] = {}
        self._looked_s = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._learned = asyncio.Event()
        self._is_closed = False

    @property
    def pid(self) -> int | None:
        """The process's id, while there is one."""
        return self._child.pid

    @property
    def n_waiting(self) -> int:
        """How many questions are not answered yet."""
        return len(self._questions) + (self._asked is not None)

    def members(self, subject: str) -> frozenset[str] | None:
        """The names behind a module, or a class in one, and a dot; None while that is not known, or where it is not.

        ``os.path`` → join, exists, …; what is not known is asked for.
        """
        known = self._of(subject)
        return known.names if known is not None else None

    def lacks(self, module: str, name: str) -> bool:
        """Whether it is known that this is a module and has no such name. Names with ``_`` before them are not told."""
        known = self._of(module)
        return (
            known is not None
            and known.is_all
            and known.names is not None
            and name not in known.names
            and not name.startswith("_")
        )

    def has(self, subject: str) -> bool | None:
        """Whether there is such a thing in the environment; None while that is not known."""
        known = self._of(subject)
        return None if known is None else known.names is not None

    def ask(self, subjects: Iterable[str]) -> None:
        """Somebody will want to know these soon."""
        self._look()
        for subject in subjects:
            self._of(subject)

    async def answered(self, subjects: Sequence[str], timeout_s: float) -> None:
        """Wait until these are known, but no longer than ``timeout_s``."""
        self.ask(subjects)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while any(self.has(subject) is None for subject in subjects):
                    self._learned.clear()
                    await self._learned.wait()

    def learn(self, members: Members) -> None:
        """Keep an answer, and forget the longest unused ones beyond ``MAX_NAMES``."""
        self._learned.set()
        before = self._known.pop(members.subject, None)
        self._known[members.subject] = members
        self._n_names += _n_names(members) - (_n_names(before) if before is not None else 0)
        while self._n_names > MAX_NAMES and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._n_names -= _n_names(oldest)

    async def close(self) -> None:
        """End the process."""
        self._is_closed = True
        self._stop_clock()
        await self._child.close()
        if self._closing:
            await asyncio.wait(self._closing)

    def _new_child(self) -> Child:
        return Child(
            "codeslm_lsp.workspace.environment_process",
            () if self._project is None else (str(self._project),),
            self._heard,
            name="the process that knows the Python environment",
            loss="names of installed packages are not known",
            began=self._began,
        )

    def _of(self, subject: str) -> Members | None:
        known = self._known.get(subject)
        if known is not None:
            self._known.move_to_end(subject)
        elif subject not in self._questions and subject != self._asked and not self._is_closed and is_subject(subject):
            self._questions[subject] = None
            if len(self._questions) > MAX_QUESTIONS:
                self._questions.popitem(last=False)
            self._stop_clock()
            self._child.start()
            self._next()
        return known

    def _began(self) -> None:
        """The process has been started. What the one before it died of is not asked again."""
        if self._asked is not None:
            self.learn(Members(self._asked, None))
            self._asked = None
        self._next()

    def _next(self) -> None:
        if self._asked is None and self._questions and self._child.pid is not None:
            self._asked, _ = self._questions.popitem()
            self._child.say(f"{self._asked}\n")

    def _heard(self, line: bytes) -> None:
        match said(line):
            case Watched(paths):
                self._watched = {path: _changed_ns(path) for path in paths}
            case Members() as members if members.subject == self._asked:
                self.learn(members)
                self._asked = None
                self._next()
                if self._asked is None:
                    self._stop_clock()
                    self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._end_process)

    def _look(self) -> None:
        """Forget everything where a package was installed, or the project has got an environment."""
        now_s = time.monotonic()
        if self._is_closed or now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        if any(_changed_ns(path) != before for path, before in self._watched.items()):
            self._watched.clear()
            self._known.clear()
            self._n_names = 0
            self._asked = None
            self._end_process()
            if self._questions:
                self._child.start()  # Nobody asks those again, since they wait already.

    def _end_process(self) -> None:
        self._stop_clock()
        ended, self._child = self._child, self._new_child()
        task = asyncio.get_running_loop().create_task(ended.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _stop_clock(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def _n_names(members: Members) -> int:
    """With its own: that there is no such module takes memory too."""
    return 1 + len(members.names or ())


def _changed_ns(path: str) -> int:
    with contextlib.suppress(OSError):
        return Path(path).stat().st_mtime_ns
    return 0
