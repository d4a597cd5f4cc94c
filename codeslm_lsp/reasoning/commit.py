"""What is staged → a message for it, held to the customs of git and to what the diff has. Nothing is committed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.reply import fenced
from codeslm_lsp.reasoning.speaker import Style
from codeslm_lsp.reasoning.staged import Staged, staged
from codeslm_lsp.reasoning.templates import conversation
from codeslm_lsp.syntax.languages import language_of
from codeslm_lsp.values import Answer, Badge, Check, InputError

MAX_DIFF_CHARACTERS = 6000
"""Some 2,000 tokens, as of a passage."""

MAX_SUBJECT, WIDTH = 72, 72
"""Columns, so that ``git log`` fits a terminal of 80 (git's own SubmittingPatches, and the Linux kernel's rules)."""

ATTEMPTS = 2

_BASE_FORMS = frozenset(
    {"embed", "feed", "need", "seed", "speed", "proceed", "exceed", "shed", "spread"}
    | {"bring", "ring", "string", "ping", "bus", "focus", "canvas", "alias", "pass", "process", "address", "express"}
    | {"suppress", "bypass", "compress", "dismiss", "discuss", "guess", "miss", "press", "stress", "cross"}
)
"""Verbs that end like another form of one."""

_NO_VERBS = frozenset({"new", "the", "a", "an", "this", "it", "no", "some", "all", "more", "minor", "various"})
"""What messages begin with that have no verb."""

_FILE = re.compile(r"(?<![\w./-])[\w./-]*\w\.[A-Za-z]\w{0,9}\b(?![/(])")
_DIFF = re.compile(r"^(?:@@ |\+\+\+ |--- |diff --git |new file mode)|: new file\b", re.MULTILINE | re.IGNORECASE)
_QUOTED = re.compile(r"`([A-Za-z_][\w.]*)(?:\(\))?`")


async def commit(question: Question, means: Means) -> Answer:
    """A message for what is staged in the project's repository; ``words`` may say why it was changed.

    Raises ``InputError`` where there is nothing staged, or the model says nothing.
    """
    if means.folder is None:
        raise InputError("There is no project's folder; run this inside a git repository.")
    changes = await staged(means.folder)
    if not changes.files:
        raise InputError("All that is staged are files that hold secrets; they are not shown to a model.")
    shown, n_left_out = changes.shown(MAX_DIFF_CHARACTERS)
    remark = ""
    tried: list[tuple[str, tuple[Check, ...]]] = []
    for _ in range(ATTEMPTS):
        values = {
            "diff": fenced(shown, "diff"),
            "subjects": "\n".join(changes.subjects) or "(none yet)",
            "reason": f"\nThe reason for it: {question.words.strip()}\n" if question.words.strip() else "",
            "remark": remark,
        }
        message = message_in(await means.speaker.say(conversation("commit", values), Style(max_tokens=300)))
        checks = tuple(_checks(message, changes))
        tried.append((message, checks))
        if wrong := [check.detail for check in checks if not check.passed]:
            remark = f"\nYour last message was not right: {' '.join(wrong)}"
        else:
            break
    # Of attempts that are all wrong somewhere, the one with fewest faults; an empty one is none.
    message, checks = min(tried, key=lambda each: (not each[0], sum(not check.passed for check in each[1])))
    if not message:
        raise InputError("The model gave no message; write one yourself, or ask again with a reason.")
    if n_left_out:
        checks = (*checks, Check("shown", False, f"{n_left_out} further hunks were too long to be read."))
    if changes.withheld:
        detail = f"What looks like a secret is staged, and was not shown to the model: {', '.join(changes.withheld)}."
        checks = (*checks, Check("secrets", False, detail, "git diff --cached"))
    means.listen(message)
    return Answer("commit", message, Badge.UNVERIFIED, checks)


def message_in(reply: str) -> str:
    """A subject without a period, and below an empty line a body in lines of 72 columns."""
    lines = [line.rstrip() for line in reply.strip().splitlines() if not line.lstrip().startswith("```")]
    while lines and not lines[0].strip():
        lines.pop(0)
    if not lines:
        return ""
    subject = re.sub(r"^(?:commit message|subject)\s*:\s*", "", lines[0].strip("#* "), flags=re.IGNORECASE)
    if quoted := re.fullmatch(r"([\"'`])([^\"'`]+)\1", subject):
        subject = quoted[2]
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines[1:]).strip())
    body = "\n\n".join(filter(None, map(_wrapped, paragraphs)))
    subject = subject.rstrip(".").strip()
    return f"{subject}\n\n{body}".strip() if subject else ""


def _wrapped(paragraph: str) -> str:
    """Lists keep their items, prose is filled."""
    items = re.split(r"\n(?=\s*[-*] )", paragraph.strip())
    return "\n".join(
        textwrap.fill(
            " ".join(each.split()), WIDTH, subsequent_indent="  " if each.lstrip()[:2] in ("- ", "* ") else ""
        )
        for each in items
    )


def _checks(message: str, changes: Staged) -> Iterator[Check]:
    subject = message.partition("\n")[0]
    if _DIFF.search(message):
        yield Check("form", False, "It repeats the diff instead of saying what it does.")
    length = f"The subject has {len(subject)} characters, at most {MAX_SUBJECT} are customary."
    yield Check("length", 0 < len(subject) <= MAX_SUBJECT, length)
    verb = re.sub(r"^\w+(?:\([^)]*\))?!?:\s*", "", subject).partition(" ")[0].strip(",;:")
    is_imperative = _is_imperative(verb.lower())
    said = "is in the imperative" if is_imperative else "is not in the imperative, as in 'Add' or 'Fix'"
    yield Check("imperative", is_imperative, f"By its form '{verb}' {said}.")
    paths = [each.path for each in changes.files]
    named = [each for each in _FILE.findall(message) if _is_file(each)]
    unknown = [each for each in named if not any(path == each or path.endswith(f"/{each}") for path in paths)]
    if unknown:
        yield Check("files", False, f"These files are not in the diff: {', '.join(dict.fromkeys(unknown))}.")
    elif named:
        yield Check("files", True, "The files that it names are in the diff.")
    diff = "\n".join(each.status + "".join(each.hunks) for each in changes.files)
    words = set(re.findall(r"\w+", diff))
    quoted = {part for name in _QUOTED.findall(message) for part in name.split(".")}
    if missing := sorted(quoted - words):
        yield Check("names", False, f"These names are not in the diff: {', '.join(missing)}.")
    elif quoted:
        yield Check("names", True, "The names that it quotes are in the diff.")


def _is_imperative(verb: str) -> bool:
    if not verb.isalpha() or verb in _NO_VERBS:
        return False
    return verb in _BASE_FORMS or not (verb.endswith(("ed", "ing")) or (verb.endswith("s") and not verb.endswith("ss")))


def _is_file(word: str) -> bool:
    return "/" in word or language_of("", word) is not None
