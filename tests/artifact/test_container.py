"""A model file comes back as it was written, and a bad one gets one clear line."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load

from synthgen.artifact import container
from synthgen.errors import InputError, SynthgenError

DOCUMENTS: dict[str, Any] = {"schema": {"z": 1, "a": ["Å", None, {"x": 0.1}]}, "model-options": {}}
ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "weights": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "flags": np.array([True, False, True]),
    "codes": np.array([[1, -2]], dtype=np.int16),
    "empty": np.zeros((0, 4)),
    "scalar": np.array(2**63, dtype=np.uint64),
}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    container.write(tmp_path / "model", DOCUMENTS, ARRAYS)
    return tmp_path / "model"


def assert_same(path: Path) -> None:
    documents, arrays = container.read(path)
    assert documents == DOCUMENTS
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        np.testing.assert_array_equal(arrays[name], array)


def repack(path: Path, change: Callable[[dict[str, bytes]], None], *, vouch: bool = True) -> None:
    """Change members and, unless told not to, let the manifest vouch for what they became."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if vouch:
        manifest = json.loads(members["manifest.json"])
        manifest["members"] = [
            {"name": name, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
            if name != "manifest.json"
        ]
        members["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def refused(path: Path, found: str) -> None:
    with pytest.raises(InputError, match=found) as caught:
        container.read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "; " in message
    assert "\n" not in message


def test_what_is_written_comes_back(model: Path) -> None:
    assert_same(model)
    assert list(container.read(model)[0]["schema"]) == ["z", "a"]


def test_arrays_are_ordinary_safetensors(model: Path) -> None:
    with zipfile.ZipFile(model) as archive:
        assert sorted(archive.namelist()) == [
            "arrays.safetensors",
            "manifest.json",
            "model-options.json",
            "schema.json",
        ]
        np.testing.assert_array_equal(load(archive.read("arrays.safetensors"))["weights"], ARRAYS["weights"])


def test_the_same_content_gives_the_same_bytes(model: Path, tmp_path: Path) -> None:
    container.write(tmp_path / "again", dict(reversed(DOCUMENTS.items())), dict(reversed(ARRAYS.items())))
    assert (tmp_path / "again").read_bytes() == model.read_bytes()


def test_arrays_may_be_changed_after_reading(model: Path) -> None:
    container.read(model)[1]["codes"][0, 0] = 5


def test_content_that_deflates_to_nothing_is_readable(tmp_path: Path) -> None:
    container.write(tmp_path / "model", {"x": {"zeros": [0] * 500_000}}, {"zeros": np.zeros(3_000_000)})
    assert not container.read(tmp_path / "model")[1]["zeros"].any()


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('aå"\\[{')
)
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from(["a", "b-1", "c_2"]), st.dictionaries(st.text(), trees)))
def test_any_json_comes_back(tmp_path_factory: pytest.TempPathFactory, documents: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("json") / "model"
    container.write(path, documents, {})
    assert container.read(path) == (documents, {})


# --- writing is all or nothing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    model: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail(descriptor: int) -> None:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((KeyboardInterrupt, SynthgenError)):
        container.write(model, {}, {})
    monkeypatch.undo()
    assert_same(model)
    assert os.listdir(model.parent) == ["model"]


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="its folder does not exist"):
        container.write(tmp_path / "no" / "model", {}, {})
    with pytest.raises(InputError, match="is a folder"):
        container.write(tmp_path, {}, {})


@pytest.mark.parametrize(
    ("documents", "arrays"),
    [
        ({"manifest": {}}, {}),
        ({"../x": {}}, {}),
        ({"x": [1]}, {}),
        ({"x": {"y": float("nan")}}, {}),
        ({}, {"x": np.array(["text"])}),
        ({}, {"x": np.array([object()])}),
        ({}, {"__metadata__": np.zeros(1)}),
    ],
)
def test_what_the_format_cannot_hold_is_an_error_of_the_program(
    tmp_path: Path, documents: Any, arrays: Mapping[str, Any]
) -> None:
    with pytest.raises(ValueError):
        container.write(tmp_path / "model", documents, arrays)
    assert not list(tmp_path.iterdir())


# --- reading trusts nothing ------------------------------------------------------------------------------------------


def test_missing_foreign_and_truncated_files_are_told_apart(model: Path, tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "there is no such file")
    refused(tmp_path, "is a folder")
    (tmp_path / "text").write_text("name,age\n")
    refused(tmp_path / "text", "is not a whole zip archive")
    (tmp_path / "empty").touch()
    refused(tmp_path / "empty", "is not a whole zip archive")
    (tmp_path / "half").write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    refused(tmp_path / "half", "is not a whole zip archive")


def test_a_zip_of_another_program_is_foreign(model: Path) -> None:
    repack(model, lambda members: members.pop("manifest.json") and None, vouch=False)
    refused(model, "without a manifest, so not a synthgen model")
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("manifest.json", '{"format": "something else", "format_version": 1}')
    refused(model, "another program")
    with zipfile.ZipFile(model, "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    refused(model, "holds a member named 'word/document.xml'")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (container.FORMAT_VERSION - 1, "made by an older synthgen .*fit it again"),
        (container.FORMAT_VERSION + 1, "made by a newer synthgen .*upgrade"),
    ],
)
def test_a_file_of_another_version_says_so_whatever_else_it_holds(model: Path, version: int, said: str) -> None:
    with zipfile.ZipFile(model, "w") as archive:
        manifest = f'{{"format": "synthgen-model", "format_version": {version}, "parts": 7}}'
        archive.writestr("manifest.json", manifest)
    refused(model, said)


def test_members_and_manifest_must_agree(model: Path) -> None:
    whole = model.read_bytes()
    repack(model, lambda members: members.update({"extra.json": b"{}"}), vouch=False)
    refused(model, "1 members that its manifest does not list")
    model.write_bytes(whole)
    repack(model, lambda members: members.pop("schema.json") and None, vouch=False)
    refused(model, "lacks members that its manifest lists")
    model.write_bytes(whole)
    repack(model, lambda members: members.update({"schema.json": b"{}"}), vouch=False)
    refused(model, "schema.json is not the content that the manifest vouches for")


@pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/b.json", "evil.pkl", "C:\\evil.json", ".json"])
def test_unsafe_names_are_refused(model: Path, name: str) -> None:
    repack(model, lambda members: members.update({name: b"{}"}))
    refused(model, "holds a member named")


def test_two_members_of_one_name_are_refused(model: Path) -> None:
    with zipfile.ZipFile(model, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("schema.json", "{}")
    refused(model, "two members of the same name")


def test_bombs_are_refused_unopened(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repack(model, lambda members: members.update({"schema.json": b" " * 20_000_000}))
    refused(model, "schema.json would swell more than 1000-fold")
    monkeypatch.setattr(container, "_MAX_BYTES", 1_000_000)
    refused(model, "would unpack to more than")


def test_a_member_that_lies_about_its_size_is_refused(model: Path) -> None:
    data = model.read_bytes()
    with zipfile.ZipFile(model) as archive:
        info = archive.getinfo("schema.json")
        place = data.rindex(b"schema.json") - 46
    assert struct.unpack_from("<L", data, place + 24)[0] == info.file_size
    model.write_bytes(data[: place + 24] + struct.pack("<L", info.file_size - 5) + data[place + 28 :])
    refused(model, "damaged|do not trust")


def test_encrypted_members_are_refused(model: Path) -> None:
    data = bytearray(model.read_bytes())
    data[data.rindex(b"schema.json") - 46 + 8] |= 1
    model.write_bytes(data)
    refused(model, "schema.json is encrypted")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[1]", "schema.json is not a JSON object"),
        (b"{", "schema.json is not JSON"),
        (b"\xff\xfe", "schema.json is not JSON"),
        (b'{"x": NaN}', "schema.json is not JSON"),
        (b'{"x": 1, "x": 2}', "schema.json is not JSON"),
        (b'{"x": ' + b"9" * 5000 + b"}", "schema.json is not JSON"),
        (b'{"x":' * 500 + b"1" + b"}" * 500, "schema.json is nested more than 64 deep"),
        (b"[" * 10_000, "schema.json is nested more than 64 deep"),
    ],
)
def test_absurd_json_is_refused(model: Path, content: bytes, found: str) -> None:
    # A changing filler keeps the archive's ratio ordinary.
    filler = json.dumps({str(number): number for number in range(1000)}).encode()
    repack(model, lambda members: members.update({"schema.json": content, "filler.json": filler}))
    refused(model, found)


def header(entries: Any, data: bytes = bytes(8)) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text)) + text + data


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "has no header"),
        (struct.pack("<Q", 2**63) + b"{}", "header is larger"),
        (struct.pack("<Q", 3) + b"{}", "header is larger"),
        (header([]), "is not a JSON object"),
        (header({}), "bytes that belong to no array"),
        (header({"x": 3}), "malformed entry"),
        (header({"x": {"dtype": "F64", "shape": [2], "data_offsets": [0, 8]}}), "contradicts"),
        (header({"x": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}), "impossible shape"),
        (header({"x": {"dtype": "F64", "shape": [1.0], "data_offsets": [0, 8]}}), "impossible shape"),
        (header({"x": {"dtype": "F64", "shape": [1] * 99, "data_offsets": [0, 8]}}), "impossible shape"),
        (header({"x": {"dtype": "F64", "shape": [2**70, 2**70], "data_offsets": [0, 8]}}), "contradicts"),
        (header({"x": {"dtype": "F64", "shape": [2**70, 0], "data_offsets": [0, 0]}}), "impossible shape"),
        (header({"x": {"dtype": "F64", "shape": [1], "data_offsets": [8, 0]}}), "contradicts"),
        (header({"x": {"dtype": "F64", "shape": [1], "data_offsets": [-8, 0]}}), "contradicts"),
        (header({"x": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}}), "contradicts"),
        (header({"x": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}), "type that synthgen does not use"),
        (header({"x": {"dtype": "BOOL", "shape": [8], "data_offsets": [0, 8]}}, b"\x02" * 8), "boolean"),
        (
            header({name: {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]} for name in "xy"}),
            "contradicts",
        ),
    ],
)
def test_absurd_arrays_are_refused(model: Path, content: bytes, found: str) -> None:
    repack(model, lambda members: members.update({"arrays.safetensors": content}))
    refused(model, found)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damage_is_refused_or_harmless(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    folder = tmp_path_factory.mktemp("fuzz")
    container.write(folder / "model", DOCUMENTS, ARRAYS)
    damaged = bytearray((folder / "model").read_bytes())
    flips = st.tuples(st.integers(0, len(damaged) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(flips, max_size=4)):
        damaged[place] = value
    end = data.draw(st.one_of(st.just(len(damaged)), st.integers(0, len(damaged))))
    (folder / "damaged").write_bytes(damaged[:end])
    try:
        container.read(folder / "damaged")
    except InputError:
        return
    assert_same(folder / "damaged")


def test_every_flipped_byte_is_refused_or_harmless(model: Path) -> None:
    whole = model.read_bytes()
    for place in range(0, len(whole), 7):
        model.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            container.read(model)
        except InputError:
            continue
        assert_same(model)
