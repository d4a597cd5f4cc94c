"""System calls that a tested program has no business with → a seccomp filter (a classic BPF program) that refuses them.

The namespaces are the walls. The filter takes away what has most often been used to get through them: more namespaces,
mounts, tracing, keys, kernel programs, io_uring, and memory that no limit counts. Formats: ``seccomp(2)``,
``linux/filter.h``, ``linux/audit.h``; numbers: ``asm/unistd_64.h`` and ``asm-generic/unistd.h``.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator

AUDIT_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""``AUDIT_ARCH_X86_64`` and ``AUDIT_ARCH_AARCH64``; by the names of ``uname -m``."""

X32_BIT = 0x40000000
"""``__X32_SYSCALL_BIT``: the same processor's other numbers for the same calls."""

REFUSED = {
    # name: (x86_64, aarch64); None where there is no such call.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "fanotify_init": (300, 262),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    # Memory that belongs to no process and no folder, so that nobody counts it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "mq_open": (240, 180),
}
CLONE, CLONE3, SOCKET, SOCKETPAIR, IOCTL = (56, 220), (435, 435), (41, 198), (53, 199), (16, 29)

NAMESPACE_FLAGS = 0x7E020000
"""``CLONE_NEWNS``, ``…CGROUP``, ``…UTS``, ``…IPC``, ``…USER``, ``…PID`` and ``…NET`` (``linux/sched.h``)."""

FAMILIES = (1, 2, 10)
"""``AF_UNIX``, ``AF_INET`` and ``AF_INET6``, which reach no further than the sandbox."""

TERMINAL_REQUESTS = (0x5412, 0x541C)
"""``TIOCSTI`` and ``TIOCLINUX``, which type into somebody's terminal."""

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH = 0, 4


def seccomp_filter(machine: str) -> bytes:
    """The filter for this processor: consecutive ``struct sock_filter``. Raises ``KeyError`` for an unknown one."""
    arch = AUDIT_ARCHES[machine]
    column = list(AUDIT_ARCHES).index(machine)
    return b"".join(struct.pack("=HBBI", *line) for line in _lines(arch, column))


def _lines(arch: int, column: int) -> Iterator[tuple[int, int, int, int]]:
    """Each is an operation, how many lines to skip if its test is true, if it is false, and its operand."""
    yield _LOAD, 0, 0, _ARCH
    yield _EQUAL, 1, 0, arch
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _AT_LEAST, 0, 1, X32_BIT
    yield _RETURN, 0, 0, _ERROR | errno.ENOSYS
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            yield _EQUAL, 0, 1, number
            yield _RETURN, 0, 0, _ERROR | errno.EPERM
    # Its flags lie in memory, where no filter sees them; the C library goes back to `clone` when there is none.
    yield _EQUAL, 0, 1, CLONE3[column]
    yield _RETURN, 0, 0, _ERROR | errno.ENOSYS
    yield _EQUAL, 0, 4, CLONE[column]
    yield _LOAD, 0, 0, _argument(0)
    yield _ANY_BIT, 0, 1, NAMESPACE_FLAGS
    yield _RETURN, 0, 0, _ERROR | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW
    for call in (SOCKET, SOCKETPAIR):
        yield _EQUAL, 0, 2 + 2 * len(FAMILIES), call[column]
        yield _LOAD, 0, 0, _argument(0)
        for family in FAMILIES:
            yield _EQUAL, 0, 1, family
            yield _RETURN, 0, 0, _ALLOW
        yield _RETURN, 0, 0, _ERROR | errno.EAFNOSUPPORT
    yield _EQUAL, 0, 1 + 2 * len(TERMINAL_REQUESTS), IOCTL[column]
    yield _LOAD, 0, 0, _argument(1)
    for request in TERMINAL_REQUESTS:
        yield _EQUAL, 0, 1, request
        yield _RETURN, 0, 0, _ERROR | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW


def _argument(index: int) -> int:
    """Where the lower half of an argument lies in ``struct seccomp_data``, on a little-endian machine."""
    return 16 + 8 * index
