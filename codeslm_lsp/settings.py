"""Options of the client, the project file and the environment → one frozen ``Settings``.

Every setting has a default, a unit where one applies, and a description. A wrong value never stops anything:
it becomes one sentence for the user, and the default holds.

Later sources win: defaults < the user's file < ``[tool.codeslm]`` of the workspace's ``pyproject.toml`` < the client's
``initializationOptions`` < its ``workspace/configuration`` < environment variables, which are spelled
``CODESLM_COMPLETION__MAX_TOKENS=40``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    create_model,
    model_serializer,
)
from pydantic.fields import FieldInfo

ENVIRONMENT_PREFIX = "CODESLM_"
CONFIG_VARIABLE = "CODESLM_CONFIG"
"""An environment variable that names another file for the user's settings, such as that of a test."""

DEFAULTS = "defaults"
"""What the source of a setting is called that nobody has set."""

_NOT_SETTINGS = frozenset(
    {
        *("CODESLM_MODELS_DIR", "CODESLM_MACHINE_DIR", "CODESLM_SEQUENCES_DIR", "CODESLM_INDEX_DIR"),
        *("CODESLM_USAGE_DIR", "CODESLM_LOG", "CODESLM_OPENAI_KEY", "CODESLM_REMOTE_KEY", CONFIG_VARIABLE),
    }
)
"""Variables with our prefix that other parts read. Those that begin ``CODESLM_TEST_`` are the tests' own."""


Caution = Literal["eager", "balanced", "strict"]
"""How sure one has to be of a suggestion to offer it unasked."""


def _setting(default: Any, description: str, *, unit: str = "", **limits: Any) -> Any:
    return Field(default, description=description, json_schema_extra={"unit": unit} if unit else None, **limits)


class _Table(BaseModel):
    """A table of settings: frozen, unknown keys refused, no silent conversion between types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class CompletionSettings(_Table):
    """When and how much code is suggested."""

    enabled: bool = _setting(True, "Whether completions are offered at all.")
    automatic: bool = _setting(True, "Whether typing asks for completions; an explicit request always may.")
    menu: bool = _setting(
        False, "Also answer textDocument/completion, for editors without ghost text. Read once, at initialize."
    )
    disabled_languages: tuple[str, ...] = Field(
        (),
        description='LSP language identifiers for which nothing is offered, such as ["markdown"].',
        strict=False,
    )
    disabled_files: tuple[str, ...] = Field(
        (),
        description="Files for which nothing is offered, by patterns as in a .gitignore of the workspace folder, such "
        'as ["*.min.js", "generated/"]; ["*", "!src/**"] leaves only those of one folder.',
        strict=False,
    )
    multiline: Literal["auto", "never"] = _setting(
        "auto", "'auto' lets the syntax at the cursor decide between a line and a block; 'never' keeps to one line."
    )
    in_comments: bool = _setting(
        True, "Whether typing in a comment asks for completions; an explicit request always may."
    )
    in_strings: bool = _setting(
        True, "Whether typing in a string, such as a docstring, asks for completions; an explicit request always may."
    )
    confidence: Caution = _setting(
        "balanced",
        "How likely a suggestion must be right to be offered while typing: 'eager' offers everything, 'balanced' hides "
        "what is probably wrong and ends before the first doubtful line, 'strict' offers what is almost sure. An "
        "explicit request is always answered.",
    )
    max_tokens: int = _setting(96, "The most tokens one completion may have.", unit="tokens", ge=1, le=1024)
    time_budget_ms: int = _setting(
        500,
        "How long a completion may be decoded before its whole lines so far are offered, half of it where one "
        "statement is wanted; its first line may take six times as long. What follows is decoded while they are read.",
        unit="ms",
        ge=50,
        le=120_000,
    )
    alternatives: int = _setting(
        2,
        "How many more completions are offered on an explicit request, where the model finds others likely.",
        unit="completions",
        ge=0,
        le=5,
    )
    wait_for_model_ms: int = _setting(
        30_000, "How long a request waits for a model that is still loading.", unit="ms", ge=0, le=600_000
    )
    prefetch: Literal["always", "plugged_in", "never"] = _setting(
        "always",
        "Whether the model works ahead while the editor is idle: on the next prompt, and on what comes after the "
        "suggestion shown. 'plugged_in' does so only while the machine is not on battery.",
    )
    first_wait_ms: int = _setting(
        2500,
        "How long the first suggestion at a new place should wait for its prompt. One that takes twice as long is made "
        "shorter, and the whole one evaluated behind it; not for requests by hand, and not with prefetch 'never'.",
        unit="ms",
        ge=100,
        le=600_000,
    )
    anchor_max_lines: int = _setting(
        4, "Lines typed before the prompt is built anew at the cursor's line.", unit="lines", ge=0, le=50
    )
    max_file_bytes: int = _setting(
        5_000_000, "Files larger than this are not completed.", unit="bytes", ge=1_000, le=100_000_000
    )


class PromptSettings(_Table):
    """What the model is shown."""

    max_tokens: int = _setting(
        1024,
        "The most tokens of a prompt. Evaluating them is what the first suggestion waits for.",
        unit="tokens",
        ge=64,
    )
    suffix_share: float = Field(
        0.25,
        description="Share of the prompt for the text after the cursor.",
        ge=0.0,
        le=0.9,
        strict=False,
    )


class ContextSettings(_Table):
    """What the model is shown of other files."""

    enabled: bool = _setting(
        True, "Whether prompts may hold code of other files of the workspace; only the open file's own if not."
    )
    max_tokens: int = _setting(
        256, "The most tokens of other files' code, besides those of the prompt.", unit="tokens", ge=0, le=100_000
    )


class _Partial(_Table):
    """A table in which nothing has to be set; what is not is ``None``, and not written out."""

    @model_serializer(mode="wrap")
    def _only_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}


def _partial(table: type[_Table], *others: str) -> Any:
    """The settings of a table but for ``others``, as a type whose values need not be set."""
    fields: dict[str, Any] = {}
    for name, field in table.model_fields.items():
        if name not in others:
            unset, declared = copy(field), cast("Any", field.annotation)
            unset.default = None
            fields[name] = (declared | None, unset)
    return create_model(f"{table.__name__}OfLanguage", __base__=_Partial, __doc__=table.__doc__, **fields)


_COMPLETION_OF_LANGUAGE = _partial(CompletionSettings, "menu", "disabled_languages", "wait_for_model_ms", "prefetch")
_PROMPT_OF_LANGUAGE = _partial(PromptSettings)
_CONTEXT_OF_LANGUAGE = _partial(ContextSettings, "enabled")


class LanguageSettings(_Table):
    """What is otherwise for documents in one language."""

    # To mypy, a type that is made while this is imported is none.
    completion: _COMPLETION_OF_LANGUAGE = _COMPLETION_OF_LANGUAGE()  # type: ignore[valid-type]
    prompt: _PROMPT_OF_LANGUAGE = _PROMPT_OF_LANGUAGE()  # type: ignore[valid-type]
    context: _CONTEXT_OF_LANGUAGE = _CONTEXT_OF_LANGUAGE()  # type: ignore[valid-type]


class CommandsSettings(_Table):
    """How commands are answered. A project's file may not name a model here by a path."""

    model: str = _setting(
        "",
        "Another model for commands than for completions: a name of the catalogue or the path of a GGUF file. It is "
        "loaded for the first command, needs memory besides, and leaves the processor to completions. Empty takes the "
        "one that completes.",
    )
    max_tokens: int = _setting(1024, "The most tokens of one answer.", unit="tokens", ge=16, le=16_384)
    examples: int = _setting(
        1000,
        "On how many inputs `simplify` compares a function with its simpler version.",
        unit="inputs",
        ge=1,
        le=1_000_000,
    )
    code_actions: bool = _setting(True, "Whether commands are offered as code actions, beside those of other servers.")


class EngineSettings(_Table):
    """How the model is run. Never read from a project's file."""

    threads: int = _setting(
        0,
        "Threads of the engine; 0 takes as many as were measured to be best, and fewer while other programs run.",
        unit="threads",
        ge=0,
        le=512,
    )
    context_tokens: int = _setting(4096, "Size of the model's context window.", unit="tokens", ge=256, le=1_000_000)
    cache_megabytes: int = _setting(
        256,
        "Memory for keeping the prompts of several documents evaluated, so that switching between them costs nothing.",
        unit="MiB",
        ge=0,
        le=65_536,
    )
    disk_cache_megabytes: int = _setting(
        256,
        "Disk space for evaluated prompts, so that none is evaluated again after a restart; 0 saves none. They hold "
        "your code, for you alone to read, in the folder CODESLM_SEQUENCES_DIR or the one this system has for caches.",
        unit="MiB",
        ge=0,
        le=1_048_576,
    )
    microbatch_tokens: int = _setting(
        0,
        "Prompt tokens evaluated together, and lost together at a cancel; 0 takes what was measured to be best.",
        unit="tokens",
        ge=0,
        le=4096,
    )
    shared: bool = _setting(True, "Whether editors that want the same model in the same way use one engine together.")
    idle_minutes: float = _setting(
        30.0,
        "How long nobody may have asked for anything until the engine gives its memory back; the next request loads "
        "the model again. 0 for never.",
        unit="minutes",
        ge=0.0,
        strict=False,
    )
    background_share: float = Field(
        1.0,
        description="Share of the time (over half a minute) in which the model may work ahead; less keeps fans quiet.",
        ge=0.05,
        le=1.0,
        strict=False,
    )


class RemoteSettings(_Table):
    """Engines on other machines. Never read from a project's file. A key for them: the variable CODESLM_REMOTE_KEY."""

    urls: tuple[str, ...] = Field(
        (),
        description='Addresses of servers that run the model instead of this machine, such as ["http://gpu:8080"]: '
        "llama-server, or what has OpenAI's /v1/completions. Several have to run the same model. What a prompt holds "
        "is sent there, as far as the other settings of this table allow it.",
        strict=False,
    )
    api: Literal["", "llama-server", "openai", "suffix"] = _setting(
        "",
        "Their interface; empty finds out. 'openai' is sent prompts in the model's own format (vLLM, SGLang, LM "
        "Studio), 'suffix' only prefix and suffix (Ollama, or codeslm itself).",
    )
    model: str = _setting("", "The model's name there; empty takes the first that is listed.")
    family: str = _setting("", "How the model was taught to fill in the middle, where its name does not tell.")
    patience_ms: int = _setting(
        700,
        "How long a remote answer is waited for before the local model is asked, too; whichever answers first counts.",
        unit="ms",
        ge=50,
        le=60_000,
    )
    local: bool = _setting(True, "Whether the local model answers where no remote one can, may or does in time.")
    private_files: tuple[str, ...] = Field(
        (),
        description="Files that are never sent, by patterns as in a .gitignore of the workspace folder. Nor are files "
        "that hold a secret.",
        strict=False,
    )
    context: bool = _setting(False, "Whether code of other files than the open one may be sent.")
    commands: bool = _setting(False, "Whether commands are answered there, too; by a llama-server only.")


class IndexSettings(_Table):
    """What is kept of the other files of a workspace folder. A project's file may only switch it off."""

    enabled: bool = _setting(
        True,
        "Whether the source files of each workspace folder are indexed: what they define, import and use, for you "
        "alone to read, in the folder CODESLM_INDEX_DIR or the one this system has for caches. Also whether the names "
        "that modules of the project's Python environment have are looked up, so that no others are suggested.",
    )
    max_files: int = _setting(
        20_000, "Of a folder with more source files, the last modified are indexed.", unit="files", ge=1, le=200_000
    )


class UsageSettings(_Table):
    """What is kept of what you accept. Never read from a project's file."""

    enabled: bool = _setting(
        True,
        "Whether it is kept what became of suggestions: numbers, no code, on this machine alone, in the folder "
        "CODESLM_USAGE_DIR or the one this system has for data. The file may be deleted at any time.",
    )


class Settings(_Table):
    """All settings of codeslm."""

    model: str = _setting(
        "", "A name of the catalogue or the path of a GGUF file; empty takes the best installed one that fits."
    )
    completion: CompletionSettings = CompletionSettings()
    prompt: PromptSettings = PromptSettings()
    context: ContextSettings = ContextSettings()
    commands: CommandsSettings = CommandsSettings()
    engine: EngineSettings = EngineSettings()
    remote: RemoteSettings = RemoteSettings()
    index: IndexSettings = IndexSettings()
    usage: UsageSettings = UsageSettings()
    languages: dict[str, LanguageSettings] = _setting(
        {},
        "Other values for documents in one language, by its LSP language identifier: such as "
        "languages.python.completion.max_tokens. Most settings of completion, prompt and context may stand there.",
    )

    def for_language(self, language_id: str) -> Settings:
        """These settings, as they are for documents in this language: the same object where nothing is otherwise."""
        own = self.languages.get(language_id.lower())
        if own is None:
            return self
        tables = {name: getattr(self, name).model_copy(update=values) for name, values in own.model_dump().items()}
        return self.model_copy(update=tables)


@dataclass(frozen=True, slots=True)
class Source:
    """One place settings came from: ``name`` is how a message calls it, ``options`` what it said.

    ``trusted`` is false for files that come with a project: they may not choose what is run on this machine.
    """

    name: str
    options: Mapping[str, Any]
    trusted: bool = True


def resolve(sources: Sequence[Source]) -> tuple[Settings, tuple[str, ...]]:
    """Merge sources, later ones winning, and check each value by itself.

    Returns the settings and one sentence for each value that was refused; its default (or the value of an earlier
    source) holds instead.
    """
    merged: dict[str, Any] = {}
    problems: list[str] = []
    for source in sources:
        merged = _merge(merged, _used_part(source, problems))
    return Settings.model_validate(merged, strict=False), tuple(problems)


def origins(sources: Sequence[Source]) -> dict[str, tuple[Any, str]]:
    """Each setting by its name (``completion.max_tokens``): its value, and the name of the source it comes from."""
    settings, _ = resolve(sources)
    names: dict[str, str] = {}
    for source in sources:
        names |= {key: source.name for key, _ in _flat(_used_part(source, []))}
    return {key: (value, names.get(key, DEFAULTS)) for key, value in _flat(settings.model_dump(mode="json"))}


def _used_part(source: Source, problems: list[str]) -> dict[str, Any]:
    """What of a source counts; each removal adds a sentence to ``problems``."""
    options = _snake_case_keys(source.options)
    if not source.trusted:
        options = _without_machine_settings(options, source.name, problems)
    return _valid_part(options, source.name, problems)


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def user_file() -> Path:
    """Where this user's settings are: ``CODESLM_CONFIG``, or ``config.toml`` in the folder this system has for them."""
    return user_folder(CONFIG_VARIABLE, platformdirs.user_config_path("codeslm", appauthor=False) / "config.toml")


def user_source() -> tuple[Source | None, tuple[str, ...]]:
    """The user's own file, and a sentence if it cannot be read."""
    path = user_file()
    if not path.is_file():
        return None, ()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, (f"Settings in {path} were ignored because the file cannot be read: {error}.",)
    return (Source(str(path), table) if table else None), ()


def project_file(folder: Path) -> Path:
    """Where the settings of the project in ``folder`` are."""
    return folder / "pyproject.toml"


def project_source(folder: Path | None) -> tuple[Source | None, tuple[str, ...]]:
    """The ``[tool.codeslm]`` table of ``folder/pyproject.toml``, and a sentence if the file cannot be read."""
    if folder is None or not (path := project_file(folder)).is_file():
        return None, ()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("codeslm", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        return None, (f"Settings in {path} were ignored because the file cannot be read: {error}.",)
    if not isinstance(table, dict):
        return None, (f"Settings in {path} were ignored: [tool.codeslm] must be a table.",)
    return (Source(f"{path} [tool.codeslm]", table, trusted=False) if table else None), ()


def sources_here(folder: Path | None, editor: Sequence[Source] = ()) -> tuple[list[Source], tuple[str, ...]]:
    """All sources, the weakest first: the user's file, the project's in ``folder``, the editor's, the environment.

    Also a sentence for each file that cannot be read.
    """
    user, no_user = user_source()
    project, no_project = project_source(folder)
    found = [user, project, *editor, environment_source(os.environ)]
    return [source for source in found if source is not None], (*no_user, *no_project)


def environment_source(environment: Mapping[str, str]) -> Source | None:
    """``CODESLM_<TABLE>__<NAME>`` variables as options; values are read as TOML, or as text where they are not."""
    options: dict[str, Any] = {}
    for variable, value in environment.items():
        if (
            not variable.startswith(ENVIRONMENT_PREFIX)
            or variable in _NOT_SETTINGS
            or variable.startswith("CODESLM_TEST_")
        ):
            continue
        path = variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__")
        table = options
        for part in path[:-1]:
            nested = table.setdefault(part, {})
            table = nested if isinstance(nested, dict) else {}
        table[path[-1]] = _environment_value(value, path)
    return Source("the environment", options) if options else None


def user_folder(variable: str, default: Path) -> Path:
    """The folder that an environment variable names; ``default`` where it names none."""
    named = os.environ.get(variable, "").strip()
    return Path(named).expanduser().absolute() if named else default


def value_of_text(value: str, key: str) -> Any:
    """What somebody means who writes ``value`` for the setting ``key``: TOML, or text where it is none."""
    return _environment_value(value, key.split("."))


def _environment_value(value: str, path: Sequence[str]) -> Any:
    if _annotation(path) is str:
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def is_setting(key: str) -> bool:
    """Whether there is a setting of this name, such as ``languages.python.completion.max_tokens``."""
    path = key.split(".")
    return _annotation(path) is not None and not _is_table(path)


def _annotation(path: Sequence[str]) -> Any:
    """The declared type of the setting or table at ``path``, or None when there is none."""
    declared: Any = Settings
    for part in path:
        if get_origin(declared) is dict:  # By the name of a language.
            declared = get_args(declared)[1]
        elif (field := _field_in(declared, part)) is not None:
            declared = field.annotation
        else:
            return None
    match get_args(declared):
        case (inner, other) if other is type(None):
            return inner
    return declared


def _field_in(table: Any, name: str) -> FieldInfo | None:
    return table.model_fields.get(name) if isinstance(table, type) and issubclass(table, BaseModel) else None


def _snake_case_keys(options: Mapping[str, Any]) -> dict[str, Any]:
    """Editors write ``maxTokens``, files write ``max_tokens``: both are understood."""
    return {
        re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", str(key)).lower(): _snake_case_keys(value)
        if isinstance(value, Mapping)
        else value
        for key, value in options.items()
    }


def _without_machine_settings(options: dict[str, Any], name: str, problems: list[str]) -> dict[str, Any]:
    """Refuse what a downloaded project must not decide: which file is loaded and how the engine runs."""
    kept = dict(options)
    problems.extend(
        f"Settings under '{table}' in {name} were ignored; set them in the editor or the environment."
        for table in ("engine", "remote", "usage")
        if kept.pop(table, None) is not None
    )
    index = kept.get("index")
    if isinstance(index, dict) and (
        refused := sorted(key for key, value in index.items() if (key, value) != ("enabled", False))
    ):
        kept["index"] = {"enabled": False} if len(refused) < len(index) else {}
        problems.extend(f"The setting 'index.{key}' in {name} was ignored; set it in the editor." for key in refused)
    if _is_path(kept.get("model")):
        del kept["model"]
        problems.append(f"The setting 'model' in {name} may only name a catalogue model; its path was ignored.")
    commands = kept.get("commands")
    if isinstance(commands, dict) and _is_path(commands.get("model")):
        kept["commands"] = _without(commands, ("model",))
        problems.append(
            f"The setting 'commands.model' in {name} may only name a catalogue model; its path was ignored."
        )
    return kept


def _is_path(model: Any) -> bool:
    return isinstance(model, str) and ("/" in model or "\\" in model or model.endswith(".gguf"))


def _valid_part(options: dict[str, Any], name: str, problems: list[str]) -> dict[str, Any]:
    """``options`` without the values that do not fit; each removal adds a sentence to ``problems``."""
    remaining = options
    while True:
        try:
            Settings.model_validate(remaining)
        except ValidationError as error:
            for location, sentence in _complaints(error, name):
                problems.append(sentence)
                remaining = _without(remaining, location)
        else:
            return remaining


def complaint_about(options: Mapping[str, Any]) -> str | None:
    """What is wrong with a value of a setting that exists: ``input should be a valid integer``; or nothing is."""
    try:
        Settings.model_validate(options)
    except ValidationError as error:
        return _lower_first(error.errors()[0]["msg"])
    return None


def _complaints(error: ValidationError, name: str) -> list[tuple[tuple[str, ...], str]]:
    """One complaint for each setting, whatever the depth at which its value fails."""
    found: dict[tuple[str, ...], str] = {}
    for detail in error.errors():
        path: list[str] = []
        for part in detail["loc"]:
            if not isinstance(part, str) or not _is_table(path):
                break
            path.append(part)
        location = tuple(path)
        if detail["type"] == "extra_forbidden":
            sentence = f"The setting '{'.'.join(location)}' in {name} does not exist and was ignored."
        else:
            sentence = (
                f"The setting '{'.'.join(location)}' in {name} was ignored: {_lower_first(detail['msg'])}; "
                f"{_instead(location)} is used."
            )
        found.setdefault(location, sentence)
    return list(found.items())


def _is_table(path: Sequence[str]) -> bool:
    annotation = _annotation(path)
    return get_origin(annotation) is dict or (isinstance(annotation, type) and issubclass(annotation, BaseModel))


def _instead(location: Sequence[str]) -> str:
    """What holds where the value at this place cannot be used."""
    field = _field_in(_annotation(location[:-1]), location[-1]) if location else None
    if field is None or _is_table(location):
        return "the default table"
    return "the value for all languages" if location[0] == "languages" else f"the default {field.default!r}"


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _without(options: dict[str, Any], location: tuple[str, ...]) -> dict[str, Any]:
    head, *rest = location
    kept = dict(options)
    if rest and isinstance(kept.get(head), dict):
        kept[head] = _without(kept[head], tuple(rest))
    else:
        kept.pop(head, None)
    return kept


def _merge(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        merged[key] = (
            _merge(merged[key], value) if isinstance(value, dict) and isinstance(merged.get(key), dict) else value
        )
    return merged
