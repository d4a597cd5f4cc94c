"""The sandbox's parts by themselves: names, captured output, the filter, and what is said where none works."""

from __future__ import annotations

import asyncio
import errno
import platform
import re
import struct
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.sandbox import syscalls
from codeslm_lsp.sandbox.capture import Capture
from codeslm_lsp.sandbox.detect import detect, probe
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import Mechanism, mechanisms
from codeslm_lsp.sandbox.mounts import mount_options
from codeslm_lsp.sandbox.names import check_names
from codeslm_lsp.sandbox.workshop import Workshop
from codeslm_lsp.values import InputError, SandboxUnavailable
from tests.support.sandboxes import offered

ALLOW, KILL = 0x7FFF0000, 0x80000000
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
"""Where Debian's linux-libc-dev, which a compiler needs, has the kernel's own numbers."""


@pytest.mark.parametrize("names", [["a"], ["a/b", "a/c", "b"], ["..a", "a..", "a b/é.py"], ["./a"], ["a" * 255]])
def test_names_inside(names: list[str]) -> None:
    check_names(names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["/etc/passwd"], "leads out"),
        (["../a"], "leads out"),
        (["a/../../b"], "leads out"),
        (["a/.."], "leads out"),
        (["//a"], "leads out"),
        ([""], "cannot be the name"),
        (["."], "cannot be the name"),
        (["a/"], "cannot be the name"),
        (["a\0b"], "cannot be the name"),
        (["é" * 128], "cannot be the name"),
        (["a/" * 1600 + "a"], "cannot be the name"),
        (["a", "./a"], "given twice"),
        (["a/b", "a"], "a file and a folder"),
        (["a", "a/b/c"], "a file and a folder"),
    ],
)
def test_names_that_are_refused(names: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Workshop(dict.fromkeys(names, ""))


async def test_files_that_have_no_room_are_refused() -> None:
    mechanism = Mechanism("never started", ("false",))
    async with Workshop({"a": "x" * 2000}, Limits(disk_bytes=1000), mechanism=mechanism) as workshop:
        with pytest.raises(InputError, match="choose a smaller folder"):
            await workshop.run(["true"])


@pytest.mark.parametrize("folder", [Path.home(), Path.home().parent, Path("/"), Path("/etc"), Path("/tmp")])
def test_private_folders_are_not_shown(folder: Path) -> None:
    with pytest.raises(InputError, match="cannot be shown"):
        mount_options([folder], 1)


@given(st.lists(st.binary(min_size=1, max_size=30), max_size=12), st.integers(2, 60))
def test_output_is_kept_at_both_ends(pieces: list[bytes], limit: int) -> None:
    kept, whole = _captured(pieces, limit)
    text = b"".join(pieces)
    half = limit // 2
    if len(text) <= 2 * half:
        assert (kept, whole.is_cut) == (text, False)
    else:
        gap = f"\n[{len(text) - 2 * half} bytes of output are left out here]\n".encode()
        assert (kept, whole.is_cut) == (text[:half] + gap + text[-half:], True)


def _captured(pieces: list[bytes], limit: int) -> tuple[bytes, Capture]:
    async def read() -> Capture:
        stream = asyncio.StreamReader()
        capture = Capture(limit, lambda: None)
        reading = asyncio.create_task(capture.read(stream))
        for piece in pieces:
            stream.feed_data(piece)
            await asyncio.sleep(0)
        stream.feed_eof()
        await reading
        return capture

    capture = asyncio.run(read())
    return capture.text(), capture


@pytest.mark.parametrize(("machine", "header"), [each for each in HEADERS.items() if each[1].exists()])
def test_the_numbers_are_the_kernels(machine: str, header: Path) -> None:
    text = header.read_text()
    column = list(syscalls.AUDIT_ARCHES).index(machine)
    special = {"clone": syscalls.CLONE, "clone3": syscalls.CLONE3, "socket": syscalls.SOCKET}
    special |= {"socketpair": syscalls.SOCKETPAIR, "ioctl": syscalls.IOCTL}
    for name, numbers in {**syscalls.REFUSED, **special}.items():
        found = re.search(rf"#define __NR(?:3264)?_{name}\s+(\d+)", text)
        assert (int(found.group(1)) if found else None) == numbers[column], name


@pytest.mark.parametrize("machine", syscalls.AUDIT_ARCHES)
def test_what_the_filter_refuses(machine: str) -> None:
    arch = syscalls.AUDIT_ARCHES[machine]
    column = list(syscalls.AUDIT_ARCHES).index(machine)

    def verdict(number: int | None, *arguments: int, arch: int = arch) -> int:
        assert number is not None
        return _verdict(syscalls.seccomp_filter(machine), arch, number, arguments)

    refused = [numbers[column] for numbers in syscalls.REFUSED.values() if numbers[column] is not None]
    assert {verdict(number) for number in refused} == {0x50000 | errno.EPERM}
    others = set(range(460)) - {*refused, syscalls.CLONE3[column]}
    others -= {call[column] for call in (syscalls.SOCKET, syscalls.SOCKETPAIR)}
    assert {verdict(number) for number in others} == {ALLOW}
    assert verdict(syscalls.CLONE3[column]) == 0x50000 | errno.ENOSYS
    assert verdict(syscalls.CLONE[column], 0x3D0F00) == ALLOW  # What the C library starts a thread with.
    assert verdict(syscalls.CLONE[column], 0x10000011) == 0x50000 | errno.EPERM
    families = {family for family in range(50) if verdict(syscalls.SOCKET[column], family) == ALLOW}
    assert families == {1, 2, 10}
    assert verdict(syscalls.IOCTL[column], 0, 0x5401) == ALLOW
    assert verdict(syscalls.IOCTL[column], 0, 0x5412) == 0x50000 | errno.EPERM
    assert verdict(0, arch=0x40000003) == KILL  # The 32-bit calls of i386.
    assert verdict(0x40000000) == 0x50000 | errno.ENOSYS


def _verdict(program: bytes, arch: int, number: int, arguments: tuple[int, ...]) -> int:
    """What a kernel would do: the five operations that the filter uses, over ``struct seccomp_data``."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    lines = list(struct.iter_unpack("=HBBI", program))
    at = value = 0
    while True:
        code, if_true, if_false, operand = lines[at]
        at += 1
        if code == 0x20:
            value = struct.unpack_from("<I", data, operand)[0]
        elif code == 0x06:
            return int(operand)
        else:
            test = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += if_true if test else if_false


@pytest.mark.parametrize(
    ("system", "machine", "said"),
    [
        ("darwin", "arm64", "use a Linux machine"),
        ("win32", "AMD64", "use WSL 2"),
        ("linux", "riscv64", "use another machine"),
    ],
)
def test_other_systems_are_refused(system: str, machine: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(SandboxUnavailable, match=f"nothing was run; {said}"):
        mechanisms()


async def test_what_is_there_is_found() -> None:
    if offered():
        found = await detect()
        assert found == offered()[0]
        assert found.name in found.guarantee
    else:
        with pytest.raises(SandboxUnavailable, match=r"(?i)bubblewrap|linux"):
            await detect()


@pytest.mark.parametrize("command", [("/no/such/program",), ("false",), ("sh", "-c", "echo reason >&2; exit 1")])
async def test_a_mechanism_that_does_not_work_runs_nothing(command: tuple[str, ...]) -> None:
    async with Workshop({}, mechanism=Mechanism("broken", command)) as workshop:
        with pytest.raises(SandboxUnavailable, match="so nothing was run"):
            await workshop.run(["true"])


BUBBLEWRAPS = [mechanism for mechanism in offered() if mechanism.name == "bubblewrap"]


@pytest.mark.parametrize("mechanism", BUBBLEWRAPS, ids=["bubblewrap"] * len(BUBBLEWRAPS))
async def test_a_wall_that_is_missing_is_noticed(mechanism: Mechanism) -> None:
    await probe(mechanism)
    without = tuple(word for word in mechanism.command if word != "--unshare-net")
    with pytest.raises(SandboxUnavailable, match="a network of its own"):
        await probe(replace(mechanism, command=without))
