"""A remote server → which interface it has, which model it runs, and that model's vocabulary as far as is needed.

``llama-server`` has the model's own tokenizer behind ``/tokenize``, so a prompt is what it is for a local model: token
ids, in which no text of the user's can become a sentinel. Others take text; there a token id is the number of a piece
of text (``Pieces``), and what is sent is the text of all of them.
"""

from __future__ import annotations

import asyncio
import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Generic, TypeVar

from codeslm_lsp.engine.remote_http import RemoteServer
from codeslm_lsp.prompt.chat_families import TEXT, load_chat_families
from codeslm_lsp.prompt.detect import longest_name
from codeslm_lsp.prompt.families import load_formats
from codeslm_lsp.prompt.vocabulary import TokenType, Vocabulary
from codeslm_lsp.values import EngineError, EngineUnavailable

T = TypeVar("T")

UNTOLD_N_CTX = 1_000_000
"""Tokens of context where the server does not say: it cuts, or refuses, what is too long for it."""

_PIECE = re.compile(r"\w{1,5}|[^\S\n]{1,16}|\n|[^\w\s]{1,2}")
"""Rather smaller than a model's tokens, so that a prompt is rather shorter than its budget."""


class Api(enum.StrEnum):
    """The interfaces that are known."""

    LLAMA_SERVER = "llama-server"
    """https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"""
    OPENAI = "openai"
    """``/v1/completions`` with a prompt that holds the model's own sentinels: vLLM, SGLang, LM Studio, TGI."""
    SUFFIX = "suffix"
    """``/v1/completions`` with a ``suffix``, which the server itself shows the model: Ollama, codeslm, Codestral."""


class Pieces:
    """A vocabulary that grows: each piece of text that occurs has a number. The sentinels are the first."""

    def __init__(self, sentinels: Sequence[str]) -> None:
        self._texts = list(sentinels)
        self._n_sentinels = len(sentinels)
        self._ids: dict[str, int] = {}

    def encode(self, text: str) -> list[int]:
        """The numbers of the pieces of a text of the user's."""
        return [self._id_of(piece) for piece in _PIECE.findall(text)]

    def text_of(self, ids: Sequence[int]) -> str:
        """What a prompt says. Where user text spells a sentinel, a space keeps it from being one."""
        texts: list[str] = []
        run = ""
        for each in ids:
            if each < self._n_sentinels:
                texts += [self._defused(run), self._texts[each]]
                run = ""
            else:
                run += self._texts[each]
        return "".join([*texts, self._defused(run)])

    def _defused(self, text: str) -> str:
        for sentinel in self._texts[: self._n_sentinels]:
            if sentinel in text:
                text = text.replace(sentinel, f"{sentinel[0]} {sentinel[1:]}")
        return text

    def _id_of(self, piece: str) -> int:
        if piece not in self._ids:
            self._ids[piece] = len(self._texts)
            self._texts.append(piece)
        return self._ids[piece]


class _Known(Sequence[T], Generic[T]):
    """A long sequence of which only some members are known."""

    def __init__(self, known: Mapping[int, T], length: int, other: T) -> None:
        self._known, self._length, self._other = known, length, other

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, int) or not -self._length <= index < self._length:
            raise IndexError(index)
        return self._known.get(index % self._length, self._other)


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """What a server runs. ``n_ctx`` in tokens. ``pieces`` are there where it takes text.

    ``vocabulary`` has the sentinels alone; ``metadata`` are those keys of a GGUF's that tell how to speak to the model.
    ``family_warning`` is a sentence where that is not known, or empty.
    """

    api: Api
    name: str
    n_ctx: int
    vocabulary: Vocabulary
    metadata: Mapping[str, Any]
    pieces: Pieces | None = None
    is_vllm: bool = False
    family_warning: str = ""
    sentinels: tuple[str, ...] = field(default=())


async def look_at(server: RemoteServer, api: str, model: str, family: str) -> RemoteModel:
    """Ask a server what it is. ``api``, ``model`` and ``family`` are the user's word, or empty.

    Raises ``EngineUnavailable`` where it does not answer, ``EngineError`` where it is none of those that are known.
    """
    if api in ("", Api.LLAMA_SERVER):
        props = await server.get("/props")
        if props is not None and "default_generation_settings" in props:
            return await _llama_server(server, props)
        if api:
            raise EngineError(f"What answers at {server.url} is no llama-server; correct 'remote.api'.")
    name, n_ctx = await _served(server, model)
    if api == Api.SUFFIX or (not api and await server.get("/api/version") is not None):
        return _by_suffix(name, n_ctx)
    return _by_text(name, family, n_ctx, is_vllm=await server.get("/version") is not None)


async def tokens_of(server: RemoteServer, text: str, *, with_special: bool, parse_special: bool) -> list[int]:
    """By ``/tokenize`` of a llama-server. Raises ``EngineError``."""
    body = {"content": text, "add_special": with_special, "parse_special": parse_special}
    tokens = (await server.post("/tokenize", body)).get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, int) for token in tokens):
        raise EngineError(f"The remote engine at {server.url} does not tokenize; update it.")
    return tokens


async def _llama_server(server: RemoteServer, props: Mapping[str, Any]) -> RemoteModel:
    name = str(props.get("model_alias") or PurePosixPath(str(props.get("model_path", ""))).stem)
    known = await _specials(server)
    bos = await tokens_of(server, "", with_special=True, parse_special=False)
    n_vocab = max([*known.values(), *bos, 0]) + 1
    settings = props.get("default_generation_settings")
    n_ctx = settings.get("n_ctx") if isinstance(settings, Mapping) else None
    metadata = {"general.name": _words(name), "tokenizer.chat_template": props.get("chat_template") or ""}
    vocabulary = _vocabulary(known, n_vocab, bos[0] if len(bos) == 1 else None)
    return RemoteModel(
        Api.LLAMA_SERVER, name, n_ctx if isinstance(n_ctx, int) else 4096, vocabulary, metadata, sentinels=tuple(known)
    )


async def _specials(server: RemoteServer) -> dict[str, int]:
    """Those of all pieces that families use which are one special token of this model."""
    wanted = sorted(_all_pieces())

    async def special(piece: str) -> int | None:
        parsed = await tokens_of(server, piece, with_special=False, parse_special=True)
        if len(parsed) != 1:
            return None
        plain = await tokens_of(server, piece, with_special=False, parse_special=False)
        return parsed[0] if plain != parsed else None

    found = await asyncio.gather(*map(special, wanted))
    return {piece: token for piece, token in zip(wanted, found, strict=True) if token is not None}


def _all_pieces() -> set[str]:
    pieces = {text for each in load_formats().families.values() for text in (*each.pieces().values(), *each.stop)}
    for each in load_chat_families().values():
        turns = (*each.system, *each.user, *each.answer, *each.opening)
        pieces |= {*each.marks, *each.stop, *(part for part in turns if TEXT not in part and "<" in part)}
    return pieces


async def _served(server: RemoteServer, wanted: str) -> tuple[str, int]:
    """The model that is ``wanted``, or the one that the server names first; and its context, which vLLM tells."""
    listed: object = None
    try:
        listed = (await server.get("/v1/models") or {}).get("data")
    except EngineError:
        if not wanted:  # Else whether it can be asked shows when it is.
            raise
    models = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    found = next((each for each in models if wanted in ("", each.get("id"))), {})
    name, n_ctx = wanted or found.get("id"), found.get("max_model_len")
    if not name or not isinstance(name, str):
        raise EngineUnavailable(f"The remote engine at {server.url} names no model; give one in 'remote.model'.")
    return name, n_ctx if isinstance(n_ctx, int) and n_ctx > 0 else UNTOLD_N_CTX


def _by_suffix(name: str, n_ctx: int = UNTOLD_N_CTX) -> RemoteModel:
    """The server's own format is hidden behind three sentinels, which only say where the texts are."""
    sentinels = ("<prefix>", "<suffix>", "<middle>")
    keys = ("fim_pre", "fim_suf", "fim_mid")
    metadata = {f"tokenizer.ggml.{key}_token_id": number for number, key in enumerate(keys)}
    vocabulary = _vocabulary(dict(zip(sentinels, range(3), strict=True)), 3, None)
    return RemoteModel(Api.SUFFIX, name, n_ctx, vocabulary, metadata, Pieces(sentinels), sentinels=sentinels)


def _by_text(name: str, family_name: str, n_ctx: int = UNTOLD_N_CTX, *, is_vllm: bool) -> RemoteModel:
    families = load_formats().families
    metadata = {"general.name": _words(name)}
    likely = max(families, key=lambda each: longest_name(families[each].names, metadata))
    chosen = family_name or (likely if longest_name(families[likely].names, metadata) else "")
    if chosen and chosen not in families:
        raise EngineError(f"There is no family '{chosen}'; 'remote.family' may be one of {', '.join(families)}.")
    sentinels: tuple[str, ...] = ()
    warning = ""
    if chosen:
        family = families[chosen]
        sentinels = tuple(dict.fromkeys([*family.pieces().values(), *family.stop]))
        metadata["general.name"] = " ".join([metadata["general.name"], *family.names])
    else:
        warning = (
            f"How {name} was taught to fill in the middle is not known; name its family in the setting "
            "'remote.family'. Until then only the text before the cursor is used."
        )
    vocabulary = _vocabulary({piece: number for number, piece in enumerate(sentinels)}, len(sentinels) or 1, None)
    pieces = Pieces(sentinels or ("",))
    return RemoteModel(
        Api.OPENAI,
        name,
        n_ctx,
        vocabulary,
        metadata,
        pieces,
        is_vllm=is_vllm,
        family_warning=warning,
        sentinels=sentinels,
    )


def _words(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ").replace("/", " ") + f" {name.lower()}"


def _vocabulary(known: Mapping[str, int], n_vocab: int, bos: int | None) -> Vocabulary:
    """Of a model whose end tokens its server minds."""
    return Vocabulary(
        tokens=_Known({token: piece for piece, token in known.items()}, n_vocab, ""),
        types=_Known(dict.fromkeys(known.values(), TokenType.CONTROL), n_vocab, TokenType.NORMAL),
        merges=(),
        model="remote",
        pre="",
        bos_id=bos,
        add_bos=bos is not None,
        end_ids=frozenset(),
        adds_space=False,
        _find=known.get,
    )
