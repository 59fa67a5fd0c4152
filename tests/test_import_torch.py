"""Torch modules, imported, compute what the modules compute."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor

from circuits import CurvesError, FileDamagedError, Preprocessing, Provenance
from weights.importers.torch_module import import_torch, torchvision_network

PLAIN = Preprocessing()
MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


def randomise(module, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def uniform(tensor, low, high):
        if tensor is not None:  # a prime number of values over and over: VGG16 has 138 million
            values = torch.rand(min(tensor.numel(), 1_000_003), generator=generator) * (high - low) + low
            tensor.data.copy_(values.repeat(-(-tensor.numel() // len(values)))[: tensor.numel()].view(tensor.shape))

    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor, low, high in (
                (layer.weight, 0.5, 1.5),
                (layer.bias, -0.5, 0.5),
                (layer.running_mean, -0.5, 0.5),
                (layer.running_var, 0.3, 2.0),
            ):
                uniform(tensor, low, high)
        elif isinstance(layer, nn.Conv2d | nn.Linear):
            bound = (6 / layer.weight[0].numel()) ** 0.5
            uniform(layer.weight, -bound, bound)
            uniform(layer.bias, -0.2, 0.2)
    return module.eval()


def images(count=2, size=32, seed=1):
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------------- torchvision

MODULES_OF_LAYERS = {
    "googlenet": {
        "conv2d0": "conv1",
        "conv2d2": "conv3",
        "3a/5x5_bottleneck": "inception3a.branch3.0",
        "3b": "inception3b",
        "4a": "inception4a",
        "5b": "inception5b",
        "classifier": "fc",
    },
    "alexnet": {"conv1": "features.1", "conv5": "features.11", "fc6": "classifier.2", "fc8": "classifier.6"},
    "vgg16": {"conv1_1": "features.1", "conv4_3": "features.22", "conv5_3": "features.29", "fc7": "classifier.4"},
    "squeezenet1_1": {"conv1": "features.1", "fire2": "features.3", "fire9/squeeze": "features.12.squeeze_activation"},
}
CHANNELS = {
    "googlenet": {"conv2d0": 64, "conv2d1": 64, "conv2d2": 192, "3a": 256, "3b": 480, "4a": 512, "classifier": 1000},
    "alexnet": {"conv1": 64, "conv2": 192, "conv3": 384, "conv4": 256, "conv5": 256, "fc6": 4096, "fc8": 1000},
    "vgg16": {"conv1_2": 64, "conv3_3": 256, "conv5_1": 512, "fc6": 4096, "fc8": 1000},
    "squeezenet1_1": {"fire2": 128, "fire9": 512, "conv10": 1000, "classifier": 1000},
}


@pytest.mark.parametrize("name", MODULES_OF_LAYERS)
def test_torchvision_networks(name, close):
    made = {"transform_input": True, "aux_logits": True, "init_weights": False} if name == "googlenet" else {}
    with torch.device("meta"):
        module = getattr(models, name)(weights=None, **made)
    module = randomise(module.to_empty(device="cpu"))
    network = torchvision_network(name, module.state_dict(), Provenance(name, "a test", {"licence": "none"}))
    x = images(1, 224)
    wanted = MODULES_OF_LAYERS[name]
    with torch.no_grad():
        normalised = (x - MEAN) / STD
        if name == "googlenet":
            module.aux1 = module.aux2 = None
        expected = create_feature_extractor(module, list(wanted.values()))(normalised)
        close(network(x).flatten(1), module(normalised))
    found = network.activations(x, list(wanted))
    for layer, path in wanted.items():
        close(found[layer], expected[path].relu() if layer != "classifier" and "fc8" not in layer else expected[path])
    assert {layer: network.layers[layer].channels for layer in CHANNELS[name]} == CHANNELS[name]
    assert network.provenance.details["licence"] == "none"
    assert network.provenance.details["importer"] == "import_torch"
    left_out = network.provenance.details["left_out"]
    assert ("aux1.fc1" in left_out) == (name == "googlenet")


def test_googlenet_has_the_articles_names_and_no_slicing():
    with torch.device("meta"):
        state = models.googlenet(weights=None, init_weights=False, aux_logits=False).state_dict()
    state = {key: torch.rand(value.shape) if value.ndim else torch.tensor(0) for key, value in state.items()}
    network = torchvision_network("googlenet", state, Provenance("googlenet", "a test"))
    mixed = [f"{m}{part}" for m in ("3a", "3b") for part in ("/3x3_bottleneck", "/5x5_bottleneck", "")]
    assert list(network.layers)[:9] == ["conv2d0", "conv2d1", "conv2d2", *mixed]
    assert network.preprocessing == Preprocessing("RGB", 1.0, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert network.producer("3b:479") == ("3b/pool_reduce", 63)
    parts = ["1x1", "3x3_bottleneck/pre", "3x3_bottleneck", "3x3", "5x5_bottleneck/pre", "5x5_bottleneck", "5x5"]
    names = [op.name for op in network.ops if op.name.startswith("4a")]
    assert names == [*(f"4a/{part}" for part in parts), "4a/pool", "4a/pool_reduce", "4a/pre", "4a"]


def test_a_state_dict_that_does_not_fit():
    with pytest.raises(
        CurvesError, match=r"the file does not fit torchvision's alexnet .*Missing key.*; fetch it again"
    ):
        torchvision_network("alexnet", {"features.0.weight": torch.zeros(1)}, Provenance("a", "the file"))
    with pytest.raises(CurvesError, match=r"no importer for torchvision's 'resnet18'; there is one for googlenet"):
        torchvision_network("resnet18", {}, Provenance("a", "b"))


# ---------------------------------------------------------------------- any module


class Everything(nn.Module):
    """Every op that is supported, as module, function or method, in place and not."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, (5, 3), stride=(2, 1), padding=(2, 0), bias=False)
        self.norm = nn.BatchNorm2d(8, affine=False)
        self.relu = nn.ReLU(inplace=True)
        self.lrn = nn.LocalResponseNorm(4, alpha=0.5, beta=0.6, k=1.5)
        self.grouped = nn.Conv2d(8, 12, 2, padding="same", groups=4)
        self.plain = nn.Conv2d(8, 6, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(6)
        self.drop = nn.Dropout(0.9)
        self.dense = nn.Linear(18 * 4 * 3, 10)
        self.last = nn.Linear(10, 4, bias=False)

    def mixed(self, x):
        x = self.relu(self.norm(self.first(x)))
        x = self.lrn(F.max_pool2d(x, 3, 2, ceil_mode=True))
        a = self.grouped(x)
        self.relu(a)  # in place, the result not used
        b = F.relu(self.norm2(self.plain(x)))
        return torch.cat([a, b], 1)

    def forward(self, x):
        x = self.mixed(x)
        x = F.dropout(F.avg_pool2d(x, 3, 2, 1, count_include_pad=False), 0.5, self.training)
        x = F.adaptive_avg_pool2d(x, (4, 3))
        x = self.dense(torch.flatten(self.drop(x), 1)).relu()
        return torch.softmax(self.last(x), dim=1)


def test_every_op(close):
    module = randomise(Everything())
    module.train()  # imported as in evaluation, and left as it is
    network = import_torch(module, preprocessing=PLAIN, layers={"mixed": "cat", "top": "last"}, input_size=32)
    assert module.training
    x = images(size=32)
    close(network(x), module.eval()(x))
    assert list(network.layers) == ["first", "mixed", "dense", "top", "softmax"]
    close(network.activations(x, ["mixed"])["mixed"], module.mixed(x))
    with torch.no_grad():
        module.first.weight.zero_()
    assert network.tensors["first/pre/weight"].abs().max() > 0, "the network must not share the module's memory"


def test_relu_stays_where_someone_else_reads_it(close):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 5, 1)
            self.c = nn.Conv2d(9, 2, 1)
            self.d = nn.Conv2d(4, 2, 1)

        def forward(self, x):
            a, b = F.relu(self.a(x)), F.relu(self.b(x))
            return torch.cat([self.c(torch.cat([a, b], 1)), self.d(a)], 1)

    module = randomise(Shared())
    network = import_torch(module, preprocessing=PLAIN, input_size=8)
    assert {"a", "b"} <= network.layers.keys()
    close(network(images(size=8)), module(images(size=8)))


def test_norms_after_several_convolutions(close):
    def branches(x, a, b, norm_a, norm_b):
        y, z = a(x), b(x)
        return torch.cat([norm_a(y), norm_b(z)], 1)

    layers = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(3), nn.BatchNorm2d(4)
    module = randomise(Calls(branches, *layers))
    network = import_torch(module, preprocessing=PLAIN, input_size=8)
    close(network(images(size=8)), module(images(size=8)))


def test_a_module_called_twice(close):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(F.relu(self.conv(x)))

    module = randomise(Twice())
    network = import_torch(module, preprocessing=PLAIN, input_size=8)
    close(network(images(size=8)), module(images(size=8)))


def test_preprocessing_that_the_module_does_itself(close):
    class Transforming(nn.Module):
        def __init__(self):
            super().__init__()
            self.transform_input = True
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            if self.transform_input:  # torchvision's formula
                imagenet = zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), strict=True)
                x = torch.stack([x[:, i] * (s / 0.5) + (m - 0.5) / 0.5 for i, (m, s) in enumerate(imagenet)], 1)
            return self.conv(x)

    module = randomise(Transforming())
    before = Preprocessing("RGB", 2.0, (0.1, 0.2, 0.3), (0.5, 0.25, 2.0))
    network = import_torch(module, preprocessing=before, input_size=8)
    close(network(images(size=8)), module(before(images(size=8))), 1e-6)


@st.composite
def windows(draw, channels):
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    kind = draw(st.sampled_from(["conv", "norm", "max", "mean"]))
    stride = draw(st.integers(1, 3))
    padding = draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, ceil_mode=draw(st.booleans())), channels
    if kind == "mean":
        return nn.AvgPool2d(kernel, stride, padding, draw(st.booleans()), draw(st.booleans())), channels
    groups = draw(st.sampled_from([g for g in (1, 2, 3) if channels % g == 0]))
    out = groups * draw(st.integers(1, 3))
    layer = nn.Conv2d(channels, out, kernel, stride, padding, groups=groups, bias=draw(st.booleans()))
    return (nn.Sequential(layer, nn.BatchNorm2d(out), nn.ReLU(True)) if kind == "norm" else layer), out


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_random_stacks_of_windows(data):
    channels, layers = 3, []
    for _ in range(data.draw(st.integers(1, 3))):
        layer, channels = data.draw(windows(channels))
        layers.append(layer)
    module = randomise(nn.Sequential(*layers))
    x = images(1, 33)
    network = import_torch(module, preprocessing=PLAIN, input_size=33)
    torch.testing.assert_close(network(x), module(x), rtol=1e-4, atol=1e-5)


# ---------------------------------------------------------------------- what cannot be imported


class Calls(nn.Module):
    def __init__(self, function, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, x):
        return self.function(x, *self.layers)


CONV = nn.Conv2d(3, 3, 1)
UNSUPPORTED = {
    "add": (
        Calls(lambda x, conv: conv(x) + x, CONV),
        r"node 'add' of Calls is add of 2 tensors, .*supported are .*Conv2d",
    ),
    "sigmoid": (nn.Sequential(CONV, nn.Sigmoid()), r"node '_1' of Sequential is Sigmoid, which is not supported"),
    "function": (Calls(torch.tanh), "is tanh, which is not supported"),
    "method": (Calls(lambda x, conv: conv(x).mean(1), CONV), "is mean, which is not supported"),
    "dilation": (nn.Sequential(nn.Conv2d(3, 3, 3, dilation=2)), r"'0' is dilated by \(2, 2\); only dilation 1"),
    "reflection": (nn.Sequential(nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect")), "pads with 'reflect'"),
    "pool dilation": (nn.Sequential(nn.MaxPool2d(2, dilation=2)), "max-pooling with dilation"),
    "divisor": (nn.Sequential(nn.AvgPool2d(2, divisor_override=3)), "divides by 3"),
    "open size": (nn.Sequential(nn.AdaptiveAvgPool2d((None, 1))), "only sizes given in full"),
    "softmax": (nn.Sequential(nn.Softmax(3)), "softmax over dimension 3"),
    "softmax of a map": (
        nn.Sequential(CONV, nn.Flatten(), nn.Softmax(1)),
        r"'2' in .* is a softmax over a map of \(16, 16\)",
    ),
    "flatten": (nn.Sequential(CONV, nn.Flatten(2)), r"flatten\(2, -1\)"),
    "cat": (Calls(lambda x, conv: torch.cat([conv(x), x], 2), CONV), "cat along dimension 2"),
    "cat itself": (Calls(lambda x, conv: torch.cat([conv(x)] * 2, 1), CONV), "cat of a tensor with itself"),
    "lone norm": (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3)), "BatchNorm2d that is not the one reader of a conv"),
    "no statistics": (
        nn.Sequential(CONV, nn.BatchNorm2d(3, track_running_stats=False)),
        "'1' has no running statistics",
    ),
    "values": (Calls(lambda x, conv: conv(x) if x.sum() > 0 else x, CONV), "cannot be traced by torch.fx"),
    "two outputs": (Calls(lambda x, conv: (conv(x), x), CONV), "an output of type"),
    "size": (nn.Sequential(nn.Flatten(), nn.Linear(10, 2)), "weight of '1' is .2, 10.* fits for images of 16 x 16 px"),
}


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_errors_name_node_and_op(case):
    module, message = UNSUPPORTED[case]
    with pytest.raises(CurvesError, match=message):
        import_torch(module, preprocessing=PLAIN, input_size=16)


def test_norm_whose_conv_has_another_reader():
    def branches(x, conv, norm):
        y = conv(x)
        return torch.cat([norm(y), y], 1)

    with pytest.raises(CurvesError, match=r"not the one reader"):
        import_torch(Calls(branches, CONV, nn.BatchNorm2d(3)), preprocessing=PLAIN, input_size=8)


def test_an_unknown_path_and_a_broken_weight():
    module = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())
    with pytest.raises(CurvesError, match=r"layer 'a' names the module '00', which is not called; there is 0"):
        import_torch(module, preprocessing=PLAIN, layers={"a": "00"}, input_size=8)
    with torch.no_grad():
        module[0].bias[1] = torch.nan
    with pytest.raises(FileDamagedError, match=r"the bias of '0' .* has NaN"):
        import_torch(module, preprocessing=PLAIN, input_size=8)


def test_two_images():
    class Two(nn.Module):
        def forward(self, x, y):
            return torch.cat([x, y], 1)

    with pytest.raises(CurvesError, match=r"Two takes more than one input"):
        import_torch(Two(), preprocessing=PLAIN)
