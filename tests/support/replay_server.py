"""``python -m tests.support.replay_server``: the real language server on stdio, with the replaying engine behind it."""

from __future__ import annotations

import os
import sys

from codeslm_lsp.lsp.pipes import serve_pipes
from codeslm_lsp.lsp.server import build_server
from codeslm_lsp.lsp.usage import LOOK_AFTER_S
from codeslm_lsp.values import ModelNotFound
from tests.support.replay import replaying, script_of


def main() -> None:
    if missing := os.environ.get("CODESLM_TEST_NO_MODEL"):

        def no_model(_settings: object) -> object:
            raise ModelNotFound(missing)

        server = build_server(no_model)  # type: ignore[arg-type]
    else:
        after_s = float(os.environ.get("CODESLM_TEST_LOOK_AFTER_S", LOOK_AFTER_S))
        server = build_server(lambda settings: replaying(script_of(os.environ)), look_after_s=after_s)
    if len(sys.argv) > 1:
        server.start_tcp("127.0.0.1", int(sys.argv[1]))
    else:
        serve_pipes(server)


if __name__ == "__main__":
    main()
