"""Equal models give equal files; a file is read whole or refused, and never runs code."""

from __future__ import annotations

import importlib.util
import json
import zipfile

import numpy as np
import pytest

from stapes.errors import ModelError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("tf_keras") is None, reason="needs the extra `train`"
)


def build(seed=0):
    from stapes.models.architectures import reference_cnn
    from stapes.models.backend import start_over

    start_over(seed)
    return reference_cnn(filters=(2, 4))


@pytest.fixture(scope="module")
def files():
    from stapes.models import keras_files

    return keras_files


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def content(files, model, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "model.keras"
    files.save(model, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def with_code():
    """A model with a Lambda layer, which would run code from the file."""
    from stapes.models.backend import keras

    layers = keras().layers
    return keras().Sequential([layers.Input((3,)), layers.Lambda(lambda x: 2 * x)])


def refusal(files, path):
    with pytest.raises(ModelError) as caught:
        files.load(path)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be read")
    assert "\n" not in message
    return message


def test_the_same_weights_give_the_same_bytes(files, model, content, tmp_path):
    files.save(model, tmp_path / "again.keras")
    assert (tmp_path / "again.keras").read_bytes() == content
    files.save(build(), tmp_path / "built_again.keras")
    assert (tmp_path / "built_again.keras").read_bytes() == content


def test_other_weights_give_other_bytes(files, content, tmp_path):
    files.save(build(seed=1), tmp_path / "other.keras")
    assert (tmp_path / "other.keras").read_bytes() != content


def test_the_archive_has_no_time_of_day(content, tmp_path):
    (tmp_path / "model.keras").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        metadata = json.loads(archive.read("metadata.json"))
    assert "date_saved" not in metadata
    assert "keras_version" in metadata


def test_a_loaded_model_is_the_saved_one(files, model, content, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    loaded = files.load(path)
    x = np.random.default_rng(0).normal(0, 20, (4, 50, 13, 1)).astype(np.float32)
    np.testing.assert_array_equal(loaded(x), model(x))
    assert [weight.name for weight in loaded.weights] == [weight.name for weight in model.weights]
    files.save(loaded, path)
    assert path.read_bytes() == content


@pytest.mark.slow
def test_a_trained_model_gives_the_same_file_as_its_weights_alone(files, tmp_path):
    trained, plain = build(), build()
    trained.compile("adam", loss="sparse_categorical_crossentropy")
    x = np.random.default_rng(0).normal(size=(4, 50, 13, 1))
    trained.fit(x, np.array([0, 1, 0, 1]), verbose=0)
    plain.set_weights(trained.get_weights())
    files.save(trained, tmp_path / "trained.keras")
    loaded = files.load(tmp_path / "trained.keras")
    np.testing.assert_array_equal(loaded(x), plain(x))


def test_saving_leaves_one_file_and_replaces_the_old_one(files, model, content, tmp_path):
    (tmp_path / "model.keras").write_bytes(b"old")
    files.save(model, tmp_path / "model.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["model.keras"]
    assert (tmp_path / "model.keras").read_bytes() == content


def test_an_absent_file_is_refused(files, tmp_path):
    refusal(files, tmp_path / "absent.keras")


@pytest.mark.parametrize("garbage", [b"", b"no model", b"PK\x03\x04" + b"\0" * 50, b"\x89HDF\r\n"])
def test_other_files_are_refused(files, garbage, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(garbage)
    refusal(files, path)


def test_a_file_that_is_cut_is_refused_wherever_it_ends(files, content, tmp_path):
    path = tmp_path / "model.keras"
    for end in range(0, len(content), len(content) // 20):
        path.write_bytes(content[:end])
        refusal(files, path)
    path.write_bytes(content[:-1])
    refusal(files, path)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
@pytest.mark.parametrize("instead", [None, b"", b"[]", b"{}", b'{"class_name": "X"}', b"\xff"])
def test_an_archive_with_a_broken_part_is_refused(files, content, member, instead, tmp_path):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    del parts[member]
    if instead is not None:
        parts[member] = instead
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    refusal(files, path)


def test_a_lambda_layer_is_refused(files, with_code, tmp_path):
    files.save(with_code, tmp_path / "code.keras")
    assert "ambda" in refusal(files, tmp_path / "code.keras")


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_code_in_another_format_is_refused_by_any_name(files, with_code, tmp_path):
    with_code.save(tmp_path / "code.h5", save_format="h5")
    (tmp_path / "code.h5").rename(tmp_path / "code.keras")
    refusal(files, tmp_path / "code.keras")


def test_a_folder_is_refused(files, with_code, tmp_path):
    with_code.save(tmp_path / "saved_model", save_format="tf")
    (tmp_path / "saved_model").rename(tmp_path / "folder.keras")
    refusal(files, tmp_path / "folder.keras")
