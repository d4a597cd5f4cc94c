"""``python -m codeslm_lsp.cli`` is ``codeslm``."""

from codeslm_lsp.cli.main import main

main()
