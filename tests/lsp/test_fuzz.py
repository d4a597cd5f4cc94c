"""A short run of ``tests.fuzz.lsp_messages``: what no editor should send costs the next request nothing."""

from __future__ import annotations

import random

import pytest

from tests.fuzz import lsp_messages as fuzz


@pytest.mark.parametrize("seed", [1, 2])
def test_a_valid_request_is_answered_behind_whatever_came_before(seed: int) -> None:
    server, chance = fuzz.Server(), random.Random(seed)
    for burst in fuzz.BURSTS:
        for _ in range(4):
            data = burst(chance)
            server.send(data)
            server.complete()
            for number in fuzz.requests_in(data):
                server.answer_to(number)
    server.leave()


def test_a_message_of_a_hundred_megabytes_is_a_message() -> None:
    server = fuzz.Server()
    server.send(fuzz.large(random.Random(1), 100_000_000))
    server.complete()
    server.leave()


@pytest.mark.parametrize("name", fuzz.BROKEN_FRAMES)
def test_a_broken_frame_ends_the_server_with_a_sentence(name: str) -> None:
    fuzz.broken_frame(name)
