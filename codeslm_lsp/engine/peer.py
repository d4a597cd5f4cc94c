"""A fresh connection → the certainty that the other end is this user's codeslm, before anything of it is believed.

Where the system tells whose process is at the other end of a Unix socket, that has to be this user. And each end proves
that it knows the secret of the card, without saying it, so that nothing is told to whoever got an old engine's port.
"""

from __future__ import annotations

import asyncio
import ctypes
import hmac
import os
import secrets
import socket
import struct
import sys

PATIENCE_S = 5.0
"""Both ends answer at once; a busy machine may need a moment."""

ENGINE = b"codeslm engine"
CLIENT = b"codeslm client"
"""Who speaks. What one end has said proves nothing when it comes back."""

_NONCE_BYTES = 32
_PROOF_BYTES = 32


class Stranger(Exception):
    """The other end is not this user's codeslm."""


async def greet(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: str, *, own: bytes, other: bytes
) -> None:
    """Prove to each other that both know the secret: ``nonce``, then the HMAC-SHA256 of who speaks and both nonces.

    Raises ``Stranger``.
    """
    if (uid := peer_uid(writer.get_extra_info("socket"))) is not None and uid != os.getuid():
        raise Stranger(f"its user has the number {uid}")
    mine = secrets.token_bytes(_NONCE_BYTES)
    writer.write(mine)
    try:
        async with asyncio.timeout(PATIENCE_S):
            theirs = await reader.readexactly(_NONCE_BYTES)
            writer.write(_proof(secret, own, mine, theirs))
            proof = await reader.readexactly(_PROOF_BYTES)
    except (OSError, asyncio.IncompleteReadError):  # A timeout is an OSError.
        raise Stranger("it did not say who it is") from None
    if not hmac.compare_digest(proof, _proof(secret, other, theirs, mine)):
        raise Stranger("it does not know the secret")


def peer_uid(connection: socket.socket) -> int | None:
    """The user of the process at the other end of a Unix socket; None where the system does not tell."""
    if sys.platform == "win32" or connection.family != socket.AF_UNIX:
        return None
    if hasattr(socket, "SO_PEERCRED"):  # Linux, unix(7): pid, uid, gid.
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", credentials)[1])
    return _peer_uid_of_bsd(connection)


def _peer_uid_of_bsd(connection: socket.socket) -> int | None:
    """``getpeereid(3)`` of macOS and the BSDs, which Python does not have."""
    getpeereid = getattr(ctypes.CDLL(None), "getpeereid", None)
    uid, gid = ctypes.c_uint32(), ctypes.c_uint32()
    if getpeereid is None or getpeereid(connection.fileno(), ctypes.byref(uid), ctypes.byref(gid)) != 0:
        return None
    return uid.value


def _proof(secret: str, speaker: bytes, own_nonce: bytes, other_nonce: bytes) -> bytes:
    return hmac.digest(secret.encode(), speaker + own_nonce + other_nonce, "sha256")
