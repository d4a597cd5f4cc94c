"""``python -m tests.support.llama_server MODEL NAME``: llama.cpp's own HTTP server.

Prints its address, and ends when its input does.
"""

from __future__ import annotations

import sys

import xllamacpp


def main() -> None:
    path, name = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = [name]
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.n_parallel = 4096, 2
    params.cpuparams.n_threads = 1
    params.verbosity = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main()
