"""Benchmarks of holes in code → how often the inserted text is right, through the real server."""
