"""Caffe models, imported, compute what OpenCV's own reader of Caffe models computes."""

import contextlib
import random

import cv2
import numpy as np
import pytest
import safetensors.numpy
import torch
from google.protobuf import text_format

from circuits import CurvesError, FileDamagedError, Preprocessing
from weights.importers.caffe import import_caffe_safetensors, import_caffemodel
from weights.importers.caffe_pb2 import LayerParameter, NetParameter, V1LayerParameter
from weights.importers.googlenet import published_layers

V1_NAMES = {"InnerProduct": "INNER_PRODUCT", "SoftmaxWithLoss": "SOFTMAX_LOSS"}


def rng(seed=0):
    return np.random.default_rng(seed)


def put(layer, *arrays, old=False):
    """Give a layer its blobs; `old` writes four sizes instead of a shape."""
    for array in arrays:
        blob = layer.blobs.add()
        blob.data.extend(np.ravel(array).astype(np.float32))
        if old:
            blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
        else:
            blob.shape.dim.extend(array.shape)


def as_v1(net):
    """The same net in the messages that Caffe wrote until 2014."""
    old = NetParameter(name=net.name, input=["data"], input_dim=[1, 3, 224, 224])
    for layer in net.layer:
        if layer.type == "Input":
            old.input_dim[:] = layer.input_param.shape[0].dim
            continue
        kind = V1LayerParameter.LayerType.Value(V1_NAMES.get(layer.type, layer.type.upper()))
        new = old.layers.add(name=layer.name, type=kind, bottom=layer.bottom, top=layer.top)
        for field in ("convolution_param", "pooling_param", "inner_product_param", "lrn_param"):
            if layer.HasField(field):
                getattr(new, field).CopyFrom(getattr(layer, field))
        for blob in layer.blobs:
            put(new, np.asarray(blob.data).reshape(blob.shape.dim), old=True)
    return old


def opencv(net):
    """OpenCV's reading of a net: the topology as text, the weights in binary."""
    topology = NetParameter.FromString(net.SerializeToString())
    for layer in (*topology.layer, *topology.layers):
        del layer.blobs[:]
    text = text_format.MessageToString(topology).encode()
    return cv2.dnn.readNetFromCaffe(np.frombuffer(text, np.uint8), np.frombuffer(net.SerializeToString(), np.uint8))


def values(reader, images, layers, mean=(104.0, 117.0, 123.0)):
    bgr = images.flip(1).numpy() * 255 - np.array(mean, np.float32)[:, None, None]
    reader.setInput(np.ascontiguousarray(bgr, np.float32))
    return [torch.from_numpy(value.copy()) for value in reader.forward(layers)]


def images(size, count=1):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(0))


# ---------------------------------------------------------------------- GoogLeNet


@pytest.fixture(scope="module")
def tensors(shared_weights):
    return safetensors.numpy.load_file(shared_weights / "bvlc_googlenet.safetensors")


@pytest.fixture(scope="module")
def deploy(tensors):
    """GoogLeNet as it is deployed, with its weights."""
    net = NetParameter(name="GoogleNet", layer=published_layers())
    net.layer[0].input_param.shape.add(dim=[1, 3, 224, 224])
    for layer in net.layer:
        if f"{layer.name}.weight" in tensors:
            put(layer, tensors[f"{layer.name}.weight"], tensors[f"{layer.name}.bias"])
            shape = layer.convolution_param if layer.type == "Convolution" else layer.inner_product_param
            shape.num_output = layer.blobs[0].shape.dim[0]  # OpenCV wants it
    return net


def as_trained(deploy):
    """The net as Caffe saves it in training: data layer, splits, an auxiliary head and losses, in their places."""
    net = NetParameter(name="GoogleNet")
    data = net.layer.add(name="data", type="Data", top=["data", "label"])
    data.transform_param.crop_size = 224
    data.transform_param.mean_value.extend([104, 117, 123])
    net.layer.add(name="l", type="Split", bottom=["label"], top=["label_split_0", "label_split_1"])
    for layer in deploy.layer[1:-1]:
        added = net.layer.add()
        added.CopyFrom(layer)
        for i, name in enumerate(layer.bottom):
            if name == "inception_4a/output":
                added.bottom[i] = "inception_4a/output_split_1"
        if layer.name == "inception_4a/output":
            splits = [f"inception_4a/output_split_{i}" for i in range(2)]
            net.layer.add(name="inception_4a/output_split", type="Split", bottom=[layer.name], top=splits)
            head = net.layer.add(name="loss1/fc", type="InnerProduct", bottom=[splits[0]], top=["loss1/fc"])
            put(head, rng().normal(size=(5, 512 * 14 * 14)), np.zeros(5))
            net.layer.add(name="loss1/relu_fc", type="ReLU", bottom=["loss1/fc"], top=["loss1/fc"])
            net.layer.add(name="loss1/drop_fc", type="Dropout", bottom=["loss1/fc"], top=["loss1/fc"])
            net.layer.add(name="loss1/loss", type="SoftmaxWithLoss", bottom=["loss1/fc", "label_split_0"], top=["l1"])
        if layer.name == "pool5/7x7_s1":
            net.layer.add(name="drop", type="Dropout", bottom=[layer.name], top=[layer.name])
    bottoms = ["loss3/classifier", "label_split_1"]
    net.layer.add(name="loss3/loss3", type="SoftmaxWithLoss", bottom=bottoms, top=["loss3/loss3"])
    net.layer.add(name="loss3/top-1", type="Accuracy", bottom=bottoms, top=["loss3/top-1"])
    return net


def test_googlenet_like_opencv(shared_weights, deploy, close):
    network = import_caffe_safetensors(shared_weights / "bvlc_googlenet.safetensors")
    ours = ["conv2d0", "conv2d2", "3a/5x5_bottleneck", "3b", "4a", "5b", "classifier", "softmax"]
    theirs = ["conv1/7x7_s2/relu", "conv2/3x3/relu", "inception_3a/5x5_reduce/relu"]
    theirs += [f"inception_{mixed}/output" for mixed in ("3b", "4a", "5b")] + ["loss3/classifier", "prob"]
    found = network.activations(images(224), ours)
    for layer, expected in zip(ours, values(opencv(deploy), images(224), theirs), strict=True):
        close(found[layer], expected)
    fields = {layer: network.receptive_field(layer) for layer in ("conv2d0", "conv2d1", "3a", "3b", "4a")}
    assert [(field.size, field.stride) for field in fields.values()] == [(7, 2), (11, 4), (59, 8), (91, 8), (171, 16)]
    assert list(network.layers)[:6] == ["conv2d0", "conv2d1", "conv2d2", "3a/3x3_bottleneck", "3a/5x5_bottleneck", "3a"]
    assert network.layers["3b"].channels == 480
    assert network.preprocessing == Preprocessing("BGR", 255.0, (104.0, 117.0, 123.0))


@pytest.mark.parametrize("form", ["deploy", "v1", "trained"])
def test_every_form_of_googlenet_is_one_network(form, shared_weights, deploy, tmp_path):
    path = tmp_path / "bvlc_googlenet.caffemodel"
    net = {"deploy": lambda net: net, "v1": as_v1, "trained": as_trained}[form](deploy)
    path.write_bytes(net.SerializeToString())
    network = import_caffemodel(path)
    assert network.identity == import_caffe_safetensors(shared_weights / "bvlc_googlenet.safetensors").identity
    left_out = ["loss1/fc", "loss1/relu_fc", "loss1/loss"] if form == "trained" else []
    assert network.provenance.details["left_out"] == left_out
    assert network.provenance.details["importer"] == "import_caffemodel"
    assert network.provenance.name == "bvlc_googlenet"


def test_a_tensor_missing_of_wrong_shape_or_too_many(tensors, tmp_path):
    path = tmp_path / "changed.safetensors"
    kept = {key: value for key, value in tensors.items() if key != "inception_4b/5x5.bias"}
    safetensors.numpy.save_file(kept, path)
    with pytest.raises(CurvesError, match=r"no tensor 'inception_4b/5x5.bias'; only a GoogLeNet with Caffe's names"):
        import_caffe_safetensors(path)
    bias = tensors["inception_4b/5x5.bias"]
    safetensors.numpy.save_file(kept | {"inception_4b/5x5.bias": bias[1:]}, path)
    with pytest.raises(CurvesError, match=r"changed.safetensors .*bias of '4b/5x5' is \(63,\), but \(64,\) fits"):
        import_caffe_safetensors(path)
    safetensors.numpy.save_file(tensors | {"more": bias}, path)
    assert import_caffe_safetensors(path).provenance.details["left_out"] == ["more"]


# ---------------------------------------------------------------------- other nets


SMALL = """
name: "small" layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 23 dim: 23 } } }
layer { name: "c1" type: "Convolution" bottom: "data" top: "c1"
  convolution_param { num_output: 6 kernel_h: 3 kernel_w: 5 stride_h: 1 stride_w: 2 pad_h: 2 pad_w: 1 } }
layer { name: "r1" type: "ReLU" bottom: "c1" top: "c1" }
layer { name: "n1" type: "LRN" bottom: "c1" top: "n1" lrn_param { local_size: 3 alpha: 0.01 beta: 0.6 } }
layer { name: "c2" type: "Convolution" bottom: "n1" top: "c2"
  convolution_param { num_output: 4 kernel_size: 2 group: 2 bias_term: false } }
layer { name: "r2" type: "ReLU" bottom: "c2" top: "r2" }
layer { name: "p2" type: "Pooling" bottom: "r2" top: "p2" pooling_param { kernel_h: 3 kernel_w: 2 stride: 2 } }
layer { name: "c3" type: "Convolution" bottom: "n1" top: "c3"
  convolution_param { num_output: 3 kernel_size: 2 kernel_size: 2 pad: 0 pad: 0 stride: 1 stride: 1 } }
layer { name: "p3" type: "Pooling" bottom: "c3" top: "p3"
  pooling_param { pool: AVE kernel_h: 3 kernel_w: 2 stride: 2 } }
layer { name: "j" type: "Concat" bottom: "p2" bottom: "p3" top: "j" }
layer { name: "p4" type: "Pooling" bottom: "j" top: "p4" pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
layer { name: "flat" type: "Flatten" bottom: "p4" top: "flat" }
layer { name: "fc" type: "InnerProduct" bottom: "flat" top: "fc" inner_product_param { num_output: 5 } }
layer { name: "prob" type: "Softmax" bottom: "fc" top: "prob" }
"""


@pytest.fixture
def small():
    net = text_format.Parse(SMALL, NetParameter())
    shapes = {
        "c1": [(6, 3, 3, 5), (6,)],
        "c2": [(4, 3, 2, 2)],
        "c3": [(3, 6, 2, 2), (3,)],
        "fc": [(5, 7 * 7 * 3), (5,)],
    }
    for layer in net.layer:
        put(layer, *(rng(1).normal(0, 0.3, shape) for shape in shapes.get(layer.name, [])))
    return net


def layer_of(net, name):
    return next(layer for layer in (*net.layer, *net.layers) if layer.name == name)


def write(tmp_path, net):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(net.SerializeToString())
    return path


@pytest.mark.parametrize("form", ["new", "v1"])
def test_small_net_like_opencv(form, small, tmp_path, close):
    net = as_v1(small) if form == "v1" else small
    network = import_caffemodel(write(tmp_path, net))
    assert network.input_size == 23
    ours, theirs = ["c1", "c2", "c3", "fc", "softmax"], ["r1", "r2", "c3", "fc", "prob"]
    found = network.activations(images(23), ours)
    for layer, expected in zip(ours, values(opencv(small), images(23), theirs), strict=True):
        close(found[layer], expected)
    assert list(network.layers) == ours


def test_global_pooling_and_a_transposed_dense_layer(small, tmp_path, close):
    layer_of(small, "p4").pooling_param.CopyFrom(
        text_format.Parse("pool: AVE global_pooling: true", type(small.layer[0].pooling_param)())
    )
    fc = layer_of(small, "fc")
    del fc.blobs[:]
    weight, bias = rng(2).normal(size=(5, 7)), rng(3).normal(size=5)
    put(fc, weight, bias)
    expected = values(opencv(small), images(23), ["fc"])[0]
    del fc.blobs[:]
    put(fc, weight.T, bias)
    fc.inner_product_param.transpose = True
    close(import_caffemodel(write(tmp_path, small)).activations(images(23), ["fc"])["fc"], expected)


def test_lrn_reads_k_too(small, tmp_path, close):
    """Not compared with OpenCV, which leaves k out."""
    layer_of(small, "n1").lrn_param.k = 2.5
    del small.layer[4:]
    network = import_caffemodel(write(tmp_path, small))
    c1 = network.activations(images(23), ["c1"])["c1"]
    close(network(images(23)), torch.nn.functional.local_response_norm(c1, 3, 0.01, 0.6, 2.5))


def test_the_data_layer_says_how_images_are_prepared(small, tmp_path):
    small.layer[0].CopyFrom(LayerParameter(name="data", type="ImageData", top=["data", "label"]))
    transform = small.layer[0].transform_param
    transform.crop_size, transform.scale = 23, 0.25
    transform.mean_value.extend([1, 2, 3])
    network = import_caffemodel(write(tmp_path, small))
    assert network.input_size == 23
    x = torch.full((1, 3, 1, 1), 1.0)
    assert network.preprocessing(x).flatten().tolist() == pytest.approx([254 / 4, 253 / 4, 252 / 4])


def change(layer, text):
    def edit(net):
        text_format.Merge(text, layer_of(net, layer))

    return edit


def no_blobs(net):
    del layer_of(net, "c1").blobs[:]


def short_blob(net):
    del layer_of(net, "c1").blobs[0].data[-1]


def wide_kernel(net):
    layer_of(net, "c1").convolution_param.kernel_w = 4


def lost_bottom(net):
    layer_of(net, "n1").bottom[0] = "nothing"


def no_bottom(net):
    del layer_of(net, "n1").bottom[:]


WRONG = {
    "type": (change("r1", 'type: "TanH"'), CurvesError, r"layer 'r1' of .*net.caffemodel is of type 'TanH'; supported"),
    "dilation": (change("c1", "convolution_param { dilation: 2 }"), CurvesError, r"'c1' is dilated by \[2\]"),
    "lrn": (change("n1", "lrn_param { norm_region: WITHIN_CHANNEL }"), CurvesError, "'n1' normalises within channels"),
    "leak": (change("r1", "relu_param { negative_slope: 0.1 }"), CurvesError, "'r1' is a leaky ReLU of slope 0.1"),
    "axis": (change("j", "concat_param { axis: 2 }"), CurvesError, "'j' does not join channels"),
    "old axis": (change("j", "concat_param { concat_dim: 0 }"), CurvesError, "'j' does not join channels"),
    "dense axis": (change("fc", "inner_product_param { axis: 2 }"), CurvesError, "'fc' multiplies along axis 2"),
    "softmax": (change("prob", "softmax_param { axis: 2 }"), CurvesError, "'prob' is a softmax over axis 2"),
    "stochastic": (change("p2", "pooling_param { pool: STOCHASTIC }"), CurvesError, "'p2' pools by STOCHASTIC; supp"),
    "global max": (change("p2", "pooling_param { global_pooling: true }"), CurvesError, "'p2' pools by MAX globally"),
    "stride": (change("p2", "pooling_param { stride: 0 }"), FileDamagedError, "'p2' .* kernel, stride or groups of 0"),
    "groups": (change("c1", "convolution_param { group: 0 }"), FileDamagedError, "'c1' .* groups of 0"),
    "no blobs": (no_blobs, CurvesError, "'c1' of .* has 0 blobs of weights, not 2; give the trained model"),
    "short blob": (short_blob, FileDamagedError, r"a blob of layer 'c1' .* has 269 values for \(6, 3, 3, 5\)"),
    "kernel": (wide_kernel, CurvesError, r"weight of 'c1/pre' is \(6, 3, 3, 5\), but \(6, 3, 3, 4\) fits"),
    "bottom": (lost_bottom, FileDamagedError, "'n1' of .* reads 'nothing', which no earlier layer writes"),
    "no bottom": (no_bottom, FileDamagedError, "'n1' of .* reads nothing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_name_the_layer(case, small, tmp_path):
    edit, kind, message = WRONG[case]
    edit(small)
    with pytest.raises(kind, match=message):
        import_caffemodel(write(tmp_path, small))


def test_an_unsupported_old_layer(small, tmp_path):
    old = as_v1(small)
    old.layers[1].type = V1LayerParameter.POWER
    with pytest.raises(CurvesError, match=r"'r1' of .* is of type 'POWER'; supported are"):
        import_caffemodel(write(tmp_path, old))


@pytest.mark.parametrize("read", [import_caffemodel, import_caffe_safetensors])
def test_what_is_no_such_file(read, tmp_path):
    with pytest.raises(CurvesError, match=r"there is no file .*nowhere; check the name or fetch it first"):
        read(tmp_path / "nowhere")
    path = tmp_path / "wrong"
    for content in (b"", b"<html>404</html>", b'name: "GoogleNet"', b"\x89HDF\r\n\x1a\n" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(FileDamagedError, match=r"wrong (is no|has no layers)"):
            read(path)


def test_cut_and_damaged_files_never_give_anything_but_our_errors(small, tmp_path):
    data = write(tmp_path, small).read_bytes()
    path, good, dice = tmp_path / "damaged", 0, random.Random(0)
    contents = [data[: dice.randrange(len(data))] for _ in range(150)]
    for _ in range(150):
        content = bytearray(data)
        content[dice.randrange(len(data))] = dice.randrange(256)
        contents.append(bytes(content))
    for content in contents:
        path.write_bytes(content)
        with contextlib.suppress(CurvesError):
            import_caffemodel(path)
            good += 1
    assert good < 150


def test_a_cut_safetensors_file(shared_weights, tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes((shared_weights / "bvlc_googlenet.safetensors").read_bytes()[:-1])
    with pytest.raises(
        FileDamagedError, match=r"cut.safetensors is no safetensors file or is cut short .*fetch it again"
    ):
        import_caffe_safetensors(path)
