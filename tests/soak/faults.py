"""What goes wrong on a machine in the course of a day, as things that are done to a ``World`` and undone again."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from codeslm_lsp.workspace.index import Index
from codeslm_lsp.workspace.places import Place
from tests.soak.journal import Broken
from tests.soak.person import Person
from tests.soak.world import ENGINE, ENVIRONMENT, INDEXER, MATHEMATICS, World

INDEX_S = 300.0
"""An indexer that has died three times is started again after a minute; all of them have the lowest priority."""

JUMP_S = 30 * 3600.0
"""A clock that was set wrong by more than a day, in either direction."""

BALLAST = "ballast"

Undo = Callable[[], None]


def _nothing() -> None:
    """There is nothing to undo."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``begin`` makes it and returns how to undo it, after so many seconds. What it ``needs``: ``engine`` or ``disk``.

    ``ends_engine``: an engine's life ends with it. ``harms_index``: the index has to be made anew, or was not written.
    ``hides_engine``: those who have met the engine have it still, and others have to find it.
    """

    name: str
    begin: Callable[[Scene], Undo]
    lasts_s: tuple[float, float] = (0.5, 2.0)
    needs: str = ""
    ends_engine: bool = False
    harms_index: bool = False
    hides_engine: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """Where faults happen, and to whom. The first of the people has a server that lives as long as the soak."""

    world: World
    people: tuple[Person, ...]
    draw: random.Random


def deck(scene: Scene) -> Iterator[Fault]:
    """Faults without end: each comes once before any comes again.

    Those that end the engine come one after the other, so that an engine lives long in between.
    """
    world = scene.world
    had = {"": True, "engine": world.model is not None, "disk": world.has_small_disk}
    possible = [fault for fault in FAULTS if had[fault.needs]]
    while True:
        scene.draw.shuffle(possible)
        yield from sorted(possible, key=lambda fault: not fault.ends_engine)


async def index_follows(world: World, number: int) -> None:
    """A new file is found by whoever opens the folder next. Raises ``Broken``."""
    file = world.project / "python" / f"new_{number}.py"
    file.write_text(f"def defined_lately_{number}() -> None: ...\n", encoding="utf-8")
    try:
        async with asyncio.timeout(INDEX_S):
            while not _is_indexed(world, f"defined_lately_{number}"):
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise Broken(f"the index did not follow within {INDEX_S:.0f} s.") from None
    finally:
        file.unlink()


def _is_indexed(world: World, name: str) -> bool:
    for path in _indexes(world):
        index = Index(Place(path))
        try:
            if index.definitions(name):
                return True
        finally:
            index.close()
    return False


def _indexes(world: World) -> list[Path]:
    return list((world.caches / "index").glob("*.sqlite"))


def _kill(module: str) -> Callable[[Scene], Undo]:
    def begin(scene: Scene) -> Undo:
        for process in scene.world.processes(module):
            with suppress(psutil.Error):
                process.kill()
        return _nothing

    return begin


def _suspend(module: str) -> Callable[[Scene], Undo]:
    """All processes of a module, or all there are."""

    def begin(scene: Scene) -> Undo:
        return _stopped(scene.world.processes(module))

    return begin


def _suspend_server(scene: Scene) -> Undo:
    return _stopped([psutil.Process(scene.draw.choice(scene.people).editor.server_pid)])


def _stopped(processes: list[psutil.Process]) -> Undo:
    def go_on() -> None:
        for process in processes:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)

    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGSTOP)
    return go_on


def _move_model(scene: Scene) -> Undo:
    assert scene.world.model is not None
    here, away = scene.world.model, scene.world.folder / "away"
    here.rename(away)
    return lambda: None if here.exists() else _rename(away, here)


def _rename(one: Path, other: Path) -> None:
    one.rename(other)


def _kill_and_move_model(scene: Scene) -> Undo:
    undo = _move_model(scene)
    _kill(ENGINE)(scene)
    return undo


def _fill_disk(scene: Scene) -> Undo:
    ballast = scene.world.caches / BALLAST
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return lambda: ballast.unlink(missing_ok=True)


def _set_clock(scene: Scene) -> Undo:
    scene.world.clock.write_text(str(scene.draw.choice((-JUMP_S, JUMP_S))), encoding="ascii")
    return lambda: scene.world.clock.unlink(missing_ok=True)


def _remove_socket(scene: Scene) -> Undo:
    for place in scene.world.places():
        (place / "socket").unlink(missing_ok=True)
    return _nothing


def _remove_card(scene: Scene) -> Undo:
    for place in scene.world.places():
        (place / "card").unlink(missing_ok=True)
    return _nothing


def _remove_place(scene: Scene) -> Undo:
    for place in scene.world.places():
        shutil.rmtree(place, ignore_errors=True)
    return _nothing


def _delete_index(scene: Scene) -> Undo:
    for path in _indexes(scene.world):
        for file in Place(path).files():
            file.unlink(missing_ok=True)
    return _nothing


def _overwrite_index(scene: Scene) -> Undo:
    for path in _indexes(scene.world):
        with path.open("r+b") as file:
            file.write(scene.draw.randbytes(path.stat().st_size))
    return _nothing


def _crash_server(scene: Scene) -> Undo:
    scene.people[-1].crash()
    return _nothing


def _close_editor(scene: Scene) -> Undo:
    scene.people[-1].reopen()
    return _nothing


LONG_S = (3.0, 8.0)

FAULTS = (
    Fault("engine killed", _kill(ENGINE), needs="engine", ends_engine=True),
    Fault("model moved away", _move_model, LONG_S, needs="engine"),
    Fault("engine killed, model moved away", _kill_and_move_model, LONG_S, needs="engine", ends_engine=True),
    Fault("engine suspended", _suspend(ENGINE), LONG_S, needs="engine"),
    Fault("engine's socket removed", _remove_socket, needs="engine", hides_engine=True),
    Fault("engine's card removed", _remove_card, needs="engine", hides_engine=True),
    Fault("engine's folder removed", _remove_place, needs="engine", hides_engine=True),
    Fault("disk full", _fill_disk, LONG_S, needs="disk", harms_index=True),
    Fault("clock set wrong", _set_clock, LONG_S),
    Fault("server suspended", _suspend_server, LONG_S),
    Fault("machine asleep", _suspend(""), LONG_S),
    Fault("server killed", _crash_server),
    Fault("editor closed", _close_editor),
    Fault("index deleted", _delete_index, harms_index=True),
    Fault("index overwritten", _overwrite_index, harms_index=True),
    Fault("indexer killed", _kill(INDEXER), harms_index=True),
    Fault("mathematics killed", _kill(MATHEMATICS)),
    Fault("environment process killed", _kill(ENVIRONMENT)),
)
