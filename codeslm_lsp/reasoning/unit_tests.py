"""A Python function → unit tests that were run, and shown to fail when the function is wrong.

What the model wrote is run in the sandbox, with the user's consent. Tests that fail are repaired once, or dropped;
then the function is changed in small ways, and those of the changes that a test notices are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from codeslm_lsp.reasoning.passage import Passage, passage_of
from codeslm_lsp.reasoning.project import NOT_ALLOWED, Ran, module_of, project_files, run_tests
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import code_in, fenced, is_import
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.sandbox.detect import detect
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.syntax.mutations import Mutation, mutations
from codeslm_lsp.syntax.parses import error_count
from codeslm_lsp.syntax.python_function import Function, function_at, functions
from codeslm_lsp.syntax.tree import parse
from codeslm_lsp.values import Answer, Badge, Check, Edit, InputError

N_TESTS = 6
"""As many as a small model writes without repeating itself."""

MAX_MUTANTS = 12
"""Each costs a run of some tenths of a second to a second."""

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
    code = passage.tree.text[function.start : function.end]
    reply = await _written(passage, code, imported, means, "")
    tests = _tests_in(reply, imported)
    path = str(PurePosixPath("tests") / f"test_{PurePosixPath(document.path).stem}_{function.name}.py")
    uri = (means.folder / path).as_uri() if means.folder is not None else document.uri.rpartition("/")[0] + f"/{path}"
    if not tests.names:
        return Answer("test", fenced(reply, "python"), Badge.REFUTED, (Check("parses", False, "It has no test."),))
    if not means.may_run:
        not_run = f"They were not run: {NOT_ALLOWED}."
        edit = Edit(uri, path, 0, 0, tests.text())
        return Answer("test", fenced(edit.text, "python"), Badge.UNVERIFIED, (Check("ran", False, not_run),), (edit,))
    files = await asyncio.to_thread(project_files, means.folder, document.path, document.text)
    mechanism = await detect()
    ran = await _run(mechanism, files, tests.text())
    if ran.failed and len(ran.passed_functions) < N_TESTS // 2:
        remark = f"\nThese of your tests failed; write better ones:\n\n{fenced(ran.said[-1500:])}"
        again = _tests_in(await _written(passage, code, imported, means, remark), imported)
        if again.names:
            second = await _run(mechanism, files, again.text())
            if len(second.passed_functions) > len(ran.passed_functions):
                tests, ran = again, second
    kept = tests.only(ran.passed_functions)
    replay = f"python -m pytest {path}"
    if not kept.names:
        failed = Check("ran", False, f"None of {len(tests.names)} tests passes.", tests.text())
        return Answer("test", fenced(tests.text(), "python"), Badge.REFUTED, (failed,))
    n_killed, survivors, n_all = await _mutants(mechanism, passage, function, kept.text(), files)
    dropped = len(tests.names) - len(kept.names)
    checks = [
        Check("ran", True, f"{len(kept.names)} tests pass; {dropped} that did not were dropped.", replay),
        Check("mutants", n_killed > 0, f"They notice {n_killed} of {n_all} small changes to the function.", replay),
        *(Check("survivor", False, f"Not noticed, line {each.line}: {each.what}.") for each in survivors[:5]),
    ]
    text = kept.text()
    means.listen(text)
    badge = Badge.TESTED if n_killed else Badge.UNVERIFIED
    return Answer("test", fenced(text, "python"), badge, tuple(checks), (Edit(uri, path, 0, 0, text),))


@dataclass(frozen=True, slots=True)
class _Tests:
    """A test file in parts: what stands before the tests, and each of them by its name."""

    head: str
    by_name: Mapping[str, str]

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self.by_name)

    def only(self, names: frozenset[str]) -> _Tests:
        return _Tests(self.head, {name: text for name, text in self.by_name.items() if name in names})

    def text(self) -> str:
        return self.head.strip() + "\n\n\n" + "\n\n\n".join(self.by_name.values()) + "\n"


async def _written(passage: Passage, code: str, imported: str, means: Means, remark: str) -> str:
    values = {
        "n": str(N_TESTS),
        "imported": imported,
        "code": fenced(code, "python"),
        "outline": fenced(passage.outline, "python"),
        "remark": remark,
    }
    return code_in(await means.speaker.say(conversation("test", values), listen=means.listen))


def _tests_in(code: str, imported: str) -> _Tests:
    """The test functions of a reply, each once, and its imports; what does not parse is left out."""
    language = language_of("python", "")
    assert language is not None
    tree = parse(code, language)
    found: dict[str, str] = {}
    first = len(code)
    for each in functions(tree):
        is_outer = not each.owner and code[code.rfind("\n", 0, each.start) + 1 : each.start] == ""
        text = code[each.start : each.end].rstrip()
        if is_outer:
            first = min(first, each.start)
        if is_outer and each.name.startswith("test") and not error_count(text, language):
            found.setdefault(each.name, text)
    lines = [line for line in code[:first].splitlines() if is_import(line)]
    head = [line for line in lines if line.strip() != imported and "your_module" not in line]
    if any("pytest." in text for text in found.values()) and "import pytest" not in head:
        head.insert(0, "import pytest")
    return _Tests("\n".join([*head, *([""] if head else []), imported]), found)


async def _mutants(
    mechanism: Mechanism, passage: Passage, function: Function, tests: str, files: Mapping[str, str]
) -> tuple[int, list[Mutation], int]:
    """How many changed functions fail a test, which did not, and how many were tried."""
    assert passage.tree is not None
    text = passage.document.text
    body = function.docstring[1] if function.docstring is not None else function.body_start
    every = list(mutations(passage.tree, body, function.end))
    step = max(1, -(-len(every) // MAX_MUTANTS))
    chosen = every[::step]
    survivors = []
    for each in chosen:
        changed = text[: each.start] + each.text + text[each.end :]
        mutant = {**files, passage.document.path: changed}
        ran = await run_tests(mechanism, {**mutant, TEST_FILE: tests}, [TEST_FILE], MUTANT_RUN, "-x")
        if ran.exit_code == 0:
            survivors.append(each)
    return len(chosen) - len(survivors), survivors, len(chosen)


async def _run(mechanism: Mechanism, files: Mapping[str, str], tests: str) -> Ran:
    return await run_tests(mechanism, {**files, TEST_FILE: tests}, [TEST_FILE])
