"""Source → tree, scopes, imports, symbols, and whether a position is inside a comment or a string.

Everything takes ``str`` and code-point offsets; bytes exist in ``source`` and ``tree`` only. Source that does not
parse is input, never an exception.
"""
