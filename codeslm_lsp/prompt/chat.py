"""A conversation → the tokens of one model's own format, its marks resolved to ids and everything else plain text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeslm_lsp.prompt.chat_families import TEXT, ChatFamily, load_chat_families
from codeslm_lsp.prompt.chat_template import Template, read_template, written
from codeslm_lsp.prompt.detect import bos_of, longest_name, spellings_of
from codeslm_lsp.prompt.tokenizer import Tokenizer
from codeslm_lsp.prompt.user_text import encode_user_texts
from codeslm_lsp.prompt.vocabulary import Vocabulary
from codeslm_lsp.values import Message, ModelUnsuitable, Role

INSTRUCTED = re.compile(r"\b(?:instruct|chat|it|sft|dpo)\b")
"""Words by which publishers tell a model that was tuned to follow instructions. The template in a file does not: base
models of the same family often carry it too."""

ADVICE = (
    "pull one that was, for example with `codeslm models pull qwen2.5-coder-1.5b`, and name it in the setting "
    "'commands.model'"
)

TEMPLATE = "template"
"""The family of models that bring their own."""

Part = int | str
"""A token id, or text that may hold ``TEXT``."""


@dataclass(frozen=True, slots=True)
class ChatFormat:
    """How to write a conversation for one model; the fields are those of ``ChatFamily``, marks resolved to ids.

    ``spellings`` and ``adds_space`` as in ``FimFormat``. Where there is a ``template``, it says how turns are written.
    """

    family: str
    system: tuple[Part, ...]
    user: tuple[Part, ...]
    answer: tuple[Part, ...]
    opening: tuple[Part, ...]
    bos_ids: tuple[int, ...]
    stop_ids: frozenset[int]
    spellings: tuple[str, ...] = ()
    adds_space: bool = False
    template: Template | None = None


def detect_chat(vocabulary: Vocabulary, metadata: Mapping[str, Any]) -> ChatFormat:
    """The format of the family whose marks this vocabulary has, else what the file's own template makes.

    Takes a tenth of a second for a template. Raises ``ModelUnsuitable`` for a model that was not tuned to follow
    instructions, or in a way that is not known.
    """
    if not is_instructed(metadata):
        raise ModelUnsuitable(f"This model was not trained to follow instructions; {ADVICE}.")
    possible = [
        (longest_name(family.names, metadata), len(family.marks), name)
        for name, family in load_chat_families().items()
        if _is_possible(family, vocabulary, metadata)
    ]
    if not possible and (template := read_template(vocabulary, metadata)) is not None:
        return _by_template(template, vocabulary)
    if not possible:
        raise ModelUnsuitable(f"How this model was taught to converse is not known; {ADVICE}.")
    name = max(possible)[2]
    return _resolve(name, load_chat_families()[name], vocabulary)


def is_instructed(metadata: Mapping[str, Any]) -> bool:
    """Whether the file's names say that the model was tuned to follow instructions."""
    return INSTRUCTED.search(_named(metadata)) is not None


async def write_chat(messages: Sequence[Message], chat: ChatFormat, tokenizer: Tokenizer) -> tuple[int, ...]:
    """The tokens of a conversation, up to where the assistant's next turn begins.

    Turns that came first give the same first tokens whatever follows them, so that their evaluation is used again.
    """
    parts: list[Part] = []
    if chat.template is not None:
        parts = written(messages, chat.template)
    else:
        for turn, text in _turns(messages, chat):
            parts += [part.replace(TEXT, text) if isinstance(part, str) else part for part in turn]
        parts += chat.opening
    runs = _joined(parts)
    encoded = iter(await encode_user_texts(tokenizer, chat, [run for run in runs if isinstance(run, str)]))
    tokens = [token for run in runs for token in ([run] if isinstance(run, int) else next(encoded))]
    is_begun = chat.template is not None and tuple(tokens[:1]) == chat.bos_ids
    return tuple(tokens) if is_begun else (*chat.bos_ids, *tokens)


def _turns(messages: Sequence[Message], chat: ChatFormat) -> list[tuple[tuple[Part, ...], str]]:
    """How each message is written, and its text; instructions stand before the user's words where they have no role."""
    turns: list[tuple[tuple[Part, ...], str]] = []
    instructions = ""
    for message in messages:
        if message.role is Role.SYSTEM and not chat.system:
            instructions = message.text
            continue
        writing = {Role.SYSTEM: chat.system, Role.USER: chat.user, Role.ASSISTANT: chat.answer}[message.role]
        is_first = message.role is Role.USER and instructions
        turns.append((writing, f"{instructions}\n\n{message.text}" if is_first else message.text))
        instructions = "" if is_first else instructions
    return turns


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Neighbouring texts become one, as they were one when the model was trained."""
    runs: list[Part] = []
    for part in parts:
        if isinstance(part, str) and runs and isinstance(before := runs[-1], str):
            runs[-1] = before + part
        else:
            runs.append(part)
    return runs


def _is_possible(family: ChatFamily, vocabulary: Vocabulary, metadata: Mapping[str, Any]) -> bool:
    has_marks = all(vocabulary.find_special(mark) is not None for mark in family.marks)
    return has_marks and (not family.names or longest_name(family.names, metadata) > 0)


def _named(metadata: Mapping[str, Any]) -> str:
    """All names of the model in its file: ``"qwen2.5-coder 1.5b instruct"``, words that underscores join apart."""
    keys = ("general.name", "general.basename", "general.finetune", "general.architecture")
    return " ".join(str(metadata.get(key, "")) for key in keys).lower().replace("_", " ")


def _by_template(template: Template, vocabulary: Vocabulary) -> ChatFormat:
    """All marks of the vocabulary are kept out of what is said: which of them a template minds is not known."""
    return ChatFormat(
        family=TEMPLATE,
        system=(),
        user=(),
        answer=(),
        opening=(),
        bos_ids=bos_of(vocabulary),
        stop_ids=template.stop_ids | vocabulary.end_ids,
        spellings=spellings_of([*vocabulary.marks, *template.marks]),
        adds_space=vocabulary.adds_space,
        template=template,
    )


def _resolve(name: str, family: ChatFamily, vocabulary: Vocabulary) -> ChatFormat:
    specials = {part for turn in (family.system, family.user, family.answer, family.opening) for part in turn}
    ids = {
        piece: token
        for piece in {*family.marks, *family.stop, *(part for part in specials if TEXT not in part)}
        if (token := vocabulary.find_special(piece)) is not None
    }

    def resolved(parts: tuple[str, ...]) -> tuple[Part, ...]:
        return tuple(ids.get(part, part) for part in parts)

    ends = [vocabulary.tokens[token] for token in vocabulary.end_ids]
    return ChatFormat(
        family=name,
        system=resolved(family.system),
        user=resolved(family.user),
        answer=resolved(family.answer),
        opening=resolved(family.opening),
        bos_ids=bos_of(vocabulary, family.beginning_of_text),
        stop_ids=frozenset(ids[piece] for piece in family.stop if piece in ids) | vocabulary.end_ids,
        spellings=spellings_of([*ids, *ends]),
        adds_space=vocabulary.adds_space,
    )
