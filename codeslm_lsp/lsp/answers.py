"""An answer → the JSON that a client gets, with its edits as a ``WorkspaceEdit`` of what this client can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lsprotocol import types

from codeslm_lsp.lsp.convert import range_as_json
from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.reasoning.run import as_data
from codeslm_lsp.values import Answer

CANNOT_CREATE = "This editor does not create files for a language server; save the answer's code as a file yourself."


def answer_as_json(
    answer: Answer, mirrors: Callable[[str], MirroredDocument | None], *, creates_files: bool
) -> dict[str, Any]:
    """The answer as data; ``edit`` is a ``WorkspaceEdit`` or null; ``note`` says why there is none, or nothing."""
    edit = workspace_edit(answer, mirrors, creates_files=creates_files)
    note = CANNOT_CREATE if answer.edits and edit is None else ""
    return {**as_data(answer), "edit": _edit_as_json(edit) if edit is not None else None, "note": note}


def workspace_edit(
    answer: Answer, mirrors: Callable[[str], MirroredDocument | None], *, creates_files: bool
) -> types.WorkspaceEdit | None:
    """The edits in the client's positions, for the versions that it has told; a document that it has not is made.

    ``None`` where there are none, or where the client does not create files.
    """
    changes: list[types.TextDocumentEdit | types.CreateFile | types.RenameFile | types.DeleteFile] = []
    for uri in dict.fromkeys(edit.uri for edit in answer.edits):
        own = [edit for edit in answer.edits if edit.uri == uri]
        mirror = mirrors(uri)
        if mirror is None:
            if not creates_files:
                return None
            nowhere = types.Position(0, 0)
            # A file that is there already makes the whole edit fail, rather than being written over.
            changes.append(types.CreateFile(uri, options=types.CreateFileOptions(False, False)))
            edits = [types.TextEdit(types.Range(nowhere, nowhere), edit.text) for edit in own]
        else:
            edits = [
                types.TextEdit(types.Range(mirror.position_at(edit.start), mirror.position_at(edit.end)), edit.text)
                for edit in own
            ]
        version = mirror.version if mirror is not None else None
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
        changes.append(types.TextDocumentEdit(identifier, edits))
    return types.WorkspaceEdit(document_changes=changes) if changes else None


def creates_files(capabilities: types.ClientCapabilities) -> bool:
    """Whether the client creates files that an edit asks for."""
    edit = capabilities.workspace.workspace_edit if capabilities.workspace is not None else None
    operations = (edit.resource_operations or ()) if edit is not None and edit.document_changes else ()
    return types.ResourceOperationKind.Create in operations


def _edit_as_json(edit: types.WorkspaceEdit) -> dict[str, Any]:
    changes: list[dict[str, Any]] = []
    for change in edit.document_changes or ():
        if isinstance(change, types.CreateFile):
            options = {"overwrite": False, "ignoreIfExists": False}
            changes.append({"kind": "create", "uri": change.uri, "options": options})
        elif isinstance(change, types.TextDocumentEdit):
            identifier = {"uri": change.text_document.uri, "version": change.text_document.version}
            edits = [{"range": range_as_json(each.range), "newText": each.new_text} for each in change.edits]  # type: ignore[union-attr]
            changes.append({"textDocument": identifier, "edits": edits})
    return {"documentChanges": changes}
