"""The entry that is selected in a completion menu ⇄ the document as it will be once that is accepted.

An editor with an open menu shows only ghost text that goes on from the selected entry (``selectedCompletionInfo``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from lsprotocol import types

from codeslm_lsp.lsp.documents import MirroredDocument
from codeslm_lsp.values import Cursor, Document, Report, Skip, SkipReason


@dataclass(frozen=True, slots=True)
class Selected:
    """``text`` will stand in place of ``[start, end)``, code points of the document that the model sees."""

    start: int
    end: int
    text: str

    def into(self, document: Document) -> tuple[Document, Cursor]:
        """The document with the entry in it, and the cursor behind that."""
        text = document.text[: self.start] + self.text + document.text[self.end :]
        return replace(document, text=text), Cursor(self.start + len(self.text))

    def out_of(self, report: Report) -> Report:
        """The same report for the document without the entry: completions begin with it."""
        if isinstance(report.outcome, Skip):
            return report
        behind = self.start + len(self.text)
        more = self.end - behind
        found = [
            replace(each, text=self.text + each.text, start=self.start, end=each.end + more)
            for each in (report.outcome, *report.alternatives)
            if each.start == behind
        ]
        if not found:
            skip = Skip(SkipReason.BLANK, "What was written goes on from another entry than the selected one.")
            return replace(report, outcome=skip, alternatives=())
        return replace(report, outcome=found[0], alternatives=tuple(found[1:]))


def selected_entry(mirror: MirroredDocument, info: types.SelectedCompletionInfo | None, offset: int) -> Selected | None:
    """The entry in a document of which ``mirror`` begins at ``offset``; None where none is selected."""
    if info is None:
        return None
    start, end = (offset + mirror.offset_at(each) for each in (info.range.start, info.range.end))
    return Selected(min(start, end), max(start, end), info.text)
