"""LSP messages ⇄ the session. Every handler converts, calls, converts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from codeslm_lsp import __version__
from codeslm_lsp.completion.launch import Launch, LaunchOther
from codeslm_lsp.lsp import commands, convert
from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.lsp.reload import follow_files
from codeslm_lsp.lsp.selected import selected_entry
from codeslm_lsp.lsp.session import Session
from codeslm_lsp.lsp.status import Status
from codeslm_lsp.lsp.usage import LOOK_AFTER_S, Usage
from codeslm_lsp.lsp.workspace import MirroringProtocol, notebook_context, quiet_logging
from codeslm_lsp.reasoning.run import COMMANDS
from codeslm_lsp.settings import Source, project_file, resolve, sources_here, user_file
from codeslm_lsp.values import Completion, Cursor, Document, Report, Skip, SkipReason, Trigger

if TYPE_CHECKING:
    from pygls.server import ServerErrors

SECTION = "codeslm"
"""The section of the client's configuration that is ours."""

NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[types.NotebookDocumentFilterWithNotebook(notebook="*")], save=False
)

DID_MOVE_CURSOR = "codeslm/didMoveCursor"
"""A notification of ours, ``{textDocument: {uri}, position}``: where the cursor came to rest without a key. LSP has
none; an editor that sends it has its first suggestion sooner."""

DID_SHOW, DID_ACCEPT_PARTLY = "textDocument/didShowCompletion", "textDocument/didPartiallyAcceptCompletion"
"""Notifications as Copilot's language server has them: ``{item}`` and ``{item, acceptedLength}``."""

DID_DISMISS = "codeslm/didDismissCompletion"
"""A notification of ours, ``{item}``: it was hidden, or something else was typed."""

SHOWS_STATUS = "codeslmStatus"
"""The member of the client's experimental capabilities that asks for ``DID_CHANGE_STATUS``."""

DID_CHANGE_STATUS = "codeslm/didChangeStatus"
"""A notification of ours to the editor, ``{kind, message, model}`` (see ``status``)."""

_log = logging.getLogger(__name__)


class CodeslmServer(LanguageServer):
    """A pygls server with one session."""

    def __init__(self, launch: Launch, launch_for_commands: LaunchOther, look_after_s: float) -> None:
        super().__init__(
            "codeslm",
            __version__,
            notebook_document_sync=NOTEBOOKS,
            protocol_cls=MirroringProtocol,
            converter_factory=convert.converter,
        )
        self._launch = launch
        self._launch_for_commands = launch_for_commands
        self._look_after_s = look_after_s
        self._session: Session | None = None
        self._told: set[str] = set()
        self.initialization_options: Mapping[str, Any] = {}
        self.pushed: Mapping[str, Any] = {}
        self.watching: asyncio.Task[None] | None = None

    @property
    def session(self) -> Session:
        """The session; it belongs to the running event loop, so it is made on first use."""
        if self._session is None:
            usage = Usage(self.text_of, self._look_after_s)
            self._session = Session(
                self._launch, self._launch_for_commands, self.tell, self.note, self.show, self.root_uris, usage
            )
        return self._session

    def tell(self, sentence: str) -> None:
        """Show the user a sentence, each only once a session."""
        if sentence not in self._told:
            self._told.add(sentence)
            self.window_show_message(types.ShowMessageParams(types.MessageType.Warning, sentence))

    def note(self, sentence: str) -> None:
        """Write a sentence into the editor's log."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Info, sentence))

    def show(self, status: Status) -> None:
        """Tell an editor that has a place for it how things are."""
        experimental = self.client_capabilities.experimental
        if isinstance(experimental, Mapping) and experimental.get(SHOWS_STATUS):
            self.protocol.notify(DID_CHANGE_STATUS, asdict(status))

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """A defect goes to the log, where it holds no source text, and not into the user's face."""
        _log.error("%s while handling a message: %s", source.__name__, type(error).__name__)

    def document(self, uri: str) -> MirroredDocument | None:
        """The mirror of an open document."""
        document = self.workspace.text_documents.get(convert.document_key(uri))
        return document if isinstance(document, MirroredDocument) else None

    def text_of(self, uri: str) -> str | None:
        """What an open document holds now."""
        mirror = self.document(uri)
        return mirror.text if mirror is not None else None

    def document_to_ask_about(self, uri: str) -> tuple[Document, MirroredDocument] | None:
        """An open document and its mirror."""
        mirror = self.document(uri)
        if mirror is None:
            return None
        return mirror.snapshot(self.path_of(mirror.uri)), mirror

    def root_uris(self) -> tuple[str, ...]:
        """The workspace's folders, in the editor's order."""
        root = self.workspace.root_uri
        return tuple(self.workspace.folders) or ((root,) if root else ())

    def path_of(self, uri: str) -> str:
        """What a prompt may show as the file's name: its path in the folder that it is in."""
        return convert.path_of(uri, convert.root_of(uri, self.root_uris()))

    def settings_files(self) -> tuple[Path, ...]:
        """The files that settings are read from."""
        root = self.root()
        return (user_file(), *((project_file(root),) if root is not None else ()))

    def root(self) -> Path | None:
        """The folder whose ``pyproject.toml`` may hold settings: the first one."""
        uri = next(iter(self.root_uris()), None)
        path = to_fs_path(uri) if uri else None
        return Path(path) if path else None


def build_server(
    launch: Launch,
    launch_for_commands: LaunchOther = lambda _settings: None,
    look_after_s: float = LOOK_AFTER_S,
) -> CodeslmServer:
    """A server that starts engines by ``launch``, and those for commands alone by the other.

    What was accepted is looked at again ``look_after_s`` later (see ``usage``). Run it by ``serve_pipes`` (see
    ``pipes``) or ``start_tcp``.
    """
    quiet_logging()
    server = CodeslmServer(launch, launch_for_commands, look_after_s)
    _register(server)
    return server


def _register(server: CodeslmServer) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        options = params.initialization_options
        if isinstance(options, Mapping):
            server.initialization_options = options
        settings, _ = resolve(_sources(server, {}))
        if settings.completion.menu:
            server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions())(complete_menu)
        if options is not None and not isinstance(options, Mapping):
            server.tell("The initialization options were ignored because they are not a table of settings.")

    @server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        await _configure(server)
        server.watching = asyncio.create_task(follow_files(server.settings_files, lambda: _configure(server)))

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration_changed(params: types.DidChangeConfigurationParams) -> None:
        pushed = params.settings.get(SECTION) if isinstance(params.settings, Mapping) else None
        await _configure(server, pushed)

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders_changed(_params: types.DidChangeWorkspaceFoldersParams) -> None:
        server.session.folders_changed()
        for mirror in server.workspace.text_documents.values():
            if isinstance(mirror, MirroredDocument) and (document := _in_folder(server, mirror)) is not None:
                server.session.desk(document.uri).opened(document)
        await _configure(server)

    @server.feature(types.SHUTDOWN)
    def shutdown(_params: None) -> None:
        if server.watching is not None:
            server.watching.cancel()
        server.session.close_soon()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        if (mirror := server.document(params.text_document.uri)) is not None:
            server.session.opened(_view(server, mirror, types.Position(0, 0))[0])
            if (document := _in_folder(server, mirror)) is not None:
                server.session.desk(document.uri).opened(document)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        mirror = server.document(params.text_document.uri)
        if mirror is not None and (document := _in_folder(server, mirror)) is not None:
            server.session.desk(document.uri).changed(document, convert.line_edits(params.content_changes))

    @server.feature(DID_MOVE_CURSOR)
    def cursor_moved(params: Any) -> None:
        place = convert.place_of(params)
        if place is not None and (mirror := server.document(place[0])) is not None:
            document, cursor, _ = _view(server, mirror, place[1])
            server.session.rest(document, cursor)
            if (own := _in_folder(server, mirror)) is not None:
                server.session.desk(own.uri).viewed(own, place[1].line)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.session.forget(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def complete_inline(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        trigger = convert.trigger_of(params.context.trigger_kind)
        selected = params.context.selected_completion_info
        completions, document = await _complete(server, params.text_document.uri, params.position, trigger, selected)
        return convert.inline_completion_list(completions, document, _ids(server, completions, document))

    async def complete_menu(params: types.CompletionParams) -> types.CompletionList:
        completions, document = await _complete(server, params.text_document.uri, params.position, Trigger.AUTOMATIC)
        ids = _ids(server, completions[:1], document)
        return convert.completion_list(next(iter(completions), None), document, next(iter(ids), None))

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions())
    def code_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        mirror = server.document(params.text_document.uri)
        if mirror is None or not server.session.offers_commands:
            return []
        return commands.actions(mirror, params, knows_tags=convert.knows_tags(server.client_capabilities))

    for name in COMMANDS:
        _register_command(server, name)

    @server.command("codeslm.explainLast")
    def explain_last(*_arguments: Any) -> dict[str, Any] | None:
        if server.session.last is None:
            return None
        report, uri = server.session.last
        return convert.report_as_json(report, server.document(uri))

    @server.command("codeslm.statistics")
    def statistics(*_arguments: Any) -> dict[str, Any]:
        return asdict(server.session.evaluated())

    @server.command("codeslm.accepted")
    def accepted(*arguments: Any) -> None:
        """An item's command: the editor runs it when the user accepts."""
        server.session.usage.accepted(arguments[0] if arguments else None)

    @server.feature(DID_SHOW)
    def shown(params: Any) -> None:
        server.session.usage.shown(params)

    @server.feature(DID_ACCEPT_PARTLY)
    def partly_accepted(params: Any) -> None:
        server.session.usage.partly_accepted(params)

    @server.feature(DID_DISMISS)
    def dismissed(params: Any) -> None:
        server.session.usage.dismissed(params)


def _register_command(server: CodeslmServer, name: str) -> None:
    @server.command(f"{commands.PREFIX}{name}")
    async def answer(*arguments: Any) -> dict[str, Any]:
        return await commands.answer_command(server, name, arguments[0] if arguments else {})


async def _complete(
    server: CodeslmServer,
    uri: str,
    position: types.Position,
    trigger: Trigger,
    in_menu: types.SelectedCompletionInfo | None = None,
) -> tuple[tuple[Completion, ...], MirroredDocument | None]:
    """What is offered, the best first, and the document that it counts in."""
    mirror = server.document(uri)
    if mirror is None:
        skip = Skip(SkipReason.UNKNOWN_DOCUMENT, "The editor asked for a document that it has not opened.")
        server.session.remember(Report(skip, trigger), uri, "")
        return (), None
    document, cursor, offset = _view(server, mirror, position)
    version = mirror.version
    selected = selected_entry(mirror, in_menu, offset)
    if selected is not None:
        document, cursor = selected.into(document)
    report = await server.session.complete(document, cursor, trigger)
    report = _in_cell(selected.out_of(report) if selected is not None else report, offset)
    if mirror.version != version and isinstance(report.outcome, Completion):
        report = replace(report, outcome=Skip(SkipReason.SUPERSEDED, "The text changed while the model worked."))
    server.session.remember(report, uri, document.language_id)
    return ((report.outcome, *report.alternatives) if isinstance(report.outcome, Completion) else ()), mirror


def _ids(server: CodeslmServer, completions: Sequence[Completion], document: MirroredDocument | None) -> list[str]:
    """What an editor tells by which of them it was."""
    if document is None or server.session.last is None:
        return []
    return server.session.usage.sent(server.session.last[0], completions, document)


def _view(server: CodeslmServer, mirror: MirroredDocument, position: types.Position) -> tuple[Document, Cursor, int]:
    """The document as the model sees it: a notebook's cell stands between the code cells around it.

    Returns it with the cursor in it, and the offset at which the cell itself begins.
    """
    document = mirror.snapshot(server.path_of(mirror.uri))
    cursor = mirror.offset_at(position)
    view = notebook_context(server.workspace, mirror.uri)
    if view is None:
        return document, Cursor(cursor), 0
    text = view.before + document.text + view.after
    joined = Document(document.uri, document.path, document.language_id, document.version, text)
    return joined, Cursor(cursor + len(view.before)), len(view.before)


def _in_folder(server: CodeslmServer, mirror: MirroredDocument) -> Document | None:
    """The document by itself, if it is a file of a workspace's folder: others are shown nowhere but in themselves."""
    root = convert.root_of(mirror.uri, server.root_uris())
    if not convert.is_inside(mirror.uri, root):
        return None
    return mirror.snapshot(convert.path_of(mirror.uri, root))


def _in_cell(report: Report, offset: int) -> Report:
    """The same report with the completion's place counted from the cell's beginning."""
    outcome = report.outcome
    if isinstance(outcome, Skip):
        return report
    shifted, *alternatives = (
        replace(each, start=each.start - offset, end=each.end - offset) for each in (outcome, *report.alternatives)
    )
    return replace(report, outcome=shifted, alternatives=tuple(alternatives))


async def _configure(server: CodeslmServer, pushed: Any = None) -> None:
    """Gather the settings of all sources, tell what is wrong with them, and use them."""
    if isinstance(pushed, Mapping):
        server.pushed = configuration = pushed
    else:
        configuration = await _ask_configuration(server)
    settings, problems = resolve(_sources(server, configuration))
    for problem in problems:
        server.tell(problem)
    server.session.configure(settings)


async def _ask_configuration(server: CodeslmServer) -> Mapping[str, Any]:
    workspace = server.client_capabilities.workspace
    if workspace is None or not workspace.configuration:
        return server.pushed
    asked = types.ConfigurationParams(items=[types.ConfigurationItem(section=SECTION)])
    try:
        answer = await asyncio.wait_for(server.workspace_configuration_async(asked), timeout=2.0)
    except Exception as error:  # A client's wrong answer must not cost the session its settings.
        _log.warning("the client did not answer workspace/configuration: %s", type(error).__name__)
        return {}
    found = answer[0] if answer else None
    return found if isinstance(found, Mapping) else {}


def _sources(server: CodeslmServer, configuration: Mapping[str, Any]) -> list[Source]:
    """All sources of settings, the weakest first."""
    editor = [
        Source("initializationOptions", server.initialization_options),
        Source("the editor's configuration", configuration),
    ]
    sources, unreadable = sources_here(server.root(), editor)
    for problem in unreadable:
        server.tell(problem)
    return sources
