"""A model name → a verified GGUF file on disk: which models there are, where they come from, and which are here.

Read ``catalogue.toml`` (the models), ``store`` (the folder), ``pull`` (how one gets there, from ``hub``, ``wheels`` or
``local``), ``choose`` (which one to use) and ``gguf`` (what a file says of itself). This room knows nothing of prompts,
engines or terminals.
"""
