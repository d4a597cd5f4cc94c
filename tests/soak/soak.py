"""Two people type for some minutes while faults happen; whatever must hold meanwhile is looked at all the time."""

from __future__ import annotations

import asyncio
import itertools
import random
import statistics
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from lsprotocol import types

from tests.soak import report
from tests.soak.corpus import corpus
from tests.soak.faults import Scene, deck, index_follows
from tests.soak.journal import Happened, Journal, Sample
from tests.soak.judging import lives, piles_up, slope
from tests.soak.person import Person
from tests.soak.world import ENGINE, World

SAMPLE_S = 3.0

LEAVING_S = 60.0
"""The last process has gone by then: an engine saves what it has evaluated; what has the lowest priority ends last."""


@dataclass(frozen=True, slots=True)
class Plan:
    """``model``: a name, a file, ``tiny`` or ``replay``. Between two faults are up to ``most_pause_s`` seconds.

    In the first ``warm_up_s`` of a process's life it grows by what it may remember: prompts, trees, 256 suggestions,
    the 512 expressions that Python keeps compiled. All of that was full after 11 minutes.
    """

    minutes: float
    seed: int = 0
    model: str = "replay"
    n_files: int = 50
    most_pause_s: float = 20.0
    warm_up_s: float = 900.0


async def soak(plan: Plan, folder: Path) -> dict[str, Any]:
    """Its figures, also written into ``folder``; ``broken`` among them is the sentence of what did not hold."""
    draw = random.Random(plan.seed)
    sources = corpus(draw)[: plan.n_files]
    world = World(plan.model, sources)
    journal = Journal()
    one = Person("first editor", world, sources, journal, random.Random(draw.random()))
    other = Person("second editor", world, draw.sample(sources, len(sources)), journal, random.Random(draw.random()))
    try:
        await _play(plan, Scene(world, (one, other), draw), journal)
        _judge_memory(plan, journal)
        found = report.figures(journal, asdict(plan) | {"has_small_disk": world.has_small_disk}, plan.warm_up_s)
        report.write(folder, found, journal)
        return found
    finally:
        for process in world.processes():
            with suppress(psutil.Error):
                process.kill()
        world.remove()


async def _play(plan: Plan, scene: Scene, journal: Journal) -> None:
    """Until the time is over, or something is broken; then everybody leaves."""
    living = [journal.spawn(person.live()) for person in scene.people]
    beside = [journal.spawn(_sample(scene, journal)), journal.spawn(_tell(plan, journal))]
    happening = journal.spawn(_happen(plan, scene, journal))
    failed = asyncio.create_task(journal.failed())
    await asyncio.wait({happening, failed}, return_when=asyncio.FIRST_COMPLETED)
    for task in (*beside, happening, failed):
        task.cancel()
    if journal.broken is not None:
        for task in living:
            task.cancel()
        await asyncio.wait(living, timeout=LEAVING_S)
        return
    for person in scene.people:
        person.go_home()
    await asyncio.wait(living)
    await _look_for_orphans(scene.world, journal)


async def _happen(plan: Plan, scene: Scene, journal: Journal) -> None:
    """One fault after the other."""
    await asyncio.gather(*(person.is_at_work.wait() for person in scene.people))
    faults = deck(scene)
    for number in itertools.count():
        await asyncio.sleep(scene.draw.uniform(0.2, 1.0) * plan.most_pause_s)
        if journal.now_s() > plan.minutes * 60:
            return
        fault = next(faults)
        happened = Happened(fault.name, journal.now_s())
        journal.faults.append(happened)
        undo = fault.begin(scene)
        try:
            await asyncio.sleep(scene.draw.uniform(*fault.lasts_s))
        finally:
            undo()
        happened.ended_s = journal.now_s()
        if fault.hides_engine:
            scene.people[-1].reopen()
            await asyncio.sleep(1)
        await asyncio.gather(*(person.goes_on() for person in scene.people))
        if fault.harms_index:
            await index_follows(scene.world, number)
        happened.recovered_s = journal.now_s() - happened.ended_s


async def _sample(scene: Scene, journal: Journal) -> None:
    first, second = scene.people
    while True:
        await asyncio.sleep(SAMPLE_S)
        roles = {each.pid: "engine" for each in scene.world.processes(ENGINE)}
        for person, role in ((first, "first server"), (second, "second server")):
            with suppress(AttributeError):  # It has no editor open yet.
                roles[person.editor.server_pid] = role
        for pid, role in roles.items():
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                memory = process.memory_info()
                own = memory.rss - getattr(memory, "shared", 0)
                n_files, n_threads = process.num_fds(), process.num_threads()
                sample = Sample(journal.now_s(), role, pid, own, memory.rss, n_files, n_threads)
                journal.samples.append(sample)


async def _tell(plan: Plan, journal: Journal) -> None:
    """A line each minute."""
    n_before = 0
    for minute in itertools.count(1):
        await asyncio.sleep(60)
        new = journal.answers[n_before:]
        n_before = len(journal.answers)
        times = [each.elapsed_ms for each in new if each.method == types.TEXT_DOCUMENT_INLINE_COMPLETION]
        latest = {sample.role: sample.own_bytes / 1e6 for sample in journal.samples}
        memory = ", ".join(f"{role} {size:.1f} MB" for role, size in sorted(latest.items()))
        print(
            f"{minute} of {plan.minutes:g} min: {len(times)} completions asked"
            f"{f', median {statistics.median(times):.0f} ms' if times else ''}; {journal.counts['keys']} keys, "
            f"{journal.counts['accepted']} accepted, {journal.counts['comparisons']} comparisons, "
            f"{len(journal.faults)} faults; {memory}",
            flush=True,
        )


async def _look_for_orphans(world: World, journal: Journal) -> None:
    deadline_s = journal.now_s() + LEAVING_S
    while left := world.processes():
        if journal.now_s() > deadline_s:
            names = []
            for process in left:
                with suppress(psutil.Error):
                    names.append(" ".join(process.cmdline()[-3:]))
            journal.fail(f"there were still processes {LEAVING_S:.0f} s after the last editor had gone: {names}.")
            return
        await asyncio.sleep(0.2)


def _judge_memory(plan: Plan, journal: Journal) -> None:
    for role in report.JUDGED:
        found = lives(journal.samples, role, plan.warm_up_s)
        fitted = slope(found)
        if fitted is not None and fitted.verdict == "over":
            journal.fail(
                f"the memory of the {role} grew by {fitted.growth:.2f} MB in 10 minutes "
                f"(95 % interval {fitted.low:.2f} to {fitted.high:.2f})."
            )
        if more := piles_up(found):
            journal.fail(f"the {role} had ever more {more}.")
