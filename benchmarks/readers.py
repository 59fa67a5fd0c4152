"""How each tool reads what a tensor of a torch module is: N x 3 x H x W to N x C x H' x W', all batches alike.

As documented: the whole network runs, with what each tool's own guide shows. Handed our crop: the modules end at the
tensor, and each tool is used in the way of it that costs least. `KNOWING` has also our normalisation and memory layout.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.contract import DOCUMENTED, HANDED, Run, Way
from benchmarks.plain_torch import PlainTorch, knowing
from circuits import Network

__all__ = ["KNOWING", "READERS", "Read", "modules", "reader", "ways_of"]

Read = Callable[[Tensor], Tensor]


KNOWING = "and our normalisation and layout"
"""The label of ways that are handed all that we know; what it adds is the same for all tools, so torch's says it."""


def modules(net: Network, column: str, label: str, tensor: str) -> PlainTorch:
    """The network as the tools get it."""
    if column == DOCUMENTED:
        return PlainTorch(net, [net.ops[-1].name])
    return knowing(net, [tensor]) if label == KNOWING else PlainTorch(net, [tensor])


def reader(tool: str, column: str, label: str, net: Network, tensor: str) -> Read:
    """How `tool` reads `tensor` of the same network, without gradients."""
    plain = modules(net, column, label, tensor)
    read = READERS[tool](plain.eval(), tensor)

    def quietly(images: Tensor) -> Tensor:
        with torch.no_grad():
            return read(images)

    return quietly


def ways_of(tools: Iterable[str], prepare: Callable[..., Run], **options: Any) -> list[Way]:
    """Each tool as documented and handed our crop, torch also with all that we know; `prepare` takes which, and pieces.

    Args:
        tools: their names.
        prepare: takes the tool, the column, the label and the pieces.
        options: of every way.
    """
    cases = [(tool, column, "") for tool in tools for column in (DOCUMENTED, HANDED)]
    cases.append(("torch", HANDED, KNOWING))
    return [Way(tool, column, partial(prepare, tool, column, label), label, **options) for tool, column, label in cases]


def _torch(plain: PlainTorch, tensor: str) -> Read:
    """A forward hook; where the modules end at the tensor, they return it."""
    if tensor in plain.keep:
        return lambda images: plain(images)[tensor]

    def read(images: Tensor) -> Tensor:
        kept = []
        handle = plain.module(tensor).register_forward_hook(lambda _module, _inputs, output: kept.append(output))
        try:
            plain(images)
        finally:
            handle.remove()
        return kept[0]

    return read


def _torchvision(plain: PlainTorch, tensor: str) -> Read:
    """The graph of the modules, cut at the tensor by torchvision itself."""
    from torchvision.models.feature_extraction import create_feature_extractor

    extractor = create_feature_extractor(plain, return_nodes={plain.key(tensor): "read"})
    return lambda images: extractor(images)["read"]


def _captum(plain: PlainTorch, tensor: str) -> Read:
    from captum.attr import LayerActivation

    class Said(nn.Module):  # captum takes a module that returns a tensor
        def __init__(self) -> None:
            super().__init__()
            self.plain = plain

        def forward(self, images: Tensor) -> Tensor:
            return self.plain(images)[plain.keep[-1]]

    return LayerActivation(Said(), plain.module(tensor)).attribute


def _lucent(plain: PlainTorch, tensor: str) -> Read:
    """`hook_model` hooks every module and leaves the hooks there, so it is called once."""
    from lucent.optvis.render import hook_model

    shown: list[Tensor] = []
    hook = hook_model(plain, lambda: shown[0])

    def read(images: Tensor) -> Tensor:
        shown[:] = [images]
        plain(images)
        return hook(plain.key(tensor))

    return read


def _nnsight(plain: PlainTorch, tensor: str) -> Read:
    from nnsight import NNsight

    wrapped, stops = NNsight(plain), tensor in plain.keep

    def read(images: Tensor) -> Tensor:
        with wrapped.trace(images) as tracer:
            output = getattr(wrapped, plain.key(tensor)).output.save()
            if stops:
                tracer.stop()
        return output

    return read


def _pyvene(plain: PlainTorch, tensor: str) -> Read:
    import pyvene
    from transformers import PretrainedConfig

    plain.config = PretrainedConfig()  # it asks for one, as transformers' models have
    kept: list[Tensor] = []

    def keep(base: Tensor, _source: object) -> Tensor:
        kept[:] = [base]
        return base

    wrapped = pyvene.IntervenableModel({"component": f"{plain.key(tensor)}.output", "intervention": keep}, plain)

    def read(images: Tensor) -> Tensor:
        wrapped({"images": images})
        return kept[0]

    return read


READERS: dict[str, Callable[[PlainTorch, str], Read]] = {
    "torch": _torch,
    "torchvision": _torchvision,
    "captum": _captum,
    "lucent": _lucent,
    "nnsight": _nnsight,
    "pyvene": _pyvene,
}
