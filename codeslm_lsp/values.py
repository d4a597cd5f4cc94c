"""The nouns of codeslm: frozen values that rooms hand to each other, and the one error tree. No logic lives here.

CodeslmError                    anything that is told to the user in one sentence
├── InputError                  a file, position or setting that cannot be used
│   └── ExpressionError         mathematical text that cannot be read, means nothing, or asks for too much
│       └── UnitsError          quantities that were understood, and whose units do not fit together
├── ModelError                  something about a model file
│   ├── ModelNotFound           no such name in the catalogue, or not on this machine
│   ├── ModelDamaged            not a GGUF, cut short, or its hash is wrong
│   ├── ModelUnsuitable         readable, but cannot do what was asked (no FIM tokens, too big)
│   └── DownloadFailed          no source could deliver it
├── EngineError                 something about the engine process
│   ├── EngineDied              the process ended while it was needed
│   └── EngineUnavailable       it could not be started
│       └── EngineLoading       not yet: it is still loading the model
└── SandboxUnavailable          nothing on this machine can shut in a program that is to be tested
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NewType


class CodeslmError(Exception):
    """Base of every error that is meant for the user: ``str(error)`` is one sentence saying what to do next."""


class InputError(CodeslmError):
    """A file, a position or an argument that cannot be used."""


class ExpressionError(InputError):
    """A mathematical text that cannot be read, has no meaning, or asks for more work than is allowed."""


class UnitsError(ExpressionError):
    """Quantities that were understood do not fit together: kilometres and seconds are added."""


class ModelError(CodeslmError):
    """Something is wrong with a model file."""


class ModelNotFound(ModelError):
    """The name is not in the catalogue, or the file is not on this machine."""


class ModelDamaged(ModelError):
    """The file is not a GGUF, is cut short, or does not have the expected hash."""


class ModelUnsuitable(ModelError):
    """The file is a model, but it cannot do what was asked of it."""


class DownloadFailed(ModelError):
    """No source could deliver the model."""


class EngineError(CodeslmError):
    """Something is wrong with the engine process."""


class EngineDied(EngineError):
    """The engine process ended while a request was waiting for it."""


class EngineUnavailable(EngineError):
    """The engine could not be started."""


class EngineLoading(EngineUnavailable):
    """The engine has not finished loading its model within the time allowed."""


class SandboxUnavailable(CodeslmError):
    """No sandbox works on this machine, so the program was not run."""


Cursor = NewType("Cursor", int)
"""An offset into ``Document.text``, in code points."""


class Trigger(enum.StrEnum):
    """Why a completion was asked for (LSP ``InlineCompletionTriggerKind``)."""

    AUTOMATIC = "automatic"
    INVOKED = "invoked"


class Extent(enum.StrEnum):
    """How much text a completion is asked for; decided by the syntax at the cursor."""

    LINE = "line"
    """To the end of one line: in comments and strings, and wherever the user wants no more."""
    STATEMENT = "statement"
    """To the end of one line of code, and on over line ends while what follows could not stand there."""
    BLOCK = "block"
    """To the end of the syntactic block at the cursor."""
    SPAN = "span"
    """Up to the text that follows the cursor on its line, over line ends if need be."""


class SkipReason(enum.StrEnum):
    """Every reason for which a request is answered with nothing."""

    DISABLED = "disabled"
    UNKNOWN_DOCUMENT = "unknown_document"
    FILE_TOO_LARGE = "file_too_large"
    NOT_TEXT = "not_text"
    EMPTY_DOCUMENT = "empty_document"
    IN_COMMENT = "in_comment"
    IN_STRING = "in_string"
    MODEL_MISSING = "model_missing"
    MODEL_LOADING = "model_loading"
    KEPT_HERE = "kept_here"
    ENGINE_FAILED = "engine_failed"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    TIME_BUDGET = "time_budget"
    NOTHING_GENERATED = "nothing_generated"
    BLANK = "blank"
    REPEATS_SUFFIX = "repeats_suffix"
    REPEATS_PREFIX = "repeats_prefix"
    NOT_CODE = "not_code"
    UNLIKELY = "unlikely"
    UNKNOWN_NAME = "unknown_name"
    HEALING_FAILED = "healing_failed"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Skip:
    """A request answered with nothing, and why.

    ``detail`` is a sentence for the user; it never contains source text.
    """

    reason: SkipReason
    detail: str


@dataclass(frozen=True, slots=True)
class Document:
    """One version of one file.

    ``language_id`` is the editor's (LSP ``TextDocumentItem.languageId``) or ``""`` when nobody said.
    ``path`` is what a prompt may show as the file's name: relative to the workspace where there is one.
    """

    uri: str
    path: str
    language_id: str
    version: int
    text: str


class Role(enum.StrEnum):
    """Who says something in a conversation with the model."""

    SYSTEM = "system"
    """Nobody: instructions that hold for all of it."""
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with the model."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class KeptLines:
    """Lines worth keeping in the prompt when the window before the cursor no longer reaches them.

    ``start`` and ``end`` are code-point offsets into ``Document.text``; ``end`` includes the line end.
    """

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class UserText:
    """Text that the user wrote, cut so that no part of it is a sentinel's spelling (see ``prompt.user_text``).

    ``guard`` is put before each part when it is encoded; its own tokens do not count.
    """

    parts: tuple[str, ...]
    guard: str = ""


@dataclass(frozen=True, slots=True)
class Snippet:
    """Retrieved code with its origin."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Context:
    """Everything the model might be shown for one cursor; ``prompt`` decides what fits.

    ``prefix`` is the text before the anchor and ``typed`` what stands between anchor and cursor;
    ``suffix`` is the text after the cursor. ``prefix_start`` is the offset of ``prefix[0]`` in the document.
    ``kept`` are import lines and headers of enclosing scopes, in document order. ``snippets`` are ordered
    most stable first.
    """

    path: str
    language_id: str
    prefix: str
    prefix_start: int
    typed: str
    suffix: str
    kept: tuple[KeptLines, ...] = ()
    snippets: tuple[Snippet, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model receives.

    ``token_ids`` ends with the middle sentinel (or with the prefix itself for a model without FIM).
    ``typed`` is the beginning of the middle that the user has typed already: the engine appends its tokens
    and heals the last of them. ``stop_ids`` end a generation besides the model's own end-of-generation tokens.
    ``prefix_text`` and ``suffix_text`` are exactly the document text inside, so that a later cursor can tell whether
    this prompt still describes its document. ``snippets`` are the paths of the snippets inside, in their order.
    """

    token_ids: tuple[int, ...]
    typed: str
    stop_ids: frozenset[int]
    prefix_text: str
    suffix_text: str
    snippets: tuple[str, ...] = ()


class Priority(enum.IntEnum):
    """What the engine does first; the least is first."""

    COMPLETION = 0
    """Somebody types, and waits for it."""
    COMMAND = 1
    """Somebody has asked, and sees it go on. It gives way to completions, and goes on behind them."""
    BACKGROUND = 2
    """Nobody waits for it yet."""


class StopReason(enum.StrEnum):
    """Why a generation ended."""

    END = "end"
    """The model said so: end-of-generation, or one of the request's stop tokens. Or a stop text was produced, or what
    was produced is all that the grammar allows."""
    MAX_TOKENS = "max_tokens"
    TIME_BUDGET = "time_budget"
    CANCELLED = "cancelled"
    CONTEXT_FULL = "context_full"
    UNHEALABLE = "unhealable"
    """No token of the vocabulary continues the typed text."""
    OFF_GRAMMAR = "off_grammar"
    """The grammar is not complete, and no token of the vocabulary continues what was produced."""


BRANCH_END = -1
"""No token has this number."""


@dataclass(frozen=True, slots=True)
class Token:
    """One produced token. ``text`` may be empty while a multi-byte character is incomplete.

    ``logprob`` is the natural logarithm of its probability under the model's whole vocabulary (before masking).
    ``branch`` 0 is what the model says by itself, 1 and on are the alternatives to it. ``id`` is ``BRANCH_END`` for
    none at all: this branch has ended by itself, with this probability, and others go on.
    """

    id: int
    text: str
    logprob: float
    branch: int = 0

    @property
    def is_end(self) -> bool:
        """Whether it says only that its branch has ended."""
        return self.id == BRANCH_END


@dataclass(frozen=True, slots=True)
class Timings:
    """What one generation cost. Milliseconds of wall time, and tokens; of all its parts, if it was suspended meanwhile.

    ``n_prefill`` tokens of the prompt and of what is typed were evaluated (and some of what was produced, when the
    sequence was lost in a suspension), ``n_reused`` were already in the KV cache when it began;
    ``n_restored`` of these had just been read from disk. Of ``n_decode`` new tokens ``n_drafts_kept`` were drafted, out
    of ``n_drafted`` that were tried.
    """

    prefill_ms: float = 0.0
    decode_ms: float = 0.0
    n_prefill: int = 0
    n_reused: int = 0
    n_decode: int = 0
    n_restored: int = 0
    n_drafted: int = 0
    n_drafts_kept: int = 0


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to run a model, measured: ``subject`` is what was varied, ``choice`` what it was set to.

    Tokens per second; 0 where that was not measured.
    """

    subject: str
    choice: str
    prefill_tokens_s: float = 0.0
    decode_tokens_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Tuning:
    """How one model runs best on one machine, as measured there (``engine/llama_probe``).

    ``n_threads`` produce tokens, ``n_threads_batch`` evaluate prompts. ``verify_cost`` says what the evaluation of k
    tokens at once costs, in evaluations of one token: ``((1, 1.0), (2, 1.6), …)``, k ascending.
    """

    n_threads: int
    n_threads_batch: int
    n_ubatch: int
    flash_attention: bool
    prefill_tokens_s: float
    decode_tokens_s: float
    verify_cost: tuple[tuple[int, float], ...]
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model and a requantised copy of it, in this order, on the same code.

    ``nll`` is the mean of −log p over ``n_tokens`` tokens, in nats; ``nll_error`` the standard error of its difference.
    At ``n_agreeing`` of them both would have produced the same token.
    """

    prefill_tokens_s: tuple[float, float]
    decode_tokens_s: tuple[float, float]
    nll: tuple[float, float]
    nll_error: float
    n_tokens: int
    n_agreeing: int


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Prompt tokens that an engine has evaluated so far: for completions, ahead of them, and for commands."""

    n_foreground: int = 0
    n_background: int = 0
    n_commands: int = 0


@dataclass(frozen=True, slots=True)
class Generation:
    """Raw model output. ``text`` starts at the cursor: healed characters that repeat typed text are not in it.

    ``alternatives`` differ from ``tokens`` from the first token on that the model was in doubt about; or they are the
    other samples that were asked for. ``stop`` is the reason of the first of them all that did not end by itself;
    ``ended`` are the numbers of those that did, with the logarithm of the probability that they do just there. Of each,
    text and tokens are cut before a stop text: then the last token's text is only a part of it.
    """

    text: str
    tokens: tuple[Token, ...]
    stop: StopReason
    timings: Timings
    alternatives: tuple[tuple[Token, ...], ...] = ()
    ended: Mapping[int, float] = field(default_factory=dict)

    def stop_of(self, branch: int) -> StopReason:
        """Why this one of them ended."""
        return StopReason.END if branch in self.ended else self.stop


@dataclass(frozen=True, slots=True)
class Completion:
    """What is offered to the user as ghost text.

    It replaces ``[start, end)`` of the document (code-point offsets) by ``text``. ``confidence`` is the chance, in
    [0, 1], that the user would write just this (``completion/confidence``).
    """

    text: str
    start: int
    end: int
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Features:
    """What a completion's chance of being right is told by; or that of its first lines.

    ``…_logprob`` are natural logarithms of the probabilities of its tokens: their sum, mean, smallest and first.
    ``n_unknown_names`` stand neither in the file nor in the workspace nor in the language nor in what is installed.
    ``n_absent_names`` are attributes that an imported module surely does not have. With all of it the file's tree has
    ``parse_gain`` errors fewer. ``ended``: the model said so itself, or what was asked for was complete, or a line end
    follows.
    """

    sum_logprob: float
    mean_logprob: float
    min_logprob: float
    first_logprob: float
    n_tokens: int
    n_lines: int
    n_characters: int
    n_unknown_names: int
    parse_gain: int
    ended: bool
    n_absent_names: int = 0


@dataclass(frozen=True, slots=True)
class AbsentName:
    """A name that is taken from a module of the environment, which has none such. ``end``: behind it, in the text."""

    module: str
    name: str
    end: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a completion besides its text: how it came about, and what is wrong with it.

    ``tokens`` are those of the text, from its first character on. ``unknown_names`` and ``absent_names`` as in
    ``Features``.
    """

    tokens: tuple[Token, ...]
    unknown_names: tuple[str, ...] = ()
    absent_names: tuple[AbsentName, ...] = ()
    parse_gain: int = 0
    ended: bool = True


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the engine says of the model it has loaded. ``n_ctx`` is in tokens."""

    name: str
    path: str
    n_ctx: int
    n_vocab: int


@dataclass(frozen=True, slots=True)
class Report:
    """How one request was answered: what ``codeslm.explainLast`` and ``--json`` show.

    ``prompt_outdated``: the prompt was right around the cursor, and what changed further away had not been evaluated.
    ``from_offered``: nothing was asked of the model, this is the rest of an earlier completion. ``alternatives`` are
    offered beside the outcome. ``features`` are those of the completion's first line, of its first two lines, and so
    on, and ``chances`` say how likely each is right; also where something of it, or all, was held back as unlikely.
    ``evidence`` is what these come from. ``snippets`` are the paths of what the model was shown besides the open
    document. Holds no source text but the completions themselves.
    """

    outcome: Completion | Skip
    trigger: Trigger
    extent: Extent | None = None
    model: str = ""
    stop: StopReason | None = None
    timings: Timings = field(default_factory=Timings)
    filters: tuple[str, ...] = ()
    anchor_reused: bool = False
    prompt_outdated: bool = False
    from_offered: bool = False
    alternatives: tuple[Completion, ...] = ()
    features: tuple[Features, ...] = ()
    chances: tuple[float, ...] = ()
    evidence: Evidence | None = None
    snippets: tuple[str, ...] = ()
    elapsed_ms: float = 0.0


class Badge(enum.StrEnum):
    """What is known of an answer, decided by something other than the model. The strongest first."""

    PROVED = "proved"
    """By computer algebra, for all values that the answer speaks of."""
    TESTED = "tested"
    """It ran, or was read by a program that would have complained; the checks say what and how often."""
    CROSS_CHECKED = "cross-checked"
    """Independent derivations came to the same, or what it refers to was found to be so."""
    UNVERIFIED = "unverified"
    """Nothing but the model says so."""
    REFUTED = "refuted"
    """It is wrong: shown as such, and not offered."""


@dataclass(frozen=True, slots=True)
class Check:
    """One piece of evidence for or against an answer.

    ``kind`` is what was done (``"parses"``, ``"computed"``, ``"ran"``), ``detail`` one sentence that says what came of
    it, ``replay`` what has to be given to whom to see it again: a command, a program, a statement. ``value`` is what a
    derivation comes to, empty where it comes to nothing.
    """

    kind: str
    passed: bool
    detail: str
    replay: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``[start, end)`` of a document (code-point offsets) by ``text``; in a new file both are 0."""

    uri: str
    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has come to. ``text`` is Markdown. ``edits`` are offered, never applied by codeslm itself.

    ``value`` is the bare answer of a problem, a number or an expression; empty for answers in words.
    ``n_tokens`` were generated for it, ``n_evaluated`` read.
    """

    command: str
    text: str
    badge: Badge
    checks: tuple[Check, ...] = ()
    edits: tuple[Edit, ...] = ()
    value: str = ""
    model: str = ""
    n_tokens: int = 0
    n_evaluated: int = 0
    elapsed_ms: float = 0.0
