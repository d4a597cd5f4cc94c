"""``codeslm explain|fix|simplify|solve …`` and so on: one question, answered in the terminal or as JSON."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from codeslm_lsp.cli.complete import with_default_model
from codeslm_lsp.cli.files import cursor_at, parse_place, read_document
from codeslm_lsp.cli.terminal import Console
from codeslm_lsp.cli.wiring import launch, launch_for_commands
from codeslm_lsp.lsp.folder import project_folder
from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.edits import applied
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.run import as_data, chat_model, run
from codeslm_lsp.reasoning.speaker import ChatModel, Speaker
from codeslm_lsp.sandbox.consent import user_consents
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Answer, Badge, InputError
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.index import index_of

STYLES = {
    Badge.PROVED: "bold green",
    Badge.TESTED: "bold green",
    Badge.CROSS_CHECKED: "green",
    Badge.UNVERIFIED: "yellow",
    Badge.REFUTED: "bold red",
}
"""Colours only repeat what the words say."""

Json = Annotated[bool, typer.Option("--json", help="Print the answer and its evidence as JSON.")]
Place = Annotated[str, typer.Argument(metavar="FILE:LINE[-LINE]", help="The code that is meant, lines from 1.")]
Apply = Annotated[bool, typer.Option("--apply", help="Write it into the file.")]
RunCode = Annotated[bool, typer.Option("--run", help="Run the code in the sandbox, this once.")]
Words = Annotated[str, typer.Argument(metavar="TEXT", help="What is asked; - reads it from standard input.")]


def explain(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FILE:LINE[-LINE]", help="The code, lines from 1.")] = "",
    error: Annotated[str, typer.Option("--error", metavar="TEXT", help="An error; - reads standard input.")] = "",
    as_json: Json = False,
) -> None:
    """Explain code, or the text of an error."""
    words = _read(error)
    _answer(context, "explain", question_at(place, words) if place else Question(words), as_json=as_json)


def ask(
    context: typer.Context,
    question: Words,
    file: Annotated[str, typer.Option("--file", metavar="FILE[:LINE]", help="Ask about this file first.")] = "",
    as_json: Json = False,
) -> None:
    """Ask about a file, or about the project in this folder once an editor has indexed it."""
    words = _read(question)
    _answer(context, "ask", question_at(file, words) if file else Question(words), as_json=as_json)


def document(
    context: typer.Context,
    place: Place,
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Write the docstring of a function, checked against its signature."""
    _answer(context, "document", question_at(place), as_json=as_json, apply=apply)


def fix(
    context: typer.Context,
    place: Place,
    message: Annotated[
        str, typer.Option("--message", metavar="TEXT", help="What is wrong; else checkers are asked.")
    ] = "",
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Repair what a checker complains about, and ask the checker again."""
    _answer(context, "fix", question_at(place, message), as_json=as_json, apply=apply)


def implement(
    context: typer.Context, place: Place, run_code: RunCode = False, apply: Apply = False, as_json: Json = False
) -> None:
    """Write the body that a function lacks, or the code that a comment asks for."""
    _answer(context, "implement", question_at(place), as_json=as_json, apply=apply, may_run=run_code)


def simplify(
    context: typer.Context,
    place: Place,
    run_code: RunCode = False,
    n_examples: Annotated[
        int | None, typer.Option("--examples", metavar="N", min=1, help="Inputs to compare on.")
    ] = None,
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Simplify a Python function, and compare both versions on many inputs."""
    settings: Settings = context.obj
    question = replace(question_at(place), n_examples=n_examples or settings.commands.examples)
    _answer(context, "simplify", question, as_json=as_json, apply=apply, may_run=run_code)


def type_hints(context: typer.Context, place: Place, apply: Apply = False, as_json: Json = False) -> None:
    """Add annotations to a Python function, checked by mypy or pyright where one is on the path."""
    _answer(context, "types", question_at(place), as_json=as_json, apply=apply)


def better_name(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FILE:LINE[:COLUMN]", help="Where the name stands, from 1.")],
    choose: Annotated[str, typer.Option("--choose", metavar="NAME", help="Take this name; no model is asked.")] = "",
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Find a better name for a variable, function or class, and rename it in the file."""
    if re.fullmatch(r".+:\d+:\d+", place, flags=re.DOTALL):
        path, line, column = parse_place(place)
        read = read_document(path)
        at = cursor_at(read, line, column)
        question = Question(choose, read, at, at)
    else:
        question = question_at(place, choose)
    _answer(context, "name", question, as_json=as_json, apply=apply)


def write_tests(
    context: typer.Context,
    place: Place,
    run_code: Annotated[bool, typer.Option("--run", help="Run the tests in the sandbox, this once.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Write the new test file.")] = False,
    as_json: Json = False,
) -> None:
    """Write unit tests for a function, run them, and try whether they notice mistakes."""
    _answer(context, "test", question_at(place), as_json=as_json, apply=apply, may_run=run_code)


def complexity(context: typer.Context, place: Place, run_code: RunCode = False, as_json: Json = False) -> None:
    """Say how a Python function's work grows with its input, by its syntax and by counting."""
    _answer(context, "complexity", question_at(place), as_json=as_json, may_run=run_code)


def translate(
    context: typer.Context,
    place: Place,
    language: Annotated[str, typer.Option("--to", metavar="LANGUAGE", help="Such as javascript, go, rust.")],
    run_code: RunCode = False,
    apply: Apply = False,
    as_json: Json = False,
) -> None:
    """Translate code into another language; --apply writes it into a new file beside."""
    question = replace(question_at(place), language=language)
    _answer(context, "translate", question, as_json=as_json, apply=apply, may_run=run_code)


def commit(
    context: typer.Context,
    reason: Annotated[str, typer.Argument(metavar="REASON", help="Why it was changed; - reads standard input.")] = "",
    as_json: Json = False,
) -> None:
    """Write a message for what is staged in git. Nothing is committed."""
    _answer(context, "commit", Question(_read(reason)), as_json=as_json)


def allow(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="A project's folder.")] = Path(),
    forbid: Annotated[bool, typer.Option("--forbid", help="Forbid it again.")] = False,
) -> None:
    """Let commands run code of this project in the sandbox, from now on."""
    consents = user_consents()
    consents.deny(folder) if forbid else consents.allow(folder)
    said = "is not run any more" if forbid else "may be run in the sandbox"
    typer.echo(f"Code of {folder.resolve()} {said}.")


def solve(context: typer.Context, problem: Words, as_json: Json = False) -> None:
    """Solve an equation or a problem in words."""
    _answer(context, "solve", Question(_read(problem)), as_json=as_json)


def verify(
    context: typer.Context,
    claim: Annotated[str, typer.Argument(metavar="CLAIM", help="What is claimed; - reads standard input.")] = "",
    function: Annotated[
        str, typer.Option("--function", metavar="FILE:LINE", help="A function that computes it, or not.")
    ] = "",
    run_code: Annotated[bool, typer.Option("--run", help="Run the function in the sandbox, this once.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether a claim is true, or a function computes the formula that is claimed or that its docstring states."""
    question = question_at(function, _read(claim)) if function else Question(_read(claim))
    _answer(context, "verify", question, as_json=as_json, may_run=run_code)


def latex(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="FILE:LINE[-LINE]|CODE", help="A function, lines, or an expression.")],
    as_json: Json = False,
) -> None:
    """Write the formula that Python code computes in LaTeX, and read it back to compare it."""
    _answer(context, "latex", question_about(place), as_json=as_json)


def formula(
    context: typer.Context,
    said: Annotated[
        str, typer.Argument(metavar="FORMULA|FILE:LINE[-LINE]", help="Plain or LaTeX; - reads standard input.")
    ],
    apply: Annotated[bool, typer.Option("--apply", help="Write it into the file, below the formula.")] = False,
    as_json: Json = False,
) -> None:
    """Write a formula as Python, and read that back to compare it."""
    question = question_about(said)
    if question.document is not None and question.start == question.end:
        text = question.document.text
        end = text.find("\n", question.start)
        question = replace(question, end=end if end >= 0 else len(text))
    _answer(context, "formula", question, as_json=as_json, apply=apply)


def question_at(place: str, words: str = "") -> Question:
    """``FILE``, ``FILE:LINE`` or ``FILE:LINE-LINE``, lines counted from 1. Raises ``InputError``."""
    match = re.fullmatch(r"(.+?)(?::(\d{1,9})(?:-(\d{1,9}))?)?", place, flags=re.DOTALL)
    assert match is not None, "any text is a path"
    read = read_document(Path(match[1]))
    if match[2] is None:
        return Question(words, read)
    first = int(match[2])
    text, start = read.text, int(cursor_at(read, first, 1))
    start += len(text[start:]) - len(text[start:].lstrip(" \t"))
    if match[3] is None:
        return Question(words, read, start, start)
    last = int(match[3])
    if last < first:
        raise InputError(f"The lines {first}-{last} run backwards; give the smaller number first.")
    end = text.find("\n", cursor_at(read, last, 1))
    return Question(words, read, start, end if end >= 0 else len(text))


def question_about(said: str) -> Question:
    """A place in a file where there is such a file, else what was typed; - reads that from standard input."""
    match = re.fullmatch(r"(.+?)(?::\d{1,9}(?:-\d{1,9})?)?", said, flags=re.DOTALL)
    is_place = match is not None and len(match[1]) < 4096 and "\n" not in said and Path(match[1]).is_file()
    return question_at(said) if is_place else Question(_read(said))


def _read(words: str) -> str:
    return sys.stdin.read() if words == "-" else words


def _answer(
    context: typer.Context, name: str, question: Question, *, as_json: bool, apply: bool = False, may_run: bool = False
) -> None:
    settings: Settings = context.obj
    is_live = not as_json and sys.stdout.isatty()
    answer = asyncio.run(_ask(name, question, settings, is_live=is_live, may_run=may_run))
    if as_json:
        typer.echo(json.dumps(as_data(answer), ensure_ascii=False, indent=2))
    else:
        _show(answer)
    if apply and answer.edits:
        _apply(answer, question)
    if answer.badge is Badge.REFUTED:
        raise typer.Exit(1)


async def _ask(name: str, question: Question, settings: Settings, *, is_live: bool, may_run: bool) -> Answer:
    launched = None
    mathematician = Mathematician()
    folder = project_folder(Path.cwd())
    index = index_of(folder) if folder is not None else None

    async def read_model() -> ChatModel:
        """The model is loaded, or even downloaded, when a command first needs it: verify mostly does not."""
        nonlocal launched
        if launched is None:
            launched = launch_for_commands(settings)
        if launched is None:
            launched = launch(settings if settings.model else with_default_model(settings))
        answering = launched.for_commands(settings)
        return chat_model(answering.engine, await answering.read_format(), settings)

    console = Console(stderr=True, highlight=False)
    speaker = Speaker(read_model, f"codeslm:{name}")
    n_heard = 0

    def hear(text: str) -> None:
        nonlocal n_heard
        n_heard += len(text)
        status.update(f"{name}: {n_heard} characters")

    status = console.status(f"{name} …")
    may_run = may_run or (folder is not None and user_consents().is_allowed(folder))
    environment = Environment(folder)
    means = Means(speaker, mathematician, hear, index, folder, environment, may_run)
    try:
        if is_live:
            status.start()
        return await run(name, question, means)
    finally:
        status.stop()
        await mathematician.close()
        await environment.close()
        if index is not None:
            index.close()
        if launched is not None:
            await launched.close()


def _show(answer: Answer) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(answer.text, markup=False)
    console.print()
    console.print(Text(answer.badge.value, style=STYLES[answer.badge]))
    for check in answer.checks:
        console.print(Text(f"  {'✓' if check.passed else '✗'} {check.detail}", style="dim"))


def _apply(answer: Answer, question: Question) -> None:
    """Write the edits. The file is read again first: what has changed since is not overwritten, nor is a new file."""
    assert question.document is not None
    by_path = {edit.path: [each for each in answer.edits if each.path == edit.path] for edit in answer.edits}
    for name, edits in by_path.items():
        path = Path.cwd() / name
        if name != question.document.path:
            if path.exists():
                raise InputError(f"{path} exists already; nothing was written.")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(edits[0].text, encoding="utf-8")
        else:
            now = read_document(path)
            if now.text != question.document.text:
                raise InputError(f"{path} has changed meanwhile; nothing was written.")
            mark = "\ufeff" if path.read_bytes().startswith(b"\xef\xbb\xbf") else ""
            with path.open("w", encoding="utf-8", newline="") as file:
                file.write(mark + applied(now.text, tuple(edits)))
        Console(stderr=True, highlight=False).print(f"{name} was written.", style="green")
