"""An evaluated prompt ⇄ the bytes of one file, verified before anybody believes them. Knows nothing of llama.cpp.

    magic, version, sizes │ model │ digest of state │ tokens │ digest of all before │ state
    └──────────────────────────── head ─────────────────────────────────────────────┘

The head is read alone when a folder is searched; the state, some ten megabytes, only when it is wanted.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"CODESLMS"
VERSION = 1
DIGEST_BYTES = 32
MAX_TOKENS = 1_000_000
"""The largest context window that the settings allow: a head that claims more tokens is not read."""

_FIXED = struct.Struct(f"<{len(MAGIC)}sIIQ{DIGEST_BYTES}s{DIGEST_BYTES}s")
"""Magic, version, number of tokens, bytes of state, model, digest of the state."""

State = bytes | memoryview
"""What llama.cpp makes of a sequence, and takes back."""


class Damaged(Exception):
    """The file is not one of ours, not of this version or model, or not as it was written."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a file holds. ``model`` names whatever decides what a state means, in ``DIGEST_BYTES`` bytes."""

    model: bytes
    tokens: tuple[int, ...]
    n_state_bytes: int
    state_digest: bytes

    @property
    def n_bytes(self) -> int:
        """Size of the head itself."""
        return _FIXED.size + 4 * len(self.tokens) + DIGEST_BYTES


def head_of(model: bytes, tokens: Sequence[int], state: State) -> Head:
    """The head of a file that is to hold ``state``."""
    return Head(model, tuple(tokens), len(state), digest(state))


def pack_head(head: Head) -> bytes:
    """What stands in the file before the state."""
    n_tokens = len(head.tokens)
    fixed = _FIXED.pack(MAGIC, VERSION, n_tokens, head.n_state_bytes, head.model, head.state_digest)
    packed = fixed + struct.pack(f"<{n_tokens}i", *head.tokens)
    return packed + digest(packed)


def read_head(file: BinaryIO, n_file_bytes: int, model: bytes) -> Head:
    """The head of a file of ``model`` that is ``n_file_bytes`` long. Raises ``Damaged``."""
    fixed = file.read(_FIXED.size)
    if len(fixed) < _FIXED.size:
        raise Damaged("it is too short")
    magic, version, n_tokens, n_state_bytes, found_model, state_digest = _FIXED.unpack(fixed)
    if magic != MAGIC or version != VERSION or found_model != model:
        raise Damaged("it is of another program, version or model")
    if n_tokens > MAX_TOKENS or n_file_bytes != _FIXED.size + 4 * n_tokens + DIGEST_BYTES + n_state_bytes:
        raise Damaged("its size is not what it says")
    packed_tokens = file.read(4 * n_tokens)
    if file.read(DIGEST_BYTES) != digest(fixed + packed_tokens):
        raise Damaged("its head is not as it was written")
    return Head(model, struct.unpack(f"<{n_tokens}i", packed_tokens), n_state_bytes, state_digest)


def read_state(file: BinaryIO, head: Head) -> bytes:
    """The state behind a head that was read before. Raises ``Damaged``."""
    file.seek(head.n_bytes)
    state = file.read(head.n_state_bytes)
    if digest(state) != head.state_digest:
        raise Damaged("its state is not as it was written")
    return state


def digest(data: State) -> bytes:
    """BLAKE2b (RFC 7693) of ``data``: 40 ms for the 28 MB of a thousand tokens, without the interpreter's lock."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()
