"""Headers of GGUF files: what a good one says, and the one sentence that every bad one gets."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import gguf
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codeslm_lsp.models.gguf import BLOCKS, GgufHeader, Texts, read_header
from codeslm_lsp.values import ModelDamaged, ModelError, ModelNotFound
from tests.support import tiny_gguf


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    tiny_gguf.write_bpe_model(path, words=["def"], n_embd=32, extra_metadata={"test.numbers": [1.5, 2.5]})
    return path


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def header(*, version: int = 3, n_tensors: int = 0, n_metadata: int = 0, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_metadata) + rest


def damage(tmp_path: Path, data: bytes) -> str:
    """What the user is told about a file of these bytes."""
    path = tmp_path / "bad.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelDamaged) as caught:
        read_header(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "codeslm models pull" in message
    return message


def test_reads_what_the_gguf_package_wrote(tiny: Path) -> None:
    ours = read_header(tiny)
    theirs = gguf.GGUFReader(tiny)
    assert ours.version == 3
    assert ours.architecture == "qwen2"
    assert ours.n_tensors == len(theirs.tensors)
    for tensor, expected in zip(ours.tensors, theirs.tensors, strict=True):
        assert tensor.name == expected.name
        assert list(tensor.shape) == list(expected.shape)
        assert tensor.type == expected.tensor_type.name
        assert tensor.size_bytes == expected.n_bytes
        assert ours.data_offset + tensor.offset == expected.data_offset
    fields = {name: field for name, field in theirs.fields.items() if not name.startswith("GGUF.")}
    assert set(ours.metadata) == set(fields)
    for name, field in fields.items():
        value = ours.metadata[name]
        assert (list(value) if isinstance(value, (tuple, array)) else value) == field.contents()
    assert ours.min_file_bytes <= tiny.stat().st_size < ours.min_file_bytes + 32


def test_every_tensor_type_of_the_gguf_package_is_known() -> None:
    assert {kind.value: (kind.name, *sizes) for kind, sizes in gguf.GGML_QUANT_SIZES.items()} == dict(BLOCKS)


def test_version_2_is_read(tmp_path: Path) -> None:
    path = tmp_path / "v2.gguf"
    path.write_bytes(header(version=2, n_metadata=1, rest=text("a") + struct.pack("<I", 8) + text("ä")))
    assert read_header(path) == GgufHeader(2, {"a": "ä"}, (), 64, 64)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="There is no file"):
        read_header(tmp_path / "none.gguf")


def test_a_folder_is_told_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ModelDamaged, match="cannot be read"):
        read_header(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    assert "is empty" in damage(tmp_path, b"")


@pytest.mark.parametrize("data", [b"G", b"PK\x03\x04 zip", b"<html>error 404</html>" * 100])
def test_another_file_type(tmp_path: Path, data: bytes) -> None:
    assert "is not a GGUF file" in damage(tmp_path, data)


def test_another_version(tmp_path: Path) -> None:
    assert "version 1" in damage(tmp_path, header(version=1))


def test_a_big_endian_file(tmp_path: Path) -> None:
    assert "big-endian" in damage(tmp_path, b"GGUF" + struct.pack(">IQQ", 3, 0, 0))


def test_truncated_tensor_data(tmp_path: Path, tiny: Path) -> None:
    whole = tiny.read_bytes()
    assert "is cut short" in damage(tmp_path, whole[: read_header(tiny).min_file_bytes - 1])


def test_truncated_header(tmp_path: Path, tiny: Path) -> None:
    whole = tiny.read_bytes()
    for length in range(4, read_header(tiny).data_offset, 97):
        assert "is cut short" in damage(tmp_path, whole[:length])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(header(n_tensors=2**63), id="tensors"),
        pytest.param(header(n_metadata=2**63), id="metadata"),
        pytest.param(header(n_metadata=1, rest=struct.pack("<Q", 2**62) + b"key"), id="key"),
        pytest.param(header(n_metadata=1, rest=text("k") + struct.pack("<IQ", 8, 2**63)), id="string"),
        pytest.param(header(n_metadata=1, rest=text("k") + struct.pack("<IIQ", 9, 8, 2**60)), id="strings"),
        pytest.param(header(n_metadata=1, rest=text("k") + struct.pack("<IIQ", 9, 8, 2**20)), id="strings-short"),
        pytest.param(header(n_metadata=1, rest=text("k") + struct.pack("<IIQ", 9, 6, 2**22)), id="numbers"),
        pytest.param(header(n_metadata=1, rest=text("k") + struct.pack("<IIQ", 9, 9, 1)), id="nested"),
        pytest.param(header(n_metadata=1, rest=text("k") + struct.pack("<I", 77)), id="value-type"),
        pytest.param(header(n_tensors=1, rest=text("t") + struct.pack("<I", 9)), id="dimensions"),
        pytest.param(header(n_tensors=1, rest=text("t") + struct.pack("<IQIQ", 1, 8, 99, 0)), id="tensor-type"),
        pytest.param(header(n_tensors=1, rest=text("t") + struct.pack("<IQIQ", 1, 33, 2, 0)), id="half-a-block"),
        pytest.param(header(n_tensors=1, rest=text("t") + struct.pack("<IQIQ", 1, 2**63, 0, 2**63)), id="huge-tensor"),
        pytest.param(
            header(n_metadata=1, rest=text("general.alignment") + struct.pack("<II", 4, 0)), id="alignment-zero"
        ),
    ],
)
def test_absurd_claims_are_refused_before_anything_is_made_of_them(tmp_path: Path, data: bytes) -> None:
    damage(tmp_path, data)


@settings(max_examples=300, deadline=timedelta(seconds=2), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_done_to_a_file_only_model_errors_come_out(tmp_path: Path, tiny: Path, data: st.DataObject) -> None:
    whole = bytearray(tiny.read_bytes())
    n_header = read_header(tiny).data_offset
    for position in data.draw(st.lists(st.integers(0, n_header - 1), max_size=8), label="flipped"):
        whole[position] = data.draw(st.integers(0, 255))
    length = data.draw(st.one_of(st.just(len(whole)), st.integers(0, len(whole))), label="length")
    path = tmp_path / "fuzzed.gguf"
    path.write_bytes(whole[:length])
    try:
        read = read_header(path)
    except ModelError:
        return
    assert read.min_file_bytes <= max(length, read.data_offset)


def laid_out(texts: Sequence[str]) -> Texts:
    """As they lie in a file."""
    data, starts = b"", array("Q", [0])
    for each in texts:
        data += text(each)
        starts.append(len(data))
    return Texts(data, starts)


@given(st.lists(st.text(st.sampled_from("\0\1\2ab é😀"), max_size=12), max_size=12), st.text("\0\1\2ab é", max_size=3))
def test_texts_are_as_a_list_of_them(texts: list[str], other: str) -> None:
    """Also where a text holds what looks like the length of another one, and its bytes."""
    found = laid_out(texts)
    assert (list(found), len(found), found == texts, found == [*texts, ""]) == (texts, len(texts), True, False)
    assert (list(found[1:-1]), list(found[::-2])) == (texts[1:-1], texts[::-2])
    for each in (*texts, other, *(each[1:] for each in texts)):
        assert found.find(each) == (texts.index(each) if each in texts else None)
    for place in (len(texts), -len(texts) - 1):
        with pytest.raises(IndexError):
            found[place]
