"""A GGUF file → its header: metadata and where every tensor lies, read without the tensors themselves.

The file may come from anywhere, and llama.cpp ends the whole process on some damaged ones, so nothing in it is
believed: every length is checked against the bytes that are there before anything is made from it. Format:
``docs/gguf.md`` of https://github.com/ggml-org/ggml, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import mmap
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import overload

from codeslm_lsp.values import ModelDamaged, ModelNotFound

MetadataValue = str | int | float | bool | Sequence[str] | Sequence[int] | Sequence[float] | Sequence[bool]
"""Arrays of numbers are ``array.array``, arrays of strings ``Texts``, those of truth values tuples."""

MAX_TENSORS = 1 << 16
"""The largest public models have a few thousand tensors."""
MAX_METADATA = 1 << 16
"""Models have some dozens of entries."""
MAX_ELEMENTS = 1 << 22
"""Elements of all metadata lists together: sixteen times the largest vocabulary in use (262,144)."""
MAX_HEADER_BYTES = 1 << 28
"""A header of 262,144 tokens with scores and merges has about 16 million bytes."""
MAX_DIMENSIONS = 4
"""``GGML_MAX_DIMS`` in ggml.h."""
MAX_NAME_BYTES = 1 << 16
"""The format's own limit for a metadata key; tensor names are shorter still."""

_DEFAULT_ALIGNMENT = 32
_STRING, _ARRAY, _BOOL = 8, 9, 7
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
"""``gguf_metadata_value_type`` → the ``struct`` and ``array`` code of its numbers."""

BLOCKS: Mapping[int, tuple[str, int, int]] = MappingProxyType(
    {
        0: ("F32", 1, 4),
        1: ("F16", 1, 2),
        2: ("Q4_0", 32, 18),
        3: ("Q4_1", 32, 20),
        6: ("Q5_0", 32, 22),
        7: ("Q5_1", 32, 24),
        8: ("Q8_0", 32, 34),
        9: ("Q8_1", 32, 40),
        10: ("Q2_K", 256, 84),
        11: ("Q3_K", 256, 110),
        12: ("Q4_K", 256, 144),
        13: ("Q5_K", 256, 176),
        14: ("Q6_K", 256, 210),
        15: ("Q8_K", 256, 292),
        16: ("IQ2_XXS", 256, 66),
        17: ("IQ2_XS", 256, 74),
        18: ("IQ3_XXS", 256, 98),
        19: ("IQ1_S", 256, 50),
        20: ("IQ4_NL", 32, 18),
        21: ("IQ3_S", 256, 110),
        22: ("IQ2_S", 256, 82),
        23: ("IQ4_XS", 256, 136),
        24: ("I8", 1, 1),
        25: ("I16", 1, 2),
        26: ("I32", 1, 4),
        27: ("I64", 1, 8),
        28: ("F64", 1, 8),
        29: ("IQ1_M", 256, 56),
        30: ("BF16", 1, 2),
        34: ("TQ1_0", 256, 54),
        35: ("TQ2_0", 256, 66),
        39: ("MXFP4", 32, 17),
        40: ("NVFP4", 64, 36),
        41: ("Q1_0", 128, 18),
    }
)
"""``ggml_type`` → name, elements in one block, bytes of one block (``type_traits`` in ggml.c)."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor. ``shape`` is innermost dimension first; ``offset`` counts from the header's ``data_offset``."""

    name: str
    shape: tuple[int, ...]
    type: str
    offset: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What a GGUF file says of itself. A complete file has at least ``min_file_bytes``."""

    version: int
    metadata: Mapping[str, MetadataValue]
    tensors: tuple[Tensor, ...]
    data_offset: int
    min_file_bytes: int

    @property
    def n_tensors(self) -> int:
        return len(self.tensors)

    @property
    def architecture(self) -> str:
        """``general.architecture``, such as ``"qwen2"``; ``""`` when the file does not say."""
        value = self.metadata.get("general.architecture", "")
        return value if isinstance(value, str) else ""


def read_header(path: Path) -> GgufHeader:
    """Read the header of ``path``; a complete file's tensors reach to its end, and that is checked too.

    Raises ``ModelNotFound`` when there is no such file and ``ModelDamaged`` when it is not a whole GGUF.
    """
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                raise _Damage("is empty")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _read(data)
    except _Damage as damage:
        message = f"{path} {damage}; pull it again with `codeslm models pull NAME`."
        raise ModelDamaged(message) from None
    except (FileNotFoundError, NotADirectoryError):
        message = f"There is no file {path}; `codeslm models list` shows the models that can be had."
        raise ModelNotFound(message) from None
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read ({error}); check that it is a file and that you may read it."
        raise ModelDamaged(message) from None


class Texts(Sequence[str]):
    """The strings of a list, as they lie in the file: a vocabulary as objects would take ten times as much memory.

    ``data`` holds each as a 64-bit length and its bytes; ``starts`` says where, and last where ``data`` ends.
    """

    def __init__(self, data: bytes, starts: array[int]) -> None:
        self._data = data
        self._starts = starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return tuple(self[number] for number in range(*place.indices(len(self))))
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(place)
        return self._data[self._starts[number] + 8 : self._starts[number + 1]].decode("utf-8", "replace")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(str.__eq__, self, other))

    __hash__ = None  # type: ignore[assignment]  # As of lists: nobody needs it, and it would take long.

    def find(self, text: str) -> int | None:
        """Where exactly this string first stands."""
        encoded = text.encode("utf-8", "surrogatepass")
        wanted = struct.pack("<Q", len(encoded)) + encoded
        position = self._data.find(wanted)
        while position >= 0:
            number = bisect_left(self._starts, position)
            if self._starts[number] == position and number < len(self):
                return number
            position = self._data.find(wanted, position + 1)
        return None


class _Damage(Exception):
    """What is wrong with the file: the sentence's part after its name."""


class _Reader:
    """A position in the file's bytes that never passes their end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.size = min(len(data), MAX_HEADER_BYTES)
        self.position = 0
        self.n_elements = 0

    def skip(self, n_bytes: int) -> int:
        """Claim the next ``n_bytes`` and return where they start."""
        start = self.position
        if n_bytes > self.size - start:
            raise self.overrun()
        self.position = start + n_bytes
        return start

    def overrun(self) -> _Damage:
        if self.size < len(self.data):
            return _Damage("is damaged: its header is longer than any model's")
        return _Damage("is cut short: its header goes on after the end of the file")

    def number(self, code: str) -> int | float:
        value: int | float = struct.unpack_from("<" + code, self.data, self.skip(struct.calcsize("<" + code)))[0]
        return value

    def count(self, code: str, limit: int, what: str) -> int:
        value = int(self.number(code))
        if value > limit:
            raise _Damage(f"is damaged: it claims to have {value:,} {what}, more than any model has")
        return value

    def name(self) -> str:
        length = self.count("Q", MAX_NAME_BYTES, "bytes in one name")
        return self._text(length)

    def text(self) -> str:
        return self._text(int(self.number("Q")))

    def _text(self, length: int) -> str:
        start = self.skip(length)
        return self.data[start : start + length].decode("utf-8", errors="replace")

    def texts(self, n_texts: int) -> Texts:
        """``n_texts`` strings, each a 64-bit length and its bytes; the hot loop: a vocabulary has 150,000 of them."""
        if n_texts * 8 > self.size - self.position:
            raise self.overrun()
        length_at = struct.Struct("<Q").unpack_from
        data, size, position = self.data, self.size, self.position
        first, starts = position, array("Q", [0])
        for _ in range(n_texts):
            start = position + 8
            if start > size:
                raise self.overrun()
            position = start + length_at(data, position)[0]
            if position > size:
                raise self.overrun()
            starts.append(position - first)
        self.position = position
        return Texts(data[first:position], starts)

    def numbers(self, code: str, n_numbers: int) -> array[int] | array[float]:
        start = self.skip(n_numbers * struct.calcsize("<" + code))
        numbers: array[int] | array[float] = array(code)
        if numbers.itemsize != struct.calcsize("<" + code):
            # ``array`` uses C's own sizes; "I" and "Q" have the format's on every platform that Python 3.11 supports.
            raise _Damage("cannot be read on this platform")
        numbers.frombytes(self.data[start : self.position])
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers

    def value(self) -> MetadataValue:
        kind = int(self.number("I"))
        if kind == _STRING:
            return self.text()
        if kind == _BOOL:
            return bool(self.number("B"))
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind != _ARRAY:
            raise _Damage(f"is damaged: its metadata has a value of the unknown type {kind}")
        element = int(self.number("I"))
        n_elements = self.count("Q", MAX_ELEMENTS - self.n_elements, "values in a metadata list")
        self.n_elements += n_elements
        if element == _STRING:
            return self.texts(n_elements)
        if element == _BOOL:
            return tuple(bool(number) for number in self.numbers("B", n_elements))
        if element in _SCALARS:
            return self.numbers(_SCALARS[element], n_elements)
        # The format allows lists of lists; no model has one, and reading them would recurse as deep as the file likes.
        raise _Damage(f"is damaged: its metadata has a list of the unknown type {element}")


def _read(data: mmap.mmap) -> GgufHeader:
    reader = _Reader(data)
    if data[:4] != b"GGUF":
        raise _Damage("is not a GGUF file")
    reader.skip(4)
    version = int(reader.number("I"))
    if version not in (2, 3):
        if int.from_bytes(version.to_bytes(4, "big"), "little") in (2, 3):
            raise _Damage("is a big-endian GGUF file, made for other machines")
        raise _Damage(f"is a GGUF file of version {version}, and only versions 2 and 3 can be read")
    n_tensors = reader.count("Q", MAX_TENSORS, "tensors")
    n_metadata = reader.count("Q", MAX_METADATA, "metadata entries")
    metadata: dict[str, MetadataValue] = {}
    for _ in range(n_metadata):
        key = reader.name()
        metadata[key] = reader.value()
    tensors = tuple(_tensor(reader) for _ in range(n_tensors))
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or not 0 < alignment <= MAX_NAME_BYTES or alignment % 8:
        raise _Damage(f"is damaged: its alignment is {alignment!r:.20}, which is not a multiple of 8")
    data_offset = -(-reader.position // alignment) * alignment
    min_file_bytes = data_offset + max((tensor.offset + tensor.size_bytes for tensor in tensors), default=0)
    if tensors and min_file_bytes > len(data):
        raise _Damage(f"is cut short: {len(data):,} of at least {min_file_bytes:,} bytes are there")
    return GgufHeader(version, MappingProxyType(metadata), tensors, data_offset, min_file_bytes)


def _tensor(reader: _Reader) -> Tensor:
    name = reader.name()
    n_dimensions = reader.count("I", MAX_DIMENSIONS, "dimensions of one tensor")
    shape = tuple(int(reader.number("Q")) for _ in range(n_dimensions))
    type_id = int(reader.number("I"))
    offset = int(reader.number("Q"))
    if type_id not in BLOCKS:
        raise _Damage(f"has a tensor of the unknown type {type_id}: it is damaged, or newer than this program")
    type_name, block_elements, block_bytes = BLOCKS[type_id]
    if shape and shape[0] % block_elements:
        raise _Damage(f"is damaged: a row of {shape[0]:,} elements is not made of whole {type_name} blocks")
    return Tensor(name, shape, type_name, offset, prod(shape) // block_elements * block_bytes)
