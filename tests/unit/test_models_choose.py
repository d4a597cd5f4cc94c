"""Which model a machine gets, and why it says so."""

from __future__ import annotations

import pytest

from codeslm_lsp.models.choose import choose_default, machine

GB = 1_000_000_000
SMALL, LARGE, GEMMA = "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "codegemma-2b"


@pytest.mark.parametrize(
    ("installed", "free_gb", "cores", "expected"),
    [
        ([], 21, 1, SMALL),
        ([], 21, 2, LARGE),
        ([], 21, 8, LARGE),
        ([], 4, 4, LARGE),
        ([], 3.9, 8, SMALL),
        ([], 0.2, 1, SMALL),
        ([SMALL], 21, 8, SMALL),
        ([LARGE], 21, 2, LARGE),
        ([SMALL, LARGE], 21, 8, LARGE),
        ([SMALL, LARGE], 21, 2, LARGE),
        ([SMALL, LARGE], 21, 1, SMALL),
        ([SMALL, LARGE], 1.2, 8, SMALL),
        ([GEMMA], 21, 8, GEMMA),
        (["qwen2.5-coder-7b", LARGE], 40, 16, "qwen2.5-coder-7b"),
        (["qwen2.5-coder-7b", LARGE], 40, 4, LARGE),
        (["gemma-3-4b"], 40, 16, LARGE),
        ([GEMMA, LARGE], 21, 8, LARGE),
        ([GEMMA], 1.9, 8, SMALL),
        ([LARGE], 1, 8, SMALL),
        (["something-else"], 21, 8, LARGE),
    ],
)
def test_the_choice(installed: list[str], free_gb: float, cores: int, expected: str) -> None:
    assert choose_default(installed, int(free_gb * GB), cores).name == expected


@pytest.mark.parametrize(
    ("installed", "free_gb", "cores", "reason"),
    [
        (
            [LARGE],
            21,
            2,
            "qwen2.5-coder-1.5b: installed; needs {large} GB, 21 GB are free; 2 cores evaluate it at about",
        ),
        ([], 21, 2, "qwen2.5-coder-1.5b: needs {large} GB, 21 GB are free; 2 cores evaluate it at about 100 tokens/s."),
        (
            [],
            0.2,
            1,
            "qwen2.5-coder-0.5b: the smallest there is; needs {small} GB, 0.2 GB are free; 1 core evaluates it",
        ),
        (
            [],
            1.2,
            1,
            "qwen2.5-coder-0.5b: the smallest, and memory is tight; needs {small} GB, 1.2 GB are free; 1 core",
        ),
    ],
)
def test_the_reason_has_the_numbers(installed: list[str], free_gb: float, cores: int, reason: str) -> None:
    said = choose_default(installed, int(free_gb * GB), cores).reason
    assert said.startswith(reason.format(small="0.9", large="2.2"))


def test_a_gated_model_is_never_the_default_to_download() -> None:
    choices = {choose_default([], free * GB, cores).name for free in range(0, 64, 2) for cores in (1, 2, 4, 16)}
    assert choices == {SMALL, LARGE}


def test_this_machine_has_memory_and_cores() -> None:
    here = machine()
    assert here.free_memory_bytes > 0
    assert here.n_physical_cores >= 1
