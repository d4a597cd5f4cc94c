"""A scripted editor over the real server's pipes: opens documents, types, asks, and reads how it was answered."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from codeslm_lsp.settings import Settings


class ServedDocument:
    """One open document. Offsets are code points of ``text``, the document as the editor has it."""

    def __init__(self, client: LanguageClient, uri: str, text: str, language: str) -> None:
        self._client = client
        self._identifier = types.TextDocumentIdentifier(uri)
        self._version = 1
        self.text = text
        client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, self._version, text))
        )

    def edit(self, start: int, end: int, new: str) -> None:
        """Replace ``text[start:end]``, here and in the server."""
        self._version += 1
        span = types.Range(_position(self.text, start), _position(self.text, end))
        self._client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version=self._version, uri=self._identifier.uri),
                [types.TextDocumentContentChangePartial(span, new)],
            )
        )
        self.text = self.text[:start] + new + self.text[end:]

    async def suggestion(self, cursor: int, kind: types.InlineCompletionTriggerKind) -> str:
        """The text offered at ``cursor``, empty for none."""
        answer = await self._client.text_document_inline_completion_async(
            types.InlineCompletionParams(
                types.InlineCompletionContext(kind), self._identifier, _position(self.text, cursor)
            )
        )
        assert isinstance(answer, types.InlineCompletionList)
        return str(answer.items[0].insert_text) if answer.items else ""

    def close(self) -> None:
        self._client.text_document_did_close(types.DidCloseTextDocumentParams(self._identifier))


class Server:
    """A running server and the client that talks to it."""

    def __init__(self, client: LanguageClient) -> None:
        self._client = client

    @property
    def pid(self) -> int:
        process: Any = self._client._server
        return int(process.pid)

    def open(self, uri: str, text: str, language: str) -> ServedDocument:
        return ServedDocument(self._client, uri, text, language)

    async def command(self, name: str) -> Any:
        """The answer to one of the server's own commands."""
        return await self._client.workspace_execute_command_async(types.ExecuteCommandParams(name))


@asynccontextmanager
async def serving(model: Path, settings: Settings) -> AsyncIterator[Server]:
    """``codeslm serve`` in a process of its own, with these settings and this model."""
    client = LanguageClient("codeslm-eval", "1")
    client.feature(types.WINDOW_LOG_MESSAGE)(lambda _params: None)  # Which model was chosen: known here.
    await client.start_io(sys.executable, "-m", "codeslm_lsp.cli", "--model", str(model), "serve")
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf32])
    )
    options = settings.model_dump(mode="json", exclude={"model"})
    options["engine"]["disk_cache_megabytes"] = 0  # What was measured before must not make this run quicker.
    await client.initialize_async(types.InitializeParams(capabilities=capabilities, initialization_options=options))
    client.initialized(types.InitializedParams())
    try:
        yield Server(client)
    finally:
        await client.shutdown_async(None)
        client.exit(None)
        await asyncio.wait_for(client.stop(), 10)  # type: ignore[no-untyped-call]


def _position(text: str, offset: int) -> types.Position:
    """Where an offset is, in lines and code points (the client speaks UTF-32)."""
    lines = re.split(r"\r\n|\n|\r", text[:offset])
    return types.Position(len(lines) - 1, len(lines[-1]))
