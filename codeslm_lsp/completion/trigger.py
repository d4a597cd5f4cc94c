"""Settings + document + tree + cursor → whether a completion is worth asking for, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable

from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.position import kind_at
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import Cursor, Document, Skip, SkipReason, Trigger
from codeslm_lsp.workspace.ignored import is_meant


def refusal(document: Document, trigger: Trigger, settings: Settings) -> Skip | None:
    """Why nothing is offered here, or None when the model may be asked."""
    options = settings.completion
    if not options.enabled:
        return Skip(SkipReason.DISABLED, "Completions are switched off by the setting completion.enabled.")
    if trigger is Trigger.AUTOMATIC and not options.automatic:
        return Skip(SkipReason.DISABLED, "Completions come only on request: the setting completion.automatic is off.")
    if document.language_id in options.disabled_languages:
        return Skip(
            SkipReason.DISABLED,
            f"Completions are switched off for {document.language_id} by the setting completion.disabled_languages.",
        )
    if options.disabled_files and is_meant(document.path, options.disabled_files):
        return Skip(
            SkipReason.DISABLED,
            f"Completions are switched off for {document.path} by the setting completion.disabled_files.",
        )
    if len(document.text) > options.max_file_bytes:  # Never more characters than bytes.
        return Skip(
            SkipReason.FILE_TOO_LARGE,
            f"The file has {len(document.text):,} characters, more than completion.max_file_bytes allows "
            f"({options.max_file_bytes:,}).",
        )
    if "\0" in document.text[:8192]:
        return Skip(SkipReason.NOT_TEXT, "The file looks binary (it holds NUL characters), so nothing is offered.")
    if not document.text or document.text.isspace():
        return Skip(SkipReason.EMPTY_DOCUMENT, "The file is empty: there is nothing to go by yet.")
    return None


def refusal_at(
    parse: Callable[[], SyntaxTree | None], cursor: Cursor, trigger: Trigger, settings: Settings
) -> Skip | None:
    """Why nothing is offered at this place, or None when the model may be asked.

    ``parse`` gives the document's tree, None for a language without one; it is called only where that matters.
    """
    options = settings.completion
    if trigger is Trigger.INVOKED or (options.in_comments and options.in_strings) or (tree := parse()) is None:
        return None
    kind = kind_at(tree, cursor)
    if kind == "comment" and not options.in_comments:
        return Skip(
            SkipReason.IN_COMMENT, "In comments completions come only on request: completion.in_comments is off."
        )
    if kind == "string" and not options.in_strings:
        return Skip(SkipReason.IN_STRING, "In strings completions come only on request: completion.in_strings is off.")
    return None
