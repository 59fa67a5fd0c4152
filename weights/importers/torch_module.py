"""Networks from torch modules, through `torch.fx`, and torchvision's architectures with the articles' layer names."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, fx, nn

from circuits import CurvesError, Network, Preprocessing, Provenance
from weights.importers.draft import Draft, to_network
from weights.importers.googlenet import BRANCHES
from weights.importers.torch_graph import GraphReader

__all__ = ["import_torch", "torchvision_network"]

_IMAGENET = Preprocessing("RGB", 1.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def import_torch(
    module: nn.Module,
    *,
    preprocessing: Preprocessing,
    layers: Mapping[str, str] | None = None,
    input_size: int = 224,
    provenance: Provenance | None = None,
) -> Network:
    """The network that a torch module computes in evaluation mode (`module.eval()`); the module is left as it is.

    Args:
        module: takes N x 3 x H x W and returns one tensor; its forward must be traceable by `torch.fx`.
        preprocessing: what the images in [0, 1] go through before the module sees them.
        layers: names of layers, each with the path of the module (`features.0`, or a container such as `inception3a`)
            whose output it is. Others are called after their path, with slashes.
        input_size: rows (= columns) of the images that the module was made for.
        provenance: where the module came from.

    Raises:
        CurvesError: the module cannot be traced, does what is not supported, or has no module of a path in `layers`.
    """
    # A shallow copy shares all weights; only these two attributes of the root change.
    module = copy.copy(module)
    module.training = False
    if getattr(module, "transform_input", False):
        # torchvision's GoogLeNet expects ImageNet's normalisation, and undoes it by slicing channels.
        module.transform_input = False  # type: ignore[assignment]
        preprocessing = _transform_input(preprocessing)
    try:
        graph = fx.Tracer().trace(module)
    except Exception as error:
        raise CurvesError(
            f"{type(module).__name__} cannot be traced by torch.fx ({error}); its forward must not depend on values"
        ) from error
    reader = GraphReader(module)
    for node in graph.nodes:
        reader.read(node)
    given = provenance or Provenance(type(module).__name__, f"{type(module).__module__}.{type(module).__qualname__}")
    details = {"importer": "import_torch", "left_out": reader.unused()} | dict(given.details)
    return to_network(
        Draft(reader.ops, reader.tensors, reader.names(graph, layers or {})),
        preprocessing=preprocessing,
        input_size=input_size,
        provenance=replace(given, details=details),
    )


def torchvision_network(
    name: Literal["googlenet", "alexnet", "vgg16", "squeezenet1_1"],
    state_dict: Mapping[str, Tensor],
    provenance: Provenance,
) -> Network:
    """One of torchvision's networks from its state dict, with ImageNet preprocessing and the literature's layer names.

    GoogLeNet's layers are conv2d0 .. conv2d2, 3a .. 5b with their bottlenecks, and classifier. (torchvision's "5x5"
    branch is a 3x3 convolution.) Its auxiliary heads, which only training uses, are left out.

    Raises:
        CurvesError: the network is unknown, or the state dict is not one of its.
    """
    if name not in _LAYERS:
        raise CurvesError(f"there is no importer for torchvision's {name!r}; there is one for {', '.join(_LAYERS)}")
    from torchvision import models

    settings = {"init_weights": False}
    if name == "googlenet":  # as torchvision builds it for its own weights
        settings |= {"transform_input": True, "aux_logits": any(key.startswith("aux1.") for key in state_dict)}
    elif name != "vgg16":
        settings = {}
    with torch.device("meta"):  # no time and memory for weights that are replaced at once
        module: nn.Module = getattr(models, name)(weights=None, **settings)
    try:
        module.load_state_dict(state_dict, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CurvesError(
            f"{provenance.source} does not fit torchvision's {name} ({reason}); fetch it again"
        ) from error
    return import_torch(module, preprocessing=_IMAGENET, layers=_LAYERS[name](), provenance=provenance)


def _googlenet() -> dict[str, str]:
    layers = {"conv2d0": "conv1", "conv2d1": "conv2", "conv2d2": "conv3", "classifier": "fc"}
    branches = ("branch1", "branch2.0", "branch2.1", "branch3.0", "branch3.1", "branch4.0", "branch4.1")
    for mixed in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        layers[mixed] = f"inception{mixed}"
        for part, branch in zip(BRANCHES.values(), branches, strict=True):
            layers[f"{mixed}/{part}"] = f"inception{mixed}.{branch}"
    return layers


def _vgg16() -> dict[str, str]:
    layers, place = {"fc6": "classifier.0", "fc7": "classifier.3", "fc8": "classifier.6"}, 0
    for block, count in enumerate((2, 2, 3, 3, 3), 1):
        for index in range(1, count + 1):
            layers[f"conv{block}_{index}"] = f"features.{place}"
            place += 2  # each is followed by a ReLU
        layers[f"pool{block}"] = f"features.{place}"
        place += 1
    return layers


def _alexnet() -> dict[str, str]:
    convs = {f"conv{index}": f"features.{place}" for index, place in enumerate((0, 3, 6, 8, 10), 1)}
    return convs | {"fc6": "classifier.1", "fc7": "classifier.4", "fc8": "classifier.6"}


def _squeezenet() -> dict[str, str]:
    layers = {"conv1": "features.0", "conv10": "classifier.1", "classifier": "classifier.3"}
    for index, place in enumerate((3, 4, 6, 7, 9, 10, 11, 12), 2):
        layers[f"fire{index}"] = f"features.{place}"
        for part in ("squeeze", "expand1x1", "expand3x3"):
            layers[f"fire{index}/{part}"] = f"features.{place}.{part}"
    return layers


_LAYERS = {"googlenet": _googlenet, "alexnet": _alexnet, "vgg16": _vgg16, "squeezenet1_1": _squeezenet}


def _transform_input(before: Preprocessing) -> Preprocessing:
    """`before` followed by torchvision's `transform_input`, a scale and an offset per channel, as one preprocessing."""
    mean, std = [], []
    for m, s, imagenet_mean, imagenet_std in zip(before.mean, before.std, _IMAGENET.mean, _IMAGENET.std, strict=True):
        scale, offset = imagenet_std / 0.5, (imagenet_mean - 0.5) / 0.5
        std.append(round(s / scale, 12))
        mean.append(round(m - offset * s / scale, 12))
    return replace(before, mean=(mean[0], mean[1], mean[2]), std=(std[0], std[1], std[2]))
