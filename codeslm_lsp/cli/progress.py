"""How far a command is that counts what it has done, on standard error: a bar, or lines where none can be drawn."""

from __future__ import annotations

from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from codeslm_lsp.cli.terminal import Console


def counting() -> Progress:
    """Shows ``done/total`` and the time that is left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console) if console.is_terminal else _Lines(console)


class _Lines(Progress):
    """For logs and pipes: a line at the start, and after each twentieth of what is to be done."""

    N_LINES = 20

    def __init__(self, console: Console) -> None:
        super().__init__(console=console, disable=True)
        self._n_said: dict[TaskID, int] = {}

    def add_task(self, *arguments: Any, **options: Any) -> TaskID:
        task = super().add_task(*arguments, **options)
        self._say(task)
        return task

    def update(self, task_id: TaskID, **options: Any) -> None:
        super().update(task_id, **options)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        task = self._tasks[task_id]
        if task.total is None:
            return
        n_steps = int(task.completed * self.N_LINES / max(1, task.total))
        if n_steps > self._n_said.get(task_id, -1):
            self._n_said[task_id] = n_steps
            left = f", {task.time_remaining:.0f} s left" if task.time_remaining else ""
            text = f"{task.description}: {task.completed:.0f}/{task.total:.0f}{left}"
            self.console.print(text, markup=False, highlight=False)
