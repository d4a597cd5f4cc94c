"""A scripted editor: a real language client over the pipes of a real server process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[2]


class Editor:
    """One open session. Positions are offsets into the text the editor itself keeps."""

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.messages: list[str] = []
        self.notes: list[str] = []
        self.statuses: list[dict[str, str]] = []
        self.written: list[dict[str, str]] = []
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.capabilities: Any = None
        self.left = False

    @property
    def server_pid(self) -> int:
        process: Any = self.client._server
        return int(process.pid)

    def open(self, uri: str, text: str, language: str = "python") -> None:
        self.texts[uri], self.versions[uri] = text, 1
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, language, 1, text))
        )

    def edit(self, uri: str, start: int, end: int, new: str) -> None:
        """Replace ``[start, end)`` by ``new``, here and there."""
        text = self.texts[uri]
        self.versions[uri] += 1
        change = types.TextDocumentContentChangePartial(types.Range(position(text, start), position(text, end)), new)
        self.client.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version=self.versions[uri], uri=uri), [change]
            )
        )
        self.texts[uri] = text[:start] + new + text[end:]

    def type(self, uri: str, offset: int, new: str) -> int:
        """Insert ``new`` and return the offset behind it."""
        self.edit(uri, offset, offset, new)
        return offset + len(new)

    async def complete(self, uri: str, offset: int, trigger: int = 1) -> list[types.InlineCompletionItem]:
        answer = await self.client.text_document_inline_completion_async(self.request(uri, offset, trigger))
        assert isinstance(answer, types.InlineCompletionList)
        return list(answer.items)

    def request(self, uri: str, offset: int, trigger: int = 1) -> types.InlineCompletionParams:
        kind = types.InlineCompletionTriggerKind(trigger)
        return types.InlineCompletionParams(
            types.InlineCompletionContext(kind),
            types.TextDocumentIdentifier(uri),
            position(self.texts.get(uri, ""), offset),
        )

    async def send_raw(self, method: str, params: Any) -> Any:
        """A request whose parameters no library has looked at; the answer as plain data."""
        protocol = self.client.protocol
        answer: Future[Any] = Future()
        protocol._request_futures["raw"] = answer
        protocol._send_data({"jsonrpc": "2.0", "id": "raw", "method": method, "params": params})
        async with asyncio.timeout(DEADLINE_S):
            return await asyncio.wrap_future(answer)

    async def explain(self) -> Any:
        return await self.client.workspace_execute_command_async(types.ExecuteCommandParams("codeslm.explainLast"))

    async def leave(self) -> None:
        """Shut down and exit, as an editor does that is closed."""
        self.left = True
        async with asyncio.timeout(DEADLINE_S):
            await self.client.shutdown_async(None)
            self.client.exit(None)

    async def said(self, part: str, timeout_s: float = DEADLINE_S) -> str:
        """Wait for a ``window/showMessage`` that contains ``part``."""
        async with asyncio.timeout(timeout_s):
            while True:
                for message in self.messages:
                    if part in message:
                        return message
                await asyncio.sleep(0.01)


@asynccontextmanager
async def editor(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    options: Any = None,
    root: Path | None = None,
    folders: Sequence[Path] = (),
    encodings: Sequence[str] = ("utf-32",),
    configuration: Mapping[str, Any] | None = None,
    creates_files: bool = False,
    shows_status: bool = True,
    knows_tags: bool = False,
) -> AsyncIterator[Editor]:
    """Start a server, open a session, and end both."""
    client = LanguageClient("test", "1")
    session = Editor(client)

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def show(params: types.ShowMessageParams) -> None:
        session.messages.append(params.message)

    @client.feature(types.WINDOW_LOG_MESSAGE)
    def note(params: types.LogMessageParams) -> None:
        session.notes.append(params.message)

    @client.feature("codeslm/didChangeStatus")
    def change_status(params: Any) -> None:
        session.statuses.append(params._asdict())

    @client.feature("codeslm/didWriteAnswer")
    def write_answer(params: Any) -> None:
        session.written.append(params._asdict())

    @client.feature(types.WORKSPACE_CONFIGURATION)
    def configure(params: types.ConfigurationParams) -> list[Any]:
        return [dict(configuration or {}) for _ in params.items]

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def ignore(params: types.PublishDiagnosticsParams) -> None:
        """Servers may send them."""

    env = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    await client.start_io(sys.executable, *command, env=env)
    capabilities = types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=list(encodings)),
        experimental={"codeslmStatus": True} if shows_status else None,
        workspace=types.WorkspaceClientCapabilities(
            configuration=configuration is not None,
            workspace_edit=types.WorkspaceEditClientCapabilities(
                document_changes=True,
                resource_operations=[types.ResourceOperationKind.Create] if creates_files else [],
            ),
        ),
        text_document=types.TextDocumentClientCapabilities(
            code_action=types.CodeActionClientCapabilities(
                tag_support=types.CodeActionTagOptions([types.CodeActionTag.LlmGenerated]) if knows_tags else None
            )
        ),
        notebook_document=types.NotebookDocumentClientCapabilities(types.NotebookDocumentSyncClientCapabilities()),
    )
    result = await client.initialize_async(
        types.InitializeParams(
            capabilities=capabilities,
            initialization_options=options,
            root_uri=root.as_uri() if root else None,
            workspace_folders=[folder_of(each) for each in folders] or None,
        )
    )
    session.capabilities = result.capabilities
    client.initialized(types.InitializedParams())
    try:
        yield session
    finally:
        if not session.left:
            await session.leave()
        async with asyncio.timeout(DEADLINE_S):
            await client.stop()  # type: ignore[no-untyped-call]


def replay_editor(script: Mapping[str, Any] | None = None, **options: Any) -> Any:
    """An editor on the replaying server."""
    environment = {
        "CODESLM_TEST_SCRIPT": json.dumps(script or {}),
        "CODESLM_COMPLETION__PREFETCH": "never",  # Tests count what the engine is asked.
        **options.pop("environment", {}),
    }
    return editor(["-m", "tests.support.replay_server"], environment=environment, **options)


def folder_of(path: Path) -> types.WorkspaceFolder:
    """A folder as editors tell it."""
    return types.WorkspaceFolder(path.as_uri(), path.name)


def position(text: str, offset: int) -> types.Position:
    """LSP position of an offset, in UTF-32 units."""
    lines = re.split(r"\r\n|\n|\r", text[:offset])
    return types.Position(len(lines) - 1, len(lines[-1]))
