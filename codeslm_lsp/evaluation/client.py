"""A scripted editor over the real server's pipes: opens documents, types, asks, and reads how it was answered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from lsprotocol import types
from pygls.lsp.client import LanguageClient
from pygls.protocol import LanguageServerProtocol

from codeslm_lsp.lsp.server import DID_MOVE_CURSOR
from codeslm_lsp.settings import Settings


class Clock:
    """When a client wrote the first of some messages, and read the last: what it does before and after is its own."""

    def __init__(self) -> None:
        self._written_at: float | None = None
        self._read_at = 0.0

    def start(self) -> None:
        """The next message to be written is the first."""
        self._written_at = None

    def writes(self) -> None:
        """A message is being written."""
        if self._written_at is None:
            self._written_at = time.perf_counter()

    def reads(self) -> None:
        """A message has been read."""
        self._read_at = time.perf_counter()

    @property
    def seconds(self) -> float:
        """From the first that was written to the last that was read."""
        assert self._written_at is not None
        return self._read_at - self._written_at


class _Protocol(LanguageServerProtocol):
    """pygls' protocol, of which its client tells a clock."""

    def set_writer(self, writer: Any, include_headers: bool = True) -> None:
        super().set_writer(_Writer(writer, self.clock), include_headers)

    def handle_message(self, message: Any) -> None:
        self.clock.reads()
        super().handle_message(message)

    @property
    def clock(self) -> Clock:
        """The client's."""
        client: Any = self._server
        return cast(Clock, client.clock)


class _Writer:
    """The pipe to the server."""

    def __init__(self, writer: Any, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    def write(self, data: bytes) -> Any:
        self._clock.writes()
        return self._writer.write(data)

    def close(self) -> Any:
        return self._writer.close()


class ClockedClient(LanguageClient):
    """pygls' client with a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        super().__init__("codeslm-eval", "1", protocol_cls=_Protocol)


END_S = 10.0
"""A server that was told to exit does so within a fraction of this."""


class ServedDocument:
    """One open document. Offsets are code points of ``text``, the document as the editor has it."""

    def __init__(self, client: ClockedClient, uri: str, text: str, language: str) -> None:
        self._client = client
        self._identifier = types.TextDocumentIdentifier(uri)
        self._version = 1
        self.text = text
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, self._version, text))
        )

    def edit(self, start: int, end: int, new: str) -> None:
        """Replace ``text[start:end]``, here and in the server."""
        self._client.text_document_did_change(self._change(start, end, new))

    def move_cursor(self, cursor: int) -> None:
        """Tell the server where the cursor rests."""
        position = _position(self.text, cursor)
        self._client.protocol.notify(
            DID_MOVE_CURSOR,
            {
                "textDocument": {"uri": self._identifier.uri},
                "position": {"line": position.line, "character": position.character},
            },
        )

    async def suggestion(self, cursor: int, kind: types.InlineCompletionTriggerKind) -> str:
        """The text offered at ``cursor``, empty for none."""
        return _offered(await self._client.text_document_inline_completion_async(self._request(cursor, kind)))

    async def key(self, cursor: int, typed: str) -> tuple[str, float]:
        """Type at ``cursor`` and ask behind it: the text offered, and how many seconds it took.

        They count from when the change was written into the pipe to when the answer was read from it.
        """
        change = self._change(cursor, cursor, typed)
        request = self._request(cursor + len(typed), types.InlineCompletionTriggerKind.Automatic)
        clock = self._client.clock
        clock.start()
        self._client.text_document_did_change(change)
        answer = await self._client.text_document_inline_completion_async(request)
        return _offered(answer), clock.seconds

    def _change(self, start: int, end: int, new: str) -> types.DidChangeTextDocumentParams:
        self._version += 1
        span = types.Range(_position(self.text, start), _position(self.text, end))
        self.text = self.text[:start] + new + self.text[end:]
        return types.DidChangeTextDocumentParams(
            types.VersionedTextDocumentIdentifier(version=self._version, uri=self._identifier.uri),
            [types.TextDocumentContentChangePartial(span, new)],
        )

    def _request(self, cursor: int, kind: types.InlineCompletionTriggerKind) -> types.InlineCompletionParams:
        place = _position(self.text, cursor)
        return types.InlineCompletionParams(types.InlineCompletionContext(kind), self._identifier, place)

    def close(self) -> None:
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(self._identifier))


class Server:
    """A running server and the client that talks to it."""

    def __init__(self, client: ClockedClient) -> None:
        self._client = client
        self._numbers = itertools.count()

    @property
    def pid(self) -> int:
        return self._process.pid

    def end(self) -> None:
        """End it by force."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    @property
    def _process(self) -> asyncio.subprocess.Process:
        return cast(asyncio.subprocess.Process, self._client._server)

    def open(self, uri: str, text: str, language: str) -> ServedDocument:
        return ServedDocument(self._client, uri, text, language)

    async def command(self, name: str, *arguments: Any) -> Any:
        """The answer to one of the server's own commands."""
        return await self._client.workspace_execute_command_async(types.ExecuteCommandParams(name, [*arguments]))

    def begin(self, name: str, *arguments: Any) -> tuple[asyncio.Future[Any], Callable[[], None]]:
        """A command that may be cancelled: its answer, which then raises, and how to cancel it."""
        id_ = f"{name} {next(self._numbers)}"
        params = types.ExecuteCommandParams(name, [*arguments])
        answer: asyncio.Future[Any] = self._client.protocol.send_request_async(
            types.WORKSPACE_EXECUTE_COMMAND, params, msg_id=id_
        )
        return answer, lambda: self._client.cancel_request(types.CancelParams(id=id_))


@asynccontextmanager
async def serving(
    model: Path, settings: Settings, folder: Path | None = None, *, unfiltered: bool = False
) -> AsyncIterator[Server]:
    """``codeslm serve`` in a process of its own, with these settings and this model, in the workspace ``folder``.

    ``unfiltered``: it shows what the model generates as it is.

    Its engine is its own too: what other editors ask of one would be measured with it.
    """
    client = ClockedClient()
    client.feature(types.WINDOW_LOG_MESSAGE)(lambda _params: None)  # Which model was chosen: known here.
    await client.start_io(
        *(sys.executable, "-m", "codeslm_lsp.cli", "--model", str(model), "serve"),
        *(["--unfiltered"] if unfiltered else []),
        start_new_session=True,
    )
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf32])
    )
    settings = settings.model_copy(update={"engine": settings.engine.model_copy(update={"shared": False})})
    options = settings.model_dump(mode="json", exclude={"model"})
    options["engine"]["disk_cache_megabytes"] = 0  # What was measured before must not make this run quicker.
    folders = [types.WorkspaceFolder(folder.as_uri(), folder.name)] if folder is not None else None
    await client.initialize_async(
        types.InitializeParams(
            capabilities=capabilities,
            initialization_options=options,
            root_uri=folder.as_uri() if folder is not None else None,
            workspace_folders=folders,
        )
    )
    client.initialized(types.InitializedParams())
    server = Server(client)
    try:
        yield server
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        try:
            await asyncio.wait_for(client.stop(), END_S)  # type: ignore[no-untyped-call]
        except TimeoutError:  # What was measured must not be lost for that.
            print(f"The server did not end within {END_S:.0f} s, and was ended.", file=sys.stderr)
            server.end()


def _offered(answer: object) -> str:
    assert isinstance(answer, types.InlineCompletionList)
    return str(answer.items[0].insert_text) if answer.items else ""


def _position(text: str, offset: int) -> types.Position:
    """Where an offset is, in lines and code points (the client speaks UTF-32)."""
    n_line_ends = text.count("\n", 0, offset) + text.count("\r", 0, offset) - text.count("\r\n", 0, offset)
    line_start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    return types.Position(n_line_ends, offset - line_start)
