"""llama.cpp as it was compiled here → what of this processor it uses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import llama_cpp

CPUINFO = Path("/proc/cpuinfo")

WORTH: Mapping[str, str] = MappingProxyType(
    {"avx2": "AVX2", "f16c": "F16C", "fma": "FMA", "avx512f": "AVX512", "avx512_vnni": "AVX512_VNNI"}
)
"""Flags of Linux's ``/proc/cpuinfo`` that make evaluation quicker → what llama.cpp calls them."""


def used_features() -> frozenset[str]:
    """The processor's features that the build uses, in llama.cpp's own words (``llama_print_system_info``)."""
    said = llama_cpp.llama_print_system_info().decode()
    return frozenset(re.findall(r"(\w+) = 1", said))


def unused_features(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """What the processor has and the build does not use; nothing where that is not known (not Linux, not x86)."""
    try:
        found = re.search(r"^flags\s*: (.*)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        return frozenset()
    flags = set(found[1].split()) if found else set()
    return frozenset(name for flag, name in WORTH.items() if flag in flags) - used_features()
