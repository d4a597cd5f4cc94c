"""Damaged and malicious input of every kind, made by chance: ``python -m tests.fuzz.NAME SECONDS [SEED]``.

What chance does depends on the seed alone. Short runs of each are tests; a long one is worth an evening.
"""
