"""A Python function → unit tests that were run, and shown to fail when the function is wrong.

What the model wrote is run in the sandbox, with the user's consent, assertion by assertion (see ``assertions``); what
fails is corrected or dropped. Then the function is changed in small ways, and the changes that are noticed are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from codeslm_lsp.models.cores import n_usable_cores
from codeslm_lsp.reasoning.assertions import Tried, try_assertions
from codeslm_lsp.reasoning.checkers import formatted
from codeslm_lsp.reasoning.missing_arguments import with_missing_arguments
from codeslm_lsp.reasoning.needed import Definitions, missing_imports, signatures_of
from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.project import module_of, project_files
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import code_in, fenced
from codeslm_lsp.reasoning.room import Room, room_for
from codeslm_lsp.reasoning.speaker import Style
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.reasoning.testing import Ran, run_tests
from codeslm_lsp.reasoning.written_tests import WrittenTests, are_enough, parse_tests
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.syntax.lines import line_start
from codeslm_lsp.syntax.mutations import Mutation, mutations
from codeslm_lsp.syntax.python_function import Function, function_at
from codeslm_lsp.values import Answer, Badge, Check, Edit, InputError

N_TESTS = 6
"""As many as a small model writes without repeating itself."""

STYLE = Style(max_tokens=600)

MAX_REASON = 200
"""Characters of what Python says of a module that it cannot import."""

MAX_MUTANTS = 12
"""Each costs a run of some tenths of a second to a second."""

N_SHOWN = 5
"""Of what was expected wrongly, and of changes that were not noticed."""

MUTANT_RUN = Limits(wall_s=60.0, cpu_s=10)
"""A change may make a loop endless, and that is noticed too: by processor time, since a busy machine is no mistake."""

TEST_FILE = "test_codeslm_generated.py"


async def unit_tests(question: Question, means: Means) -> Answer:
    """Tests for the function at the cursor, as a new file. Raises ``InputError`` where there is no function."""
    document = question.document
    if document is None:
        raise InputError("Name the function to test, as FILE:LINE.")
    passage = passage_of(document, question.start, question.end)
    function = function_at(passage.tree, question.start, question.end) if passage.tree is not None else None
    if function is None or passage.tree is None:
        raise InputError("There is no Python function here; put the cursor into the one to test.")
    module = module_of(document.path)
    imported = f"from {module} import {function.owner or function.name}"
    code = document.text[line_start(document.text, function.start) : function.end]
    room = await room_for(document, means, "They were not run")
    if isinstance(room, Room) and (reason := await _not_imported(module, room)):
        room = (
            f"They were not run, since {document.path} cannot be imported ({reason}). Install what it needs into an "
            "environment in the project's folder (.venv)."
        )
    if isinstance(room, Room):
        files = room.files
    else:
        files = await asyncio.to_thread(project_files, means.folder, document.path, document.text)
    others = {name: text for name, text in files.items() if name != document.path}
    asked = _Asked(passage, code, imported, Definitions(files), Definitions(others))
    reply = await _written(asked, means, "")
    tests = _tests_in(reply, asked)
    path = str(PurePosixPath("tests") / f"test_{PurePosixPath(document.path).stem}_{function.name}.py")
    uri = (means.folder / path).as_uri() if means.folder is not None else document.uri.rpartition("/")[0] + f"/{path}"
    if not tests.names:
        return Answer("test", fenced(reply, "python"), Badge.REFUTED, (Check("parses", False, "It has no test."),))
    if isinstance(room, str):
        edit = Edit(uri, path, 0, 0, await formatted(tests.text()))
        return Answer("test", fenced(edit.text, "python"), Badge.UNVERIFIED, (Check("ran", False, room),), (edit,))
    tried, ran = await _tried(tests, room)
    if not ran.passed_functions:
        remark = f"\nThese of your tests failed; write better ones:\n\n{fenced(ran.said[-1500:])}"
        again = _tests_in(await _written(asked, means, remark), asked)
        if again.names:
            second, ran_again = await _tried(again, room)
            if ran_again.passed_functions:
                tests, tried, ran = again, second, ran_again
    kept = tried.tests.only(ran.passed_functions)
    if not kept.names:
        failed = Check("ran", False, f"None of {len(tests.names)} tests passes.", tests.text())
        return Answer("test", fenced(tests.text(), "python"), Badge.REFUTED, (failed,))
    mutants = await _mutants(room, passage, function, kept.text())
    wrong = [each for name, corrected in tried.corrected.items() if name in kept.names for each in corrected]
    checks = _checks(len(kept.names), len(tests.names), wrong, mutants, f"python -m pytest {path}")
    text = await formatted(kept.text())
    means.listen(text)
    badge = Badge.TESTED if mutants.n_noticed else Badge.UNVERIFIED
    return Answer("test", fenced(text, "python"), badge, tuple(checks), (Edit(uri, path, 0, 0, text),))


@dataclass(frozen=True, slots=True)
class _Mutants:
    """Of ``n`` changed functions, those with which all tests pass."""

    n: int
    survivors: tuple[Mutation, ...]

    @property
    def n_noticed(self) -> int:
        return self.n - len(self.survivors)


def _checks(n_kept: int, n_written: int, wrong: Sequence[str], mutants: _Mutants, replay: str) -> Iterator[Check]:
    passing = "1 test passes" if n_kept == 1 else f"{n_kept} tests pass"
    n_dropped = n_written - n_kept
    dropped = f"; {n_dropped} that did not {'was' if n_dropped == 1 else 'were'} dropped" if n_dropped else ""
    yield Check("ran", True, f"{passing}{dropped}.", replay)
    if wrong:
        counted = "1 value is" if len(wrong) == 1 else f"{len(wrong)} values are"
        shown = "; ".join(wrong[:N_SHOWN]) + ("; …" if wrong[N_SHOWN:] else "")
        yield Check("values", False, f"{counted} what it gives today, not what was expected: {shown}. Look there.")
    noticed = f"They notice {mutants.n_noticed} of {mutants.n} small changes to the function."
    yield Check("mutants", mutants.n_noticed > 0, noticed, replay)
    for each in mutants.survivors[:N_SHOWN]:
        yield Check("survivor", False, f"Not noticed, line {each.line}: {each.what}.")


async def _tried(tests: WrittenTests, room: Room) -> tuple[Tried, Ran]:
    """The tests with what holds of them, and how these run."""
    tried = await try_assertions(tests, room)
    if not tried.tests.names:
        return tried, await run_tests(room.with_files({TEST_FILE: tests.text()}), [TEST_FILE])
    return tried, await run_tests(room.with_files({TEST_FILE: tried.tests.text()}), [TEST_FILE])


async def _not_imported(module: str, room: Room) -> str:
    """Why a module cannot be imported, or ``""``."""
    search = "import sys; sys.path[:0] = ['.', 'src']; "
    outcome = await room.run_python(["-c", f"{search}import {module}"])
    if outcome.exit_code == 0:
        return ""
    said = outcome.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return said[:MAX_REASON].rstrip(".") or f"the run was ended ({outcome.ended.value})"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the model is told: the function's ``code``, how it is ``imported``.

    ``known`` is what the project defines, ``others`` what its other files do.
    """

    passage: Passage
    code: str
    imported: str
    known: Definitions
    others: Definitions


async def _written(asked: _Asked, means: Means, remark: str) -> str:
    signatures = signatures_of(asked.code, asked.others)
    used = f"It uses of other files:\n\n{fenced(signatures, 'python')}\n" if signatures else ""
    values = {
        "n": str(N_TESTS),
        "imported": asked.imported,
        "code": fenced(asked.code, "python"),
        "outline": fenced(asked.passage.outline, "python"),
        "used": used,
        "remark": remark,
    }
    return code_in(await means.speaker.say(conversation("test", values), STYLE, means.listen, are_enough))


def _tests_in(reply: str, asked: _Asked) -> WrittenTests:
    """The tests of a reply, with arguments and imports that they lack: models forget these."""
    document = asked.passage.document
    tests = parse_tests(reply, asked.imported)
    whole = {name: with_missing_arguments(text, asked.known) for name, text in tests.by_name.items()}
    tests = WrittenTests(tests.head, whole)
    missing = missing_imports(tests.text(), document.path, document.text, asked.others)
    modules = [each for each in missing if each.startswith("import ")]
    head = [*modules, *([""] if modules else []), tests.head, *(each for each in missing if each not in modules)]
    return WrittenTests("\n".join(head), tests.by_name)


async def _mutants(room: Room, passage: Passage, function: Function, tests: str) -> _Mutants:
    """The function changed in up to ``MAX_MUTANTS`` ways, as many at a time as there are cores."""
    assert passage.tree is not None
    text = passage.document.text
    body = function.docstring[1] if function.docstring is not None else function.body_start
    every = list(mutations(passage.tree, body, function.end))
    step = max(1, -(-len(every) // MAX_MUTANTS))
    chosen = every[::step]
    free = asyncio.Semaphore(n_usable_cores())

    async def survives(each: Mutation) -> bool:
        changed = text[: each.start] + each.text + text[each.end :]
        mutant = room.with_files({passage.document.path: changed, TEST_FILE: tests})
        async with free:
            return (await run_tests(mutant, [TEST_FILE], MUTANT_RUN, ("-x",))).exit_code == 0

    survived = await asyncio.gather(*map(survives, chosen))
    return _Mutants(len(chosen), tuple(each for each, has in zip(chosen, survived, strict=True) if has))
