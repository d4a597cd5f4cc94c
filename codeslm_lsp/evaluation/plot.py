"""Latencies of assistants → a picture of how many pauses were answered by when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from codeslm_lsp.values import InputError

LINE_STYLES = ("-", "--")
"""Told apart without colours too."""


def draw_latencies(
    path: Path, latencies_ms: Mapping[str, Sequence[float]], n_pauses: Mapping[str, int], title: str
) -> None:
    """Write a PNG: for each assistant the share of its ``n_pauses`` that had a suggestion within so many milliseconds.

    Raises ``InputError`` when matplotlib is not installed or the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError(
            "Drawing needs matplotlib; install it with `python -m pip install 'codeslm[bench]'`."
        ) from None
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for (name, values), style in zip(latencies_ms.items(), LINE_STYLES, strict=False):
        ascending = sorted(values)
        shares = [100 * (rank + 1) / n_pauses[name] for rank in range(len(ascending))]
        axes.step(
            ascending, shares, where="post", label=f"{name}, {n_pauses[name]} pauses", linestyle=style, linewidth=2
        )
    for limit in (300, 1000):
        axes.axvline(limit, color="0.7", linewidth=1)
    axes.set(xscale="log", ylim=(0, 100), title=title)
    axes.set_xlabel("milliseconds from the key before the pause to the suggestion (log scale)")
    axes.set_ylabel("pauses with a suggestion, %")
    axes.xaxis.set_major_formatter(lambda value, _position: f"{value:,g}")
    axes.grid(which="major", alpha=0.3)
    axes.legend(loc="lower right")
    try:
        figure.savefig(path, dpi=150, format="png")
    except OSError as error:
        raise InputError(f"The picture cannot be written to {path}: {error.strerror}; give another --plot.") from None
