"""Messages in, mirror out: notebooks, clients that break the rules, and logs without anybody's source."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from codeslm_lsp.lsp import convert
from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.lsp.workspace import (
    MirroringProtocol,
    MirroringWorkspace,
    NotebookView,
    notebook_context,
    quiet_logging,
)

URI = "file:///proj/a.py"
NOTEBOOK = "file:///proj/n.ipynb"
SECRET = "hunter2 = 'in the source'"


class Client:
    """Feeds JSON to a server's protocol and keeps what it sends back."""

    def __init__(self, encodings: list[str] | None = None, *, with_handler: bool = True) -> None:
        self.server = LanguageServer(
            "test",
            "1",
            protocol_cls=MirroringProtocol,
            converter_factory=convert.converter,
            notebook_document_sync=types.NotebookDocumentSyncOptions(
                [types.NotebookDocumentFilterWithNotebook(notebook="*")]
            ),
        )
        self.seen: list[object] = []
        self.sent: list[Any] = []
        if with_handler:

            @self.server.feature(types.INITIALIZE)
            def initialize(params: types.InitializeParams) -> None:
                self.seen.append(type(self.server.workspace))

        @self.server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
        def complete(params: types.InlineCompletionParams) -> types.InlineCompletionList:
            self.seen.append(params)
            return types.InlineCompletionList(items=[])

        self.server.protocol.set_writer(self, include_headers=False)
        general = {"positionEncodings": encodings} if encodings else {}
        params = {
            "processId": None,
            "rootUri": "file:///proj",
            "capabilities": {"general": general},
            "workspaceFolders": [{"uri": "file:///proj", "name": "proj"}],
        }
        self.initialized = self.request("initialize", params)["result"]

    def write(self, data: bytes) -> None:
        self.sent.append(json.loads(data))

    def close(self) -> None:
        """Part of pygls' writer."""

    def notify(self, method: str, params: Any) -> None:
        self._handle({"jsonrpc": "2.0", "method": method, "params": params})

    def request(self, method: str, params: Any) -> Any:
        self._handle({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        return self.sent[-1]

    def open(self, text: str, version: int = 1) -> None:
        item = {"uri": URI, "languageId": "python", "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, *changes: dict[str, Any], version: int | None = 2, uri: str = URI) -> None:
        params = {"textDocument": {"uri": uri, "version": version}, "contentChanges": list(changes)}
        self.notify("textDocument/didChange", params)

    @property
    def workspace(self) -> MirroringWorkspace:
        workspace = self.server.workspace
        assert isinstance(workspace, MirroringWorkspace)
        return workspace

    def text(self, uri: str = URI) -> str:
        document = self.workspace.text_documents[uri]
        assert isinstance(document, MirroredDocument)
        return document.source

    def _handle(self, message: dict[str, Any]) -> None:
        text = json.dumps(message)
        read = json.loads(text, object_hook=self.server.protocol.structure_message)
        self.server.protocol.handle_message(read)


def inserted(line: int, character: int, text: str) -> dict[str, Any]:
    place = {"line": line, "character": character}
    return {"range": {"start": place, "end": place}, "text": text}


@pytest.fixture
def restored_loggers() -> Iterator[None]:
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "pygls"]
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    yield
    for logger, level in before:
        logger.setLevel(level)
        logger.filters.clear()


@pytest.mark.parametrize("with_handler", [True, False])
def test_our_workspace_is_there_from_the_first_handler_on(with_handler: bool) -> None:
    client = Client(["utf-8", "utf-16"], with_handler=with_handler)
    assert client.seen == [MirroringWorkspace] * with_handler
    assert client.initialized["capabilities"]["positionEncoding"] == "utf-8"
    assert client.workspace.root_uri == "file:///proj"
    assert list(client.workspace.folders) == ["file:///proj"]


def test_a_change_counts_in_the_agreed_units() -> None:
    for encoding, column in (("utf-8", 4), ("utf-16", 2), ("utf-32", 1)):
        client = Client([encoding])
        client.open("😀\n\f\n")
        client.change(inserted(0, column, "a"), inserted(1, 1, "b"))
        assert client.text() == "😀a\n\fb\n"


def test_nothing_is_kept_of_a_change_that_was_made() -> None:
    client = Client()
    client.open("a")
    for _ in range(50):
        client.change(inserted(0, 0, "b"))
    assert client.server.protocol._request_futures == {}


def test_several_changes_of_one_message_share_its_version(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    client.open("")
    client.change(inserted(0, 0, "b"), inserted(0, 0, "a"), version=7)
    assert client.text() == "ab"
    assert client.workspace.text_documents[URI].version == 7
    assert not caplog.records


def test_versions_that_do_not_grow_cost_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    client.open("", version=5)
    client.change(inserted(0, 0, SECRET), version=5)
    client.change(inserted(0, 0, "b"), version=4)
    client.change(inserted(0, 0, "a"), version=None)
    assert client.text() == f"ab{SECRET}"
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert SECRET not in caplog.text


def test_what_is_not_open_costs_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    client.change(inserted(0, 0, SECRET))
    client.change(inserted(0, 0, SECRET))
    assert [record.getMessage() for record in caplog.records] == [
        f"the client changed a document that is not open: {URI}"
    ]
    caplog.clear()
    client.notify("textDocument/didClose", {"textDocument": {"uri": URI}})
    assert [record.getMessage() for record in caplog.records] == [
        f"the client closed a document that is not open: {URI}"
    ]
    assert client.sent[1:] == []
    assert client.workspace.text_documents == {}


def test_unknown_notebooks_cost_one_warning_each(caplog: pytest.LogCaptureFixture) -> None:
    client = Client()
    identifier = {"uri": NOTEBOOK, "version": 2}
    client.notify("notebookDocument/didChange", {"notebookDocument": identifier, "change": {}})
    client.notify("notebookDocument/didClose", {"notebookDocument": identifier, "cellTextDocuments": []})
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert client.sent[1:] == []


def test_a_document_may_be_closed_and_opened_again() -> None:
    client = Client()
    client.open("first")
    client.notify("textDocument/didClose", {"textDocument": {"uri": "file:///proj/%61.py"}})
    assert client.workspace.text_documents == {}
    client.open("second")
    assert client.text() == "second"


def test_unusual_messages_are_read() -> None:
    client = Client()
    client.open("old")
    client.change({"range": None, "text": "a\nb"})
    assert client.text() == "a\nb"
    beyond = {"line": 4294967295, "character": 4294967295}
    client.change({"range": {"start": {"line": 0, "character": -1}, "end": beyond}, "text": "new"}, version=3)
    assert client.text() == "new"


def test_an_old_client_is_answered() -> None:
    client = Client(with_handler=False)
    for number in (0, 1, 2):
        place = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}
        answer = client.request("textDocument/inlineCompletion", {**place, "context": {"triggerKind": number}})
        assert answer["result"] == {"items": []}
    kinds = [params.context.trigger_kind for params in client.seen if isinstance(params, types.InlineCompletionParams)]
    assert [convert.trigger_of(kind).value for kind in kinds] == ["invoked", "automatic", "automatic"]


def cell(name: str, kind: int = 2) -> dict[str, Any]:
    return {"kind": kind, "document": f"vscode-notebook-cell:/proj/n.ipynb#{name}"}


def cell_text(name: str, text: str, language: str = "python") -> dict[str, Any]:
    return {"uri": cell(name)["document"], "languageId": language, "version": 1, "text": text}


def notebook_client() -> Client:
    client = Client()
    client.notify(
        "notebookDocument/didOpen",
        {
            "notebookDocument": {
                "uri": NOTEBOOK,
                "notebookType": "jupyter-notebook",
                "version": 1,
                "cells": [cell("a"), cell("m", kind=1), cell("b"), cell("c"), cell("r"), cell("d")],
            },
            "cellTextDocuments": [
                cell_text("a", "import os"),
                cell_text("m", "# prose", "markdown"),
                cell_text("b", "x = 1\ny = 2"),
                cell_text("c", "z = "),
                cell_text("r", "x <- 1", "r"),
                cell_text("d", "print(z)"),
            ],
        },
    )
    return client


def around(client: Client, name: str) -> NotebookView | None:
    return notebook_context(client.workspace, cell(name)["document"])


def change_notebook(client: Client, cells: dict[str, Any]) -> None:
    params = {"notebookDocument": {"uri": NOTEBOOK, "version": 2}, "change": {"cells": cells}}
    client.notify("notebookDocument/didChange", params)


def test_a_cell_sees_the_code_around_it() -> None:
    client = notebook_client()
    assert around(client, "c") == NotebookView("import os\nx = 1\ny = 2\n", "\nprint(z)")
    assert around(client, "a") == NotebookView("", "\nx = 1\ny = 2\nz = \nprint(z)")
    assert around(client, "d") == NotebookView("import os\nx = 1\ny = 2\nz = \n", "")
    assert around(client, "r") == NotebookView("", "")
    assert around(client, "m") == NotebookView("", "")


def test_only_cells_have_a_notebook() -> None:
    client = notebook_client()
    client.open("x")
    assert notebook_context(client.workspace, URI) is None
    assert around(client, "unknown") is None
    client.notify(
        "notebookDocument/didClose", {"notebookDocument": {"uri": NOTEBOOK}, "cellTextDocuments": [cell_text("a", "")]}
    )
    assert around(client, "a") is None
    assert around(client, "c") is None


def test_cells_are_edited_in_place() -> None:
    client = notebook_client()
    identifier = {"uri": cell("b")["document"], "version": 2}
    change_notebook(client, {"textContent": [{"document": identifier, "changes": [inserted(1, 5, "0  # \f")]}]})
    assert client.text(cell("b")["document"]) == "x = 1\ny = 20  # \f"
    assert isinstance(client.workspace.text_documents[cell("b")["document"]], MirroredDocument)
    assert around(client, "c") == NotebookView("import os\nx = 1\ny = 20  # \f\n", "\nprint(z)")


def test_cells_come_and_go() -> None:
    client = notebook_client()
    structure = {
        "array": {"start": 1, "deleteCount": 2, "cells": [cell("n")]},
        "didOpen": [cell_text("n", "new = 1")],
        "didClose": [{"uri": cell("m")["document"]}, {"uri": cell("b")["document"]}],
    }
    change_notebook(client, {"structure": structure})
    assert around(client, "c") == NotebookView("import os\nnew = 1\n", "\nprint(z)")
    assert around(client, "b") is None


def test_a_cell_may_change_its_language() -> None:
    client = notebook_client()
    structure = {
        "array": {"start": 4, "deleteCount": 1, "cells": [cell("r")]},
        "didOpen": [cell_text("r", "w = 1")],
        "didClose": [{"uri": cell("r")["document"]}],
    }
    change_notebook(client, {"structure": structure})
    assert around(client, "c") == NotebookView("import os\nx = 1\ny = 2\n", "\nw = 1\nprint(z)")


@pytest.mark.usefixtures("restored_loggers")
def test_logs_hold_no_source(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quiet_logging()
    quiet_logging()
    client = Client()
    failing = f"value {SECRET}"

    @client.server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def save(params: types.DidSaveTextDocumentParams) -> None:
        raise ValueError(failing)

    @client.server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> None:
        raise ValueError(failing)

    client.open(SECRET)
    client.change(inserted(0, 0, SECRET))
    client.notify("textDocument/didSave", {"textDocument": {"uri": URI}, "text": SECRET})
    answer = client.request(
        "textDocument/hover", {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}
    )
    assert "error" in answer
    with pytest.raises(JsonRpcException):
        client.notify("textDocument/didChange", {"textDocument": {"uri": URI}, "contentChanges": SECRET})
    client.notify("no/such", {"text": SECRET})
    logging.getLogger("pygls.protocol.json_rpc").error("Failed: %s %d %s", {"text": SECRET}, 3, "a/b")
    logging.getLogger("pygls.server").error("%s", ValueError(SECRET))
    logging.getLogger("pygls.server").error("%(text)s", {"text": SECRET})

    assert "hunter2" not in caplog.text
    assert "in the source" not in caplog.text
    messages = [record.getMessage() for record in caplog.records]
    assert 'Exception occurred for message "1"' in messages
    assert "Failed: <dict> 3 a/b" in messages
    assert "<ValueError>" in messages
    assert "in hover" in caplog.text, "the place of an error is worth knowing"
    assert all(record.levelno >= logging.WARNING for record in caplog.records)
