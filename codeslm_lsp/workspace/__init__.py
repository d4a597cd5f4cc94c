"""A folder → what its source files define, import and use, kept in a private file beside it and read in microseconds.

``indexer`` is a program of its own that writes the file, and the only one that does; ``index`` reads it and ``process``
starts and watches the program for the server. Nothing that is ignored, generated or holds a secret is ever written.
"""
