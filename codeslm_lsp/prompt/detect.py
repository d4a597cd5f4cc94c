"""Vocabulary and metadata → the fill-in-the-middle format of this one model, sentinels resolved to ids."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeslm_lsp.prompt.families import SENTINELS, Family, RepositoryPieces, load_formats
from codeslm_lsp.prompt.vocabulary import Vocabulary, token_id
from codeslm_lsp.values import ModelUnsuitable


class Slot(enum.Enum):
    """The two texts of a layout."""

    PREFIX = "{prefix}"
    SUFFIX = "{suffix}"


@dataclass(frozen=True, slots=True)
class RepositoryFormat:
    """``families.RepositoryPieces`` with its sentinels resolved: a part is a token id, or text with placeholders."""

    header: tuple[int | str, ...] = ()
    file: tuple[int | str, ...] = ()
    current: tuple[int | str, ...] = ()
    prefix: str = ""
    snippet_in_prefix: str = ""


@dataclass(frozen=True, slots=True)
class FimFormat:
    """How to write a prompt for one model.

    ``layouts`` are the orders it was trained on, the default first; each is a sequence of token ids and the two texts.
    ``bos_ids`` begin the prompt (one id or none). ``stop_ids`` end a middle. ``spellings`` are texts that must never
    become one token when the user wrote them. ``adds_space``: the tokenizer puts a space before every text.
    """

    family: str
    layouts: Mapping[str, tuple[int | Slot, ...]]
    bos_ids: tuple[int, ...]
    stop_ids: frozenset[int]
    spellings: tuple[str, ...] = ()
    adds_space: bool = False
    space_before_prefix: bool = False
    repository: RepositoryFormat | None = None

    @property
    def layout(self) -> tuple[int | Slot, ...]:
        """The default order."""
        return next(iter(self.layouts.values()))


def detect(vocabulary: Vocabulary, metadata: Mapping[str, Any]) -> FimFormat:
    """The format of the family whose sentinels this vocabulary has; its name decides between families spelled alike.

    A model of no known family gets prefix, suffix, middle if its metadata says which tokens these are
    (``tokenizer.ggml.fim_pre_token_id`` and so on). Raises ``ModelUnsuitable`` when there is nothing of the kind.
    """
    candidates = [
        (_likeness(family, vocabulary, metadata), name, family)
        for name, family in load_formats().families.items()
        if _is_possible(family, vocabulary, metadata)
    ]
    if candidates:
        # ``max`` keeps the first of equals, so the order of fim.toml decides what nothing else does.
        _, name, family = max(candidates, key=lambda candidate: candidate[0])
        return _resolve(name, family, vocabulary)
    return _generic(vocabulary, metadata)


def prefix_only(vocabulary: Vocabulary) -> FimFormat:
    """The format of a model without fill-in-the-middle: it goes on behind the prefix and never sees the suffix."""
    return FimFormat(
        family="",
        layouts={"P": (Slot.PREFIX,)},
        bos_ids=bos_of(vocabulary),
        stop_ids=vocabulary.end_ids,
        spellings=spellings_of([vocabulary.tokens[token] for token in vocabulary.end_ids]),
        adds_space=vocabulary.adds_space,
    )


def _is_possible(family: Family, vocabulary: Vocabulary, metadata: Mapping[str, Any]) -> bool:
    """Whether its default layout can be written with this vocabulary."""
    needed = {part for part in next(iter(family.layouts.values())) if part in SENTINELS}
    is_named = not family.only_by_name or longest_name(family.names, metadata) > 0
    return is_named and needed <= _find_all(vocabulary, family.pieces()).keys()


def _find_all(vocabulary: Vocabulary, pieces: Mapping[str, str]) -> dict[str, int]:
    found = {name: vocabulary.find_special(piece) for name, piece in pieces.items()}
    return {name: token for name, token in found.items() if token is not None}


def _likeness(family: Family, vocabulary: Vocabulary, metadata: Mapping[str, Any]) -> tuple[bool, int, int]:
    """How well a family fits: whether all of its sentinels are there, the longest of its names, how many sentinels."""
    found = _find_all(vocabulary, family.pieces())
    return len(found) == len(family.pieces()), longest_name(family.names, metadata), len(found)


def longest_name(names: Sequence[str], metadata: Mapping[str, Any]) -> int:
    """The length of the longest of these names that the metadata mentions, or 0."""
    keys = ("general.name", "general.basename", "general.architecture")
    mentioned = " ".join(str(metadata.get(key, "")) for key in keys).lower()
    return max((len(name) for name in names if name in mentioned), default=0)


def _resolve(name: str, family: Family, vocabulary: Vocabulary) -> FimFormat:
    ids = _find_all(vocabulary, family.pieces())
    stops = [piece for piece in family.stop if vocabulary.find_special(piece) is not None]
    stop_ids = {token for piece in stops if (token := vocabulary.find(piece)) is not None}
    slots = {slot.value: slot for slot in Slot}
    layouts = {
        order: tuple(slots[part] if part in slots else ids[part] for part in parts)
        for order, parts in family.layouts.items()
        if all(part in slots or part in ids for part in parts)
    }
    ends = [vocabulary.tokens[token] for token in vocabulary.end_ids]
    return FimFormat(
        family=name,
        layouts=layouts,
        bos_ids=bos_of(vocabulary, family.beginning_of_text),
        stop_ids=frozenset(ids.values()) | stop_ids | vocabulary.end_ids,
        spellings=spellings_of([*family.pieces().values(), *stops, *ends]),
        adds_space=vocabulary.adds_space,
        space_before_prefix=family.space_before_prefix,
        repository=_repository(family.repository, ids),
    )


def _repository(pieces: RepositoryPieces | None, ids: Mapping[str, int]) -> RepositoryFormat | None:
    if pieces is None or any(
        part in SENTINELS and part not in ids for part in (*pieces.header, *pieces.file, *pieces.current)
    ):
        return None
    header, file, current = (
        tuple(ids[part] if part in SENTINELS else part for part in parts)
        for parts in (pieces.header, pieces.file, pieces.current)
    )
    return RepositoryFormat(header, file, current, pieces.prefix, pieces.snippet_in_prefix)


def _generic(vocabulary: Vocabulary, metadata: Mapping[str, Any]) -> FimFormat:
    """Prefix, suffix, middle by the ids in the metadata; each second key is the name that old files use."""
    keys = (("fim_pre", "prefix"), ("fim_suf", "suffix"), ("fim_mid", "middle"))
    ids = [
        next(
            (
                found
                for name in names
                if (found := token_id(metadata, f"tokenizer.ggml.{name}_token_id", len(vocabulary.tokens))) is not None
            ),
            None,
        )
        for names in keys
    ]
    prefix, suffix, middle = ids
    if prefix is None or suffix is None or middle is None:
        raise ModelUnsuitable(
            "This model was not trained to fill in the middle of a text; "
            "pull one that was, for example with `codeslm models pull qwen2.5-coder-1.5b`."
        )
    others = (
        token_id(metadata, f"tokenizer.ggml.fim_{name}_token_id", len(vocabulary.tokens))
        for name in ("rep", "sep", "pad")
    )
    stop_ids = {prefix, suffix, middle, *vocabulary.end_ids, *(token for token in others if token is not None)}
    return FimFormat(
        family="generic",
        layouts={"PSM": (prefix, Slot.PREFIX, suffix, Slot.SUFFIX, middle)},
        bos_ids=bos_of(vocabulary),
        stop_ids=frozenset(stop_ids),
        spellings=spellings_of([vocabulary.tokens[token] for token in sorted(stop_ids)]),
        adds_space=vocabulary.adds_space,
    )


def bos_of(vocabulary: Vocabulary, beginning_of_text: str = "metadata") -> tuple[int, ...]:
    """What every prompt begins with, one id or none: by the file's own word, or ``"always"`` where there is one."""
    wants = vocabulary.add_bos or beginning_of_text == "always"
    return (vocabulary.bos_id,) if wants and vocabulary.bos_id is not None else ()


def spellings_of(pieces: Sequence[str]) -> tuple[str, ...]:
    """Every text that might become one of ``pieces``: SentencePiece writes a space as "▁", and may add one in front."""
    variants = {variant for piece in pieces for variant in (piece, piece.replace("▁", " "), piece.strip("▁"))}
    return tuple(sorted((variant for variant in variants if len(variant) > 1), key=lambda text: (-len(text), text)))
