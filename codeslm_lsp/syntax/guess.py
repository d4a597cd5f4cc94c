"""Code around a cursor → the language it is probably written in, for who sends code without a name."""

from __future__ import annotations

from codeslm_lsp.syntax.languages import Language, languages
from codeslm_lsp.syntax.parses import error_count

CANDIDATES = ("python", "javascript", "typescript", "go", "rust", "java", "c", "cpp", "csharp", "ruby", "lua")
"""Of those that parse a text equally well the first is taken: TypeScript parses what JavaScript is, C++ what C is."""

MARKS = (("<?php", "php"), ("#!/bin/sh", "bash"), ("#!/bin/bash", "bash"), ("#!/usr/bin/env bash", "bash"))
"""Of languages in which nearly every text is without error, PHP above all."""

MAX_CHARS = 1500
MIN_CHARS = 40
"""Too little to tell: several languages parse it."""


def guessed_language(prefix: str, suffix: str) -> Language | None:
    """The language with the fewest errors in the lines around the cursor; ``None`` where each has many.

    Takes some 50 ms: all of them parse.
    """
    above = prefix[-MAX_CHARS:]
    whole_lines = above[above.find("\n") + 1 :] if len(prefix) > MAX_CHARS else above
    text = whole_lines.rpartition("\n")[0] + "\n" + suffix[:MAX_CHARS].partition("\n")[2]
    if len(text.strip()) < MIN_CHARS:
        return None
    known = languages()
    for mark, name in MARKS:
        if prefix.startswith(mark):
            return known[name]
    counted = [(error_count(text, known[name]), place, known[name]) for place, name in enumerate(CANDIDATES)]
    n_errors, _, language = min(counted, key=lambda each: each[:2])
    return language if n_errors <= text.count("\n") / 3 else None
