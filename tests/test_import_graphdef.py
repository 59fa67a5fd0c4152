"""TensorFlow graphs, imported, compute what TensorFlow itself and OpenCV's reader compute."""

import contextlib
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from circuits import CurvesError, FileDamagedError, Preprocessing
from circuits.ops import Conv, LocalResponseNorm, MaxPool, Padding
from weights.importers.graphdef import import_graphdef
from weights.importers.graphdef_pb2 import DT_FLOAT, DT_INT32, GraphDef

GOLDEN = Path(__file__).parent / "golden" / "tensorflow_small.pb"


# ---------------------------------------------------------------------- TensorFlow itself


@pytest.fixture(scope="module")
def golden():
    """What TensorFlow computed (tests/golden/make_tensorflow.py), N x C x H x W."""
    with np.load(GOLDEN.with_suffix(".npz")) as file:
        values = {key: torch.from_numpy(file[key]) for key in file.files}
    return {key: value.permute(0, 3, 1, 2) if value.ndim == 4 else value for key, value in values.items()}


def test_like_tensorflow(golden, close):
    network = import_graphdef(GOLDEN)
    names = {"conv2d0_pre_relu": "conv2d0/pre", "mixed3a": "3a", "mixed3b": "3b"}
    tensors = {node: names.get(node, node) for node in golden if node != "images"}
    everything = network.evolve(layers={name: (name, name) for name in tensors.values()})
    found = everything.activations(golden["images"], tensors.values())
    for node, name in tensors.items():
        close(found[name], golden[node], 1e-5)


def test_what_the_small_graph_is_made_of():
    network = import_graphdef(GOLDEN)
    assert network.input_size == 30
    assert network.preprocessing == Preprocessing("RGB", 255.0, (117.0, 117.0, 117.0))
    mixed = ["3a/3x3_bottleneck", "3a/5x5_bottleneck", "3a", "3b"]
    dense = ["nn0", "softmax0_pre_activation", "softmax0"]
    assert list(network.layers) == ["conv2d0", "conv2d1", "conv2d2", *mixed, *dense]
    ops = {op.name: op for op in network.ops}
    assert ops["conv2d0/pre"] == Conv("conv2d0/pre", ("input",), (7, 7), (2, 2), Padding(2, 3, 2, 3))
    assert ops["maxpool1"] == MaxPool("maxpool1", ("localresponsenorm1",), (3, 3), (2, 2), Padding(0, 1, 0, 1))
    assert ops["localresponsenorm0"] == LocalResponseNorm("localresponsenorm0", ("maxpool0",), 11, 1.1e-3, 0.5, 2.0)
    details = network.provenance.details
    assert (network.provenance.name, details["importer"]) == ("tensorflow_small", "import_graphdef")


# ---------------------------------------------------------------------- a graph like inception5h's


class Builder:
    """Writes nodes as inception5h has them: all attributes on each, constants first in the file."""

    def __init__(self, seed=0):
        self.graph = GraphDef()
        self.rng = np.random.default_rng(seed)

    def node(self, name, op, *inputs, **attrs):
        node = self.graph.node.add(name=name, op=op, input=inputs)
        for key, value in attrs.items():
            attr = node.attr[key]
            if isinstance(value, str):
                attr.s = value.encode()
            elif isinstance(value, bool):
                attr.b = value
            elif isinstance(value, int):
                attr.i = value
            elif isinstance(value, float):
                attr.f = value
            elif isinstance(value, list):
                attr.list.i.extend(value)
            else:
                attr.tensor.dtype = DT_FLOAT if value.dtype == np.float32 else DT_INT32
                for size in value.shape:
                    attr.tensor.tensor_shape.dim.add(size=size)
                if value.dtype == np.float32:
                    attr.tensor.tensor_content = value.tobytes()
                else:
                    attr.tensor.int_val.extend(value.ravel().tolist())
        return name

    def const(self, name, value):
        return self.node(name, "Const", value=np.asarray(value))

    def normal(self, name, *shape, scale):
        return self.const(name, self.rng.normal(0, scale, shape).astype(np.float32))

    def weights(self, name, *shape):
        self.normal(f"{name}_w", *shape, scale=(2 / np.prod(shape[:-1])) ** 0.5)
        self.normal(f"{name}_b", shape[-1], scale=0.3)

    def conv(self, name, source, stride=1):
        self.node(
            f"{name}_pre_relu/conv",
            "Conv2D",
            source,
            f"{name}_w",
            strides=[1, stride, stride, 1],
            padding="SAME",
            data_format="NHWC",
            use_cudnn_on_gpu=True,
        )
        self.node(f"{name}_pre_relu", "BiasAdd", f"{name}_pre_relu/conv", f"{name}_b", data_format="NHWC")
        return self.node(name, "Relu", f"{name}_pre_relu")

    def pool(self, name, op, source, size, stride, padding="SAME"):
        ksize, strides = [1, size, size, 1], [1, stride, stride, 1]
        return self.node(name, op, source, ksize=ksize, strides=strides, padding=padding, data_format="NHWC")

    def lrn(self, name, source):
        return self.node(name, "LRN", source, depth_radius=5, bias=2.0, alpha=1e-4, beta=0.5)

    def dense(self, name, source, suffix):
        self.node(f"{name}{suffix}/matmul", "MatMul", source, f"{name}_w", transpose_a=False, transpose_b=False)
        return self.node(f"{name}{suffix}", "BiasAdd", f"{name}{suffix}/matmul", f"{name}_b", data_format="NHWC")

    def reshape(self, source, size):
        return self.node(f"{source}/reshape", "Reshape", source, self.const(f"{source}/reshape/shape", [-1, size]))


MIXED = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 204, 16, 48, 64),
}


def inception():
    """inception5h from the image to 4a with its first head, and the last head upon 4a; random weights."""
    b = Builder()
    b.node("input", "Placeholder")
    for name, shape in {"conv2d0": (7, 7, 3, 64), "conv2d1": (1, 1, 64, 64), "conv2d2": (3, 3, 64, 192)}.items():
        b.weights(name, *shape)
    for mixed, (inputs, one, three_in, three, five_in, five, pool) in MIXED.items():
        b.weights(f"mixed{mixed}_1x1", 1, 1, inputs, one)
        b.weights(f"mixed{mixed}_3x3_bottleneck", 1, 1, inputs, three_in)
        b.weights(f"mixed{mixed}_3x3", 3, 3, three_in, three)
        b.weights(f"mixed{mixed}_5x5_bottleneck", 1, 1, inputs, five_in)
        b.weights(f"mixed{mixed}_5x5", 5, 5, five_in, five)
        b.weights(f"mixed{mixed}_pool_reduce", 1, 1, inputs, pool)
    b.weights("head0_bottleneck", 1, 1, 508, 128)
    b.weights("nn0", 2048, 1024)
    b.weights("softmax0", 1024, 1008)
    b.weights("softmax2", 508, 1008)
    x = b.lrn("localresponsenorm0", b.pool("maxpool0", "MaxPool", b.conv("conv2d0", "input", 2), 3, 2))
    x = b.lrn("localresponsenorm1", b.conv("conv2d2", b.conv("conv2d1", x)))
    x = b.pool("maxpool1", "MaxPool", x, 3, 2)
    for mixed in MIXED:
        name = f"mixed{mixed}"
        x = b.pool("maxpool4", "MaxPool", x, 3, 2) if mixed == "4a" else x
        branches = [
            b.conv(f"{name}_1x1", x),
            b.conv(f"{name}_3x3", b.conv(f"{name}_3x3_bottleneck", x)),
            b.conv(f"{name}_5x5", b.conv(f"{name}_5x5_bottleneck", x)),
            b.conv(f"{name}_pool_reduce", b.pool(f"{name}_pool", "MaxPool", x, 3, 1)),
        ]
        x = b.node(name, "Concat", b.const(f"{name}/concat_dim", np.int32(3)), *branches)
    pooled = b.pool("avgpool0", "AvgPool", x, 14, 1, "VALID")
    head = b.conv("head0_bottleneck", b.pool("head0_pool", "AvgPool", x, 5, 3, "VALID"))
    head = b.node("nn0", "Relu", b.dense("nn0", b.reshape(head, 2048), "_pre_relu"))
    head = b.node("softmax0", "Softmax", b.dense("softmax0", b.reshape(head, 1024), "_pre_activation"))
    b.node("softmax2", "Softmax", b.dense("softmax2", b.reshape(pooled, 508), "_pre_activation"))
    b.node("output", "Identity", "softmax0")
    b.node("output2", "Identity", "softmax2")
    return b.graph


def write(tmp_path, graph):
    path = tmp_path / "graph.pb"
    path.write_bytes(graph.SerializeToString())
    return path


def test_inception_like_opencv(tmp_path, close):
    path = write(tmp_path, inception())
    network = import_graphdef(path)
    theirs = {
        "conv2d0": "conv2d0",
        "conv2d2": "conv2d2",
        "3a": "mixed3a",
        "3b/5x5_bottleneck": "mixed3b_5x5_bottleneck",
        "3b": "mixed3b",
        "4a": "mixed4a",
        "head0_bottleneck": "head0_bottleneck",
        "nn0": "nn0",
        "softmax0_pre_activation": "softmax0_pre_activation/matmul",
        "softmax0": "softmax0",
        "softmax2": "softmax2",
    }
    images = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    reader = cv2.dnn.readNetFromTensorflow(str(path))
    reader.setInput((images * 255 - 117).numpy())
    found = network.activations(images, theirs)
    for layer, expected in zip(theirs, reader.forward(list(theirs.values())), strict=True):
        close(found[layer], torch.from_numpy(expected))
    close(network(images), found["softmax2"], 0)


def test_inception_has_the_articles_names(tmp_path):
    network = import_graphdef(write(tmp_path, inception()), provenance=None)
    mixed = [f"{m}{part}" for m in MIXED for part in ("/3x3_bottleneck", "/5x5_bottleneck", "")]
    heads = ["head0_bottleneck", "nn0", "softmax0_pre_activation", "softmax0", "softmax2_pre_activation", "softmax2"]
    assert list(network.layers) == ["conv2d0", "conv2d1", "conv2d2", *mixed, *heads]
    assert [network.layers[layer].channels for layer in ("3a", "3b", "4a")] == [256, 480, 508]
    fields = [network.receptive_field(layer) for layer in ("conv2d0", "conv2d1", "conv2d2", "3a", "3b", "4a")]
    assert [(field.size, field.stride) for field in fields] == [(7, 2), (11, 4), (19, 4), (59, 8), (91, 8), (171, 16)]
    names = [op.name for op in network.ops if op.name.startswith("3a")]
    parts = ["1x1", "3x3_bottleneck/pre", "3x3_bottleneck", "3x3", "5x5_bottleneck/pre", "5x5_bottleneck", "5x5"]
    assert names == [*(f"3a/{part}" for part in parts), "3a/pool", "3a/pool_reduce", "3a/pre", "3a"]
    assert network.producer("3b:379") == ("3b/5x5", 59)
    assert network.input_size == 224


# ---------------------------------------------------------------------- other ways to write the same


def small(**changes):
    """input -> conv -> bias -> relu -> flatten -> dense -> softmax."""
    b = Builder()
    b.node("input", "Placeholder")
    b.weights("conv", 3, 2, 3, 4)
    b.weights("dense", 4 * 4 * 4, 5)
    x = b.conv("conv", "input", 2)
    x = b.dense("dense", b.reshape(x, 64), "")
    b.node("softmax", "Softmax", x)
    nodes = {node.name: node for node in b.graph.node}
    nodes["input"].attr["shape"].shape.dim.add(size=-1)
    for size in (8, 8, 3):
        nodes["input"].attr["shape"].shape.dim.add(size=size)
    for name, change in changes.items():
        change(nodes[name.replace("__", "/")])
    return b.graph


def run(tmp_path, graph):
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return import_graphdef(write(tmp_path, graph))(images)


def test_nodes_may_come_in_any_order(tmp_path):
    graph = small()
    expected = run(tmp_path, graph)
    nodes = list(graph.node)
    for seed in range(5):
        random.Random(seed).shuffle(nodes)
        assert torch.equal(run(tmp_path, GraphDef(node=nodes)), expected)


def test_constants_behind_identities_control_inputs_and_output_numbers(tmp_path):
    graph = small()
    expected = run(tmp_path, graph)
    for node in graph.node:
        if node.op == "Conv2D":
            node.input[0], node.input[1] = "input:0", "conv_w/read"
            node.input.append("^nothing")
    graph.node.add(name="conv_w/read", op="Identity", input=["conv_w"])
    graph.node.add(name="nothing", op="NoOp")
    assert torch.equal(run(tmp_path, graph), expected)


def test_one_value_stands_for_all_and_sums_may_be_biases(tmp_path):
    graph = small()
    nodes = {node.name: node for node in graph.node}
    nodes["conv_b"].attr["value"].tensor.tensor_content = np.full(4, 0.75, np.float32).tobytes()
    expected = run(tmp_path, graph)
    value = nodes["conv_b"].attr["value"].tensor
    value.tensor_content = b""
    value.float_val.append(0.75)
    nodes["conv_pre_relu"].op = "Add"
    nodes["conv_pre_relu"].input[:] = ["conv_b", "conv_pre_relu/conv"]
    assert torch.equal(run(tmp_path, graph), expected)


def test_a_transposed_dense_layer(tmp_path):
    graph = small()
    expected = run(tmp_path, graph)
    nodes = {node.name: node for node in graph.node}
    value = nodes["dense_w"].attr["value"].tensor
    weight = np.frombuffer(value.tensor_content, np.float32).reshape(64, 5)
    value.tensor_content = weight.T.tobytes()
    value.tensor_shape.dim[0].size, value.tensor_shape.dim[1].size = 5, 64
    nodes["dense/matmul"].attr["transpose_b"].b = True
    assert torch.equal(run(tmp_path, graph), expected)


def test_channels_first(tmp_path):
    graph = small()
    expected = run(tmp_path, graph)
    nodes = {node.name: node for node in graph.node}
    conv = nodes["conv_pre_relu/conv"]
    conv.attr["data_format"].s = b"NCHW"
    conv.attr["strides"].list.i[:] = [1, 1, 2, 2]
    value = nodes["dense_w"].attr["value"].tensor
    weight = np.frombuffer(value.tensor_content, np.float32).reshape(4, 4, 4, 5)
    value.tensor_content = weight.transpose(2, 0, 1, 3).tobytes()
    for dim, size in zip(nodes["input"].attr["shape"].shape.dim, (-1, 3, 8, 8), strict=True):
        dim.size = size
    assert torch.equal(run(tmp_path, graph), expected)


# ---------------------------------------------------------------------- what cannot be imported


def attr(key, **value):
    def change(node):
        for kind, content in value.items():
            if kind == "list":
                node.attr[key].list.i[:] = content
            else:
                setattr(node.attr[key], kind, content)

    return change


def op(kind):
    return lambda node: setattr(node, "op", kind)


def reads(*names):
    return lambda node: node.ClearField("input") or node.input.extend(names)


def content(count):
    def change(node):
        node.attr["value"].tensor.tensor_content = bytes(4 * count)

    return change


def kind(number):
    return lambda node: setattr(node.attr["value"].tensor, "dtype", number)


CONV = "conv_pre_relu__conv"
WRONG = {
    "op": (
        {"conv": op("Elu")},
        CurvesError,
        "node 'conv' of .*graph.pb is a Elu; supported are Add, .* and Const",
    ),
    "dilation": ({CONV: attr("dilations", list=[1, 2, 2, 1])}, CurvesError, r"is dilated by \[1, 2, 2, 1\]"),
    "padding": ({CONV: attr("padding", s=b"EXPLICIT")}, CurvesError, "has padding 'EXPLICIT'; SAME and VALID are"),
    "layout": ({CONV: attr("data_format", s=b"NHCW")}, CurvesError, "has layout NHCW; one of NHWC and NCHW"),
    "strides": ({CONV: attr("strides", list=[1, 2])}, FileDamagedError, r"has strides \[1, 2\], not four numbers"),
    "stride 0": ({CONV: attr("strides", list=[1, 0, 1, 1])}, FileDamagedError, r"has strides \[1, 0, 1, 1\]"),
    "few inputs": ({CONV: reads("input")}, FileDamagedError, "reads 1 values, not 2; fetch the file again"),
    "no weight": (
        {CONV: reads("input", "input")},
        CurvesError,
        "no constant weight of 4 axes .'input'.; give",
    ),
    "bias weight": ({CONV: reads("input", "conv_b")}, CurvesError, "no constant weight of 4 axes"),
    "constant image": ({CONV: reads("conv_w", "conv_w")}, CurvesError, "reads 'conv_w', which does not depend on"),
    "lost input": ({"softmax": reads("gone")}, FileDamagedError, "'softmax' of .* reads 'gone', which is not there"),
    "loop": ({CONV: reads("softmax", "conv_w")}, FileDamagedError, "reads its own result; only graphs without loops"),
    "no bias": ({"conv_pre_relu": reads("conv_pre_relu/conv", "dense_b")}, CurvesError, "is a BiasAdd that is no bias"),
    "sum": (
        {"softmax": lambda node: (op("AddV2")(node), reads("dense", "conv")(node))},
        CurvesError,
        "is a AddV2 that",
    ),
    "late bias": ({"conv": lambda node: (op("Add")(node), reads("input", "dense_b")(node))}, CurvesError, "is no bias"),
    "two readers": ({"softmax": reads("conv_pre_relu/conv")}, CurvesError, "is a BiasAdd that is no bias"),
    "transposed": ({"dense__matmul": attr("transpose_a", b=True)}, CurvesError, "transposes its input"),
    "image size": ({"input": lambda node: node.ClearField("attr")}, CurvesError, "reshapes 50176 values to .*64"),
    "constant": ({"conv_w": content(7)}, FileDamagedError, r"node 'conv_w' of .* has 7 values for \(3, 2, 3, 4\)"),
    "type": ({"conv_b": kind(2)}, CurvesError, "is a constant of type 2; float32 and int32"),
    "dense": ({"conv__reshape": reads("conv", "conv_b")}, CurvesError, "reshapes 64 values to .*only flattening"),
    "second input": ({"softmax": op("Placeholder")}, CurvesError, "'softmax' .* is a second input; only one image"),
    "no input": ({"input": op("Const")}, FileDamagedError, "has no input .Placeholder.; give a frozen graph"),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_name_the_node(case, tmp_path):
    changes, kind_of_error, message = WRONG[case]
    path = write(tmp_path, small(**changes))
    with pytest.raises(kind_of_error, match=message):
        import_graphdef(path)


def test_joining_along_another_axis(tmp_path):
    b = Builder()
    b.node("input", "Placeholder")
    b.node("join", "ConcatV2", "input", "input", b.const("axis", np.int32(1)))
    with pytest.raises(CurvesError, match=r"'join' .* joins along another axis than the channels"):
        import_graphdef(write(tmp_path, b.graph))


def test_what_is_no_such_file(tmp_path):
    with pytest.raises(CurvesError, match=r"there is no file .*nowhere.pb; check the name or fetch it first"):
        import_graphdef(tmp_path / "nowhere.pb")
    path = tmp_path / "wrong.pb"
    for content in (b"", b"<html>404</html>", b"node { name: 'x' }", b"\x89HDF\r\n\x1a\n" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(FileDamagedError, match=r"wrong.pb (is no GraphDef|has no input)"):
            import_graphdef(path)


def test_cut_and_damaged_files_never_give_anything_but_our_errors(tmp_path):
    data, dice, good = GOLDEN.read_bytes(), random.Random(0), 0
    contents = [data[: dice.randrange(len(data))] for _ in range(60)]
    for _ in range(150):
        content = bytearray(data)
        place = dice.randrange(len(data))
        content[place : place + dice.randrange(3)] = bytes([dice.randrange(256)])
        contents.append(bytes(content))
    path = tmp_path / "damaged.pb"
    for content in contents:
        path.write_bytes(content)
        with contextlib.suppress(CurvesError):
            import_graphdef(path)
            good += 1
    assert good < 80
