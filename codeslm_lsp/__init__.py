"""codeslm: a code assistant that runs entirely on the developer's own machine."""

__version__ = "0.1.0"
