"""A defect of ours → one line in the log, which says where it is and quotes nothing a user wrote."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from codeslm_lsp.values import EngineError, ModelError

_log = logging.getLogger(__name__)


def log_defect(error: Exception) -> None:
    """What an exception says may be source text: only its type and place are logged."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    _log.error("internal error: %s in %s, line %s", type(error).__name__, place.name, place.lineno)


@contextmanager
def unasked() -> Iterator[None]:
    """Around what nobody has asked for: what goes wrong bothers nobody, the next request finds out, and says so."""
    try:
        yield
    except (EngineError, ModelError):
        pass
    except Exception as error:
        log_defect(error)
