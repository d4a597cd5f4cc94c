"""The open documents and notebooks of one client, and the protocol that keeps them: pygls', but tolerant and silent.

A client that counts versions wrongly, or changes what it never opened, costs a warning; no message's text is logged.
"""

from __future__ import annotations

import inspect
import logging
import re
import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.workspace import Workspace

from codeslm_lsp.lsp.convert import document_key
from codeslm_lsp.lsp.documents import MirroredDocument

_log = logging.getLogger(__name__)


class MirroringWorkspace(Workspace):
    """pygls' workspace with mirrored documents. What it is told of an unknown document is ignored with a warning."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._warned: set[tuple[str, str]] = set()

    def check_version(self, document: types.VersionedTextDocumentIdentifier) -> None:
        """Warn once a document of versions that do not grow.

        Their changes are applied all the same: messages cannot overtake or repeat each other on a pipe, so such a
        client counts wrongly, and a change left out would put every later one in the wrong place.
        """
        known = self.text_documents.get(document_key(document.uri))
        if known is not None and known.version is not None and document.version <= known.version:
            self._warn_once("the client sent a change whose version is not newer than the last", document.uri)

    def update_text_document(
        self, text_doc: types.VersionedTextDocumentIdentifier, change: types.TextDocumentContentChangeEvent
    ) -> None:
        if document_key(text_doc.uri) in self.text_documents:
            super().update_text_document(text_doc, change)
        else:
            self._warn_once("the client changed a document that is not open", text_doc.uri)

    def remove_text_document(self, doc_uri: str) -> None:
        if document_key(doc_uri) not in self.text_documents:
            self._warn_once("the client closed a document that is not open", doc_uri)
        super().remove_text_document(doc_uri)

    def update_notebook_document(self, params: types.DidChangeNotebookDocumentParams) -> None:
        if self.get_notebook_document(notebook_uri=params.notebook_document.uri) is None:
            self._warn_once("the client changed a notebook that is not open", params.notebook_document.uri)
            return
        _keep_what_opens(params)
        super().update_notebook_document(params)

    def remove_notebook_document(self, params: types.DidCloseNotebookDocumentParams) -> None:
        if self.get_notebook_document(notebook_uri=params.notebook_document.uri) is None:
            self._warn_once("the client closed a notebook that is not open", params.notebook_document.uri)
        super().remove_notebook_document(params)

    def _create_text_document(
        self,
        doc_uri: str,
        source: str | None = None,
        version: int | None = None,
        language_id: str | None = None,
    ) -> MirroredDocument:
        return MirroredDocument(doc_uri, source, version, language_id, position_codec=self.position_codec)

    def _warn_once(self, complaint: str, uri: str) -> None:
        if (complaint, uri) not in self._warned:
            self._warned.add((complaint, uri))
            _log.warning("%s: %s", complaint, uri)


class MirroringProtocol(LanguageServerProtocol):
    """pygls' protocol on a ``MirroringWorkspace``."""

    _mirroring: MirroringWorkspace | None = None

    @property
    def _workspace(self) -> Workspace | None:
        """pygls assigns its own workspace here while it answers ``initialize``; ours takes its place at once."""
        return self._mirroring

    @_workspace.setter
    def _workspace(self, made: Workspace | None) -> None:
        if made is None:
            self._mirroring = None
        else:
            folders = list(made.folders.values())
            self._mirroring = MirroringWorkspace(
                made.root_uri, workspace_folders=folders, position_encoding=made.position_encoding
            )

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A request whose parameters are not what they should be is answered with an error; pygls would only log it."""
        try:
            return super().structure_message(data)
        except JsonRpcException as error:
            number = data.get("id")
            if "method" in data and isinstance(number, int | str):
                self._send_response(number, error=error.to_response_error())
            raise

    def _execute_handler(self, msg_id: Any, *arguments: Any, **options: Any) -> None:
        """pygls keeps what handlers of notifications came to: a kilobyte for each key, for as long as the session."""
        super()._execute_handler(msg_id, *arguments, **options)
        if (answer := self._request_futures.get(msg_id)) is not None:
            answer.add_done_callback(lambda done: self._let_go(msg_id, done))

    def _let_go(self, msg_id: Any, answer: Any) -> None:
        if self._request_futures.get(msg_id) is answer:
            del self._request_futures[msg_id]

    @lsp_method(types.SHUTDOWN)
    def lsp_shutdown(self, *arguments: Any) -> Generator[Any, Any, None]:
        """End what is still being answered, which takes it out of the table that pygls would be going through."""
        for number, answer in list(self._request_futures.items()):
            if number != self.msg_id and not answer.done():
                answer.cancel()
        yield from super().lsp_shutdown(*arguments)

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # pygls calls handlers of any kind.
        self, params: types.ExecuteCommandParams
    ) -> Any:
        """A command as one task: cancelling the request of pygls' own handler would leave the command running."""
        command = self.fm.commands.get(params.command)
        if command is None:
            raise JsonRpcInvalidParams(f"There is no command {params.command!r}.")
        result = command(*(params.arguments or ()))
        return await result if inspect.isawaitable(result) else result

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Generator[Any, Any, None]:
        """Look at the version before all changes of the message, which share it, are applied."""
        if self._mirroring is not None:
            self._mirroring.check_version(params.text_document)
        yield from super().lsp_text_document__did_change(params)


@dataclass(frozen=True, slots=True)
class NotebookView:
    """What stands around a notebook's cell: ``before + cell + after`` reads as one file."""

    before: str
    after: str


def notebook_context(workspace: Workspace, cell_uri: str) -> NotebookView | None:
    """The code cells in this cell's language above and below it; None for what is no cell of an open notebook."""
    notebook = workspace.get_notebook_document(cell_uri=cell_uri)
    if notebook is None:
        return None
    keys = [document_key(cell.document) for cell in notebook.cells]
    own = document_key(cell_uri)
    document = workspace.text_documents.get(own)
    if document is None or own not in keys:
        return None
    place = keys.index(own)

    language = document.language_id
    above = _code(workspace, notebook.cells[:place], language)
    below = _code(workspace, notebook.cells[place + 1 :], language)
    return NotebookView("".join(f"{text}\n" for text in above), "".join(f"\n{text}" for text in below))


def _code(workspace: Workspace, cells: Sequence[types.NotebookCell], language_id: str | None) -> list[str]:
    """The texts of those cells that hold code in this language."""
    code = [cell for cell in cells if cell.kind == types.NotebookCellKind.Code]
    documents = [workspace.text_documents.get(document_key(cell.document)) for cell in code]
    return [each.source for each in documents if each is not None and each.language_id == language_id]


def quiet_logging() -> None:
    """Let pygls log warnings and errors only, and those without anything that a user wrote.

    pygls logs whole messages at INFO, and the parameters of a failed one at ERROR. Call it once pygls is imported: a
    filter holds for the logger it was given to, not for the ones below.
    """
    logging.getLogger("pygls").setLevel(logging.WARNING)
    for name in [*logging.root.manager.loggerDict]:
        logger = logging.getLogger(name)
        if name.partition(".")[0] == "pygls" and not any(isinstance(old, _WithoutSource) for old in logger.filters):
            logger.addFilter(_WithoutSource())


LATE_CANCEL = "Cancel notification for unknown message id"
"""What pygls warns of where a client cancels what has just been answered, which LSP allows and happens all the time."""


class _WithoutSource(logging.Filter):
    """Keeps a record's sentence, and of its arguments only numbers and names: methods, identifiers, URIs."""

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(LATE_CANCEL):
            return False
        if isinstance(record.args, tuple):
            record.args = tuple(map(_harmless, record.args))
        elif record.args:
            record.args = None
        if record.exc_info and record.exc_info[1] is not None:
            record.exc_text = _without_message(record.exc_info[1])
            record.exc_info = None
        return True


_NAME = re.compile(r"[\w$./:%#?=&+~@-]{1,300}")


def _harmless(argument: object) -> object:
    if isinstance(argument, int) or (isinstance(argument, str) and _NAME.fullmatch(argument)):
        return argument
    return f"<{type(argument).__name__}>"


def _without_message(error: BaseException) -> str:
    """The places an exception went through, and the types of it and its causes: their messages may quote anything."""
    places = "".join(traceback.format_tb(error.__traceback__))
    kinds = [type(error).__name__]
    while (cause := error.__cause__ or error.__context__) is not None:
        kinds.append(type(cause).__name__)
        error = cause
    return f"{places}{' from '.join(kinds)}"


def _keep_what_opens(params: types.DidChangeNotebookDocumentParams) -> None:
    """A cell that changes its language is closed and opened again in one message; pygls would open it first."""
    structure = params.change.cells.structure if params.change.cells else None
    if structure is not None and structure.did_open and structure.did_close:
        opened = {document_key(cell.uri) for cell in structure.did_open}
        structure.did_close = [cell for cell in structure.did_close if document_key(cell.uri) not in opened]
