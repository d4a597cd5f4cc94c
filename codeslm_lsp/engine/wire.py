"""The private protocol between servers and their engine process: JSON-RPC (pygls') over a local socket.

    engine/open      {path, n_ctx, n_ubatch, n_threads, cache_bytes, disk_bytes, background_share, yields, idle_s}
                     → {name, path, n_ctx, n_vocab, tuning}, or {error}; ``tuning`` is null until it has been measured
    engine/generate  {stream, token_ids, typed_ids, stop_ids, max_tokens, time_budget_ms, heal, document, priority,
                      n_alternatives, n_samples, temperature, top_p, seed, grammar, stop_texts, typed,
                      may_be_saved}
                     → {stop, timings}, or {error} for a grammar that cannot be used; ``priority`` is 0 for a
                     completion, 1 for a command, 2 for what is done ahead. A request that is suspended and goes on
                     shows nothing of it: its tokens come once each, and its answer when it is over
    engine/token     {stream, id, text, logprob, branch}          notification, engine → server; the texts may contain
                                                                  a stop text, which ends the generation (or its
                                                                  branch). The id -1 is no token: its branch has ended
    engine/cancel    {stream}                                     notification, server → engine: end it
    engine/enough    {stream}                                     the same, and answer it before it has ended
    engine/encode    {texts} → [[token id, …], …]
    engine/warm      {token_ids} → how many of the first of them need not be evaluated
    engine/bye       {} → {ends}                                  I need you no more → whether nobody else does
    engine/leaving   {}                                           notification, engine → server: finish what you have
                                                                  asked, and connect again when you need an engine
    engine/measure   {} → tuning                                  measure anew how the model runs best
    engine/tuning    tuning                                       notification, engine → server: it was measured

The socket is a Unix domain socket in a folder only the user can enter (see ``rendezvous``); where there are none
(Windows) it is a loopback port. Either way both ends make sure of each other first (see ``peer``).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import asdict
from typing import Any

import cattrs
from cattrs.gen import make_dict_unstructure_fn, override
from pygls.exceptions import JsonRpcException
from pygls.io_ import run_async
from pygls.protocol import JsonRPCProtocol
from pygls.protocol.json_rpc import JsonRPCNotification, JsonRPCRequestMessage, JsonRPCResponseMessage
from pygls.server import JsonRPCServer

from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.values import Priority, StopReason, Timings, Token, UserText

OPEN = "engine/open"
GENERATE = "engine/generate"
TOKEN = "engine/token"
CANCEL = "engine/cancel"
ENOUGH = "engine/enough"
ENCODE = "engine/encode"
BYE = "engine/bye"
LEAVING = "engine/leaving"
MEASURE = "engine/measure"
TUNING = "engine/tuning"
WARM = "engine/warm"

MAX_MESSAGE_BYTES = 1 << 26
"""More than a text of ``completion.max_file_bytes`` needs. Whoever announces more is not listened to."""

MAX_UNREAD_BYTES = 1 << 23
"""A client that does not read what it is sent is given up, before its unread tokens take anybody's memory."""

RequestFailed = JsonRpcException
"""What a request raises whose answer is an error."""

_log = logging.getLogger(__name__)


class Connection(JsonRPCServer):
    """One end of the socket: a pygls JSON-RPC peer over asyncio streams."""

    def __init__(self) -> None:
        super().__init__(JsonRPCProtocol, _converter)
        self._stop = threading.Event()

    def attach(self, writer: asyncio.StreamWriter) -> None:
        """From now on messages can be sent."""
        self.protocol.set_writer(_StreamWriter(writer))

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle messages until the other end closes the socket."""
        try:
            await run_async(self._stop, _Reader(reader), self.protocol, _log, self._give_up)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass
        finally:
            self._stop.set()
            writer.close()

    def _give_up(self, _error: Exception, _kind: type[Exception]) -> None:
        """What arrived was no message, so nothing that follows can be trusted to be one."""
        self._stop.set()


class _Reader:
    """pygls' reader over an asyncio stream, for messages of a size that a peer may have reason to send."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def readline(self) -> bytes:
        """One line of a header. Raises ``ValueError`` when it is none."""
        return await self._reader.readline()

    async def readexactly(self, n: int) -> bytes:
        """The body. Raises ``ConnectionError`` when it is too long."""
        if n > MAX_MESSAGE_BYTES:
            raise ConnectionError(f"a message of {n} bytes")
        return await self._reader.readexactly(n)


class _StreamWriter:
    """pygls' writer over an asyncio stream; a message to an end that has gone, or does not read, is dropped."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, data: bytes) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()


def _converter() -> cattrs.Converter:
    """Messages keep their parameters as plain JSON values."""
    converter = cattrs.Converter()
    for message in (JsonRPCRequestMessage, JsonRPCResponseMessage, JsonRPCNotification):
        converter.register_structure_hook(
            message, lambda data, kind: kind(**{"params": None, **data} if "method" in data else data)
        )
        # cattrs would go through all token ids of a prompt, which takes longer than to write them.
        plain = override(unstruct_hook=lambda value: value)
        fields: dict[str, Any] = {"result" if message is JsonRPCResponseMessage else "params": plain}
        converter.register_unstructure_hook(message, make_dict_unstructure_fn(message, converter, **fields))
    # The id of an error: cattrs has no rule for such a type, and the client would end over every error.
    converter.register_structure_hook(int | str | None, lambda value, _: value)
    return converter


def request_to_json(request: GenerateRequest) -> dict[str, Any]:
    """The parameters of ``engine/generate`` without ``stream``."""
    return {
        "token_ids": list(request.token_ids),
        "typed_ids": list(request.typed_ids),
        "stop_ids": sorted(request.stop_ids),
        "max_tokens": request.max_tokens,
        "time_budget_ms": request.time_budget_ms,
        "heal": request.heal,
        "document": request.document,
        "priority": int(request.priority),
        "n_alternatives": request.n_alternatives,
        "n_samples": request.n_samples,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "seed": request.seed,
        "grammar": request.grammar,
        "stop_texts": list(request.stop_texts),
        "typed": asdict(request.typed) if request.typed is not None else None,
        "may_be_saved": request.may_be_saved,
    }


def request_from_json(data: dict[str, Any]) -> GenerateRequest:
    """The inverse of ``request_to_json``. Raises ``InputError`` as ``GenerateRequest`` does."""
    return GenerateRequest(
        token_ids=tuple(data["token_ids"]),
        typed_ids=tuple(data["typed_ids"]),
        stop_ids=frozenset(data["stop_ids"]),
        max_tokens=data["max_tokens"],
        time_budget_ms=data["time_budget_ms"],
        heal=data["heal"],
        document=data["document"],
        priority=Priority(data["priority"]),
        n_alternatives=data["n_alternatives"],
        n_samples=data["n_samples"],
        temperature=data["temperature"],
        top_p=data["top_p"],
        seed=data["seed"],
        grammar=data["grammar"],
        stop_texts=tuple(data["stop_texts"]),
        typed=UserText(tuple(data["typed"]["parts"]), data["typed"]["guard"]) if data["typed"] else None,
        may_be_saved=data["may_be_saved"],
    )


def token_to_json(stream: int, token: Token) -> dict[str, Any]:
    """The parameters of ``engine/token``."""
    return {"stream": stream, **asdict(token)}


def end_to_json(stop: StopReason, timings: Timings) -> dict[str, Any]:
    """The result of ``engine/generate``."""
    return {"stop": stop.value, "timings": asdict(timings)}


def end_from_json(data: dict[str, Any]) -> tuple[StopReason, Timings]:
    """The inverse of ``end_to_json``."""
    return StopReason(data["stop"]), Timings(**data["timings"])
