"""Mathematical text → expressions → answers that were checked: proved, refuted, computed. The only room with SymPy.

SymPy runs in a process of its own (``worker``), which ``mathematician`` starts and ends; nothing else here imports it
but the modules that the worker runs.
"""
