"""HDF5 files are read as h5py reads them, and a damaged one raises nothing but ModelError."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest

from stapes.errors import ModelError
from stapes.models.keras_import import hdf5
from stapes.models.keras_import.hdf5 import Group

h5py = pytest.importorskip("h5py", reason="needs the extra `train`")

FORMATS = ["earliest", "v108", "latest"]


def written(fill, form="earliest"):
    """The bytes of an HDF5 file of an older or newer format."""
    content = io.BytesIO()
    with h5py.File(content, "w", libver=(form, "latest")) as file:
        fill(file)
    return content.getvalue()


def weights(file, layers=3):
    """As Keras writes them."""
    for i in range(layers):
        group = file.create_group(f"layers/conv2d_{i * 7919 % layers}/vars")
        group.attrs["name"] = f"conv{i}é"
        group.create_dataset("0", data=np.full((3, 2), i, np.float32))
        group.create_dataset("1", data=np.float64(i))
        group.create_dataset("2", data=np.arange(i, dtype=">i8"))
        group.create_dataset("3", data=np.array([[i % 256, 200]], np.uint8))
    file.attrs["names"] = [f"layer {i}" for i in range(layers)]
    file.attrs["bytes"] = np.array([b"kernel:0", b"bias"])
    file.attrs["none"] = np.array([])
    file.attrs["empty"] = ""
    file.attrs["version"] = "3.9.0"
    file.attrs["number"] = np.float32(2.5)


def assert_same(file, group):
    assert set(file.attrs) == set(group.attributes)
    for name, value in file.attrs.items():
        items = np.atleast_1d(value)
        values = [item.decode() if isinstance(item, bytes) else item for item in items]
        assert values == np.atleast_1d(group.attributes[name]).tolist()
    assert set(file) == set(group.members)
    for name, member in file.items():
        read = group.members[name]
        if isinstance(member, h5py.Group):
            assert_same(member, read)
        else:
            assert read.dtype == member.dtype
            np.testing.assert_array_equal(read, member[()])


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layers", [0, 1, 8, 9, 50, 300])
def test_groups_arrays_and_attributes_are_those_that_h5py_reads(form, layers):
    def fill(file):
        weights(file, layers)
        file.attrs["long"] = "x" * 70_000  # As a model's config is.

    content = written(fill, form)
    with h5py.File(io.BytesIO(content)) as file:
        assert_same(file, hdf5.read(content))


def test_numbers_are_counted():
    assert hdf5.read(written(lambda file: weights(file, 3))).count() == 3 * (6 + 1 + 2) + 0 + 1 + 2
    assert Group().count() == 0


@pytest.mark.parametrize("form", FORMATS)
def test_data_larger_than_its_file_is_refused(form):
    def fill(file):
        file.create_dataset("zeros", (1000, 1000), "f4", chunks=True, compression="gzip")

    with pytest.raises(ModelError, match="compressed"):
        hdf5.read(written(fill, form))
    with pytest.raises(ModelError, match="damaged"):  # Numbers that were never written.
        hdf5.read(written(lambda file: file.create_dataset("none", (10**6,), "f4"), form))


def test_two_arrays_cannot_share_bytes():
    def fill(file):
        file["a"], file["b"] = np.full(2000, 1.0), np.full(2000, 2.0)

    content = written(fill)
    places = [content.index(struct.pack("<d", value) * 2000) for value in (1.0, 2.0)]
    first, second = (struct.pack("<QQ", place, 16_000) for place in places)
    assert content.count(second) == 1
    with pytest.raises(ModelError, match="damaged"):
        hdf5.read(content.replace(second, first)[: places[1]])


@pytest.mark.parametrize("form", FORMATS)
def test_links_to_other_places_are_refused(form):
    for link in (h5py.SoftLink("/a"), h5py.ExternalLink("/etc/passwd", "/a")):
        with pytest.raises(ModelError, match="a link to another place"):
            hdf5.read(written(lambda file, link=link: file.update({"a": link}), form))


def test_external_and_virtual_data_are_refused():
    def virtual(file):
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "data", (4,))
        file.create_virtual_dataset("data", layout)

    def external(file):
        file.create_dataset("data", (4,), "f4", external=[("/etc/hostname", 0, 16)])

    for fill in (virtual, external):
        with pytest.raises(ModelError):
            hdf5.read(written(fill, "latest"))


def test_unusual_parts_are_refused():
    def reason(fill):
        with pytest.raises(ModelError) as caught:
            hdf5.read(written(fill))
        return str(caught.value)

    def up(file):
        file.create_group("a")["up"] = file

    assert "damaged" in reason(up)
    assert "numbers of another kind" in reason(lambda file: file.update({"a": np.array([1j])}))
    assert "numbers of another kind" in reason(lambda file: file.update({"a": [True]}))
    pair = np.zeros(2, [("x", "f4"), ("y", "f4")])
    assert "numbers of another kind" in reason(lambda file: file.update({"a": pair}))
    assert "more than one axis" in reason(lambda file: file.attrs.update(a=np.zeros((2, 2))))


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", bytes(1000)])
def test_other_files_are_refused(content):
    with pytest.raises(ModelError):
        hdf5.read(content)


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_are_read_or_refused(form):
    whole = written(weights, form)
    refused = 0
    for seed in range(1500):
        rng = np.random.default_rng(seed)
        content = bytearray(whole)
        for _ in range(rng.integers(1, 6)):
            content[rng.integers(len(content))] = rng.choice([0, 255, int(rng.integers(256))])
        if seed % 10 == 0:
            content = content[: rng.integers(len(content))]
        try:
            assert hdf5.read(bytes(content)).count() <= len(content)
        except ModelError:
            refused += 1
    assert 300 < refused < 1500
