"""Reading a graph that `torch.fx` traced: nodes to ops, batch norm folded, what is in place told from what is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import torch
from torch import Tensor, fx, nn

from circuits import CurvesError
from circuits.ops import Concat, Op
from circuits.regions import INPUT
from weights.importers.draft import needed
from weights.importers.torch_layers import ALIASES, FUNCTIONS, METHODS, OPS, fold_batch_norm, weights_of

__all__ = ["GraphReader"]


class GraphReader:
    """Turns the nodes of a traced graph into ops one by one, keeping which op holds each node's value."""

    def __init__(self, root: nn.Module) -> None:
        self.root = root
        self.modules: dict[str, nn.Module] = dict(root.named_modules())
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}
        self.writer: dict[fx.Node, str] = {}
        self.used: set[str] = set()

    def read(self, node: fx.Node) -> None:
        """Take the next node.

        Raises:
            CurvesError: it does what is not supported; names the node, the op and what is supported.
        """
        if node.op == "placeholder":
            if INPUT in self.writer.values():
                raise CurvesError(f"{type(self.root).__name__} takes more than one input; only one image is supported")
            self.writer[node] = INPUT
        elif node.op == "output":
            self._output(node)
        elif node.op == "call_function" and node.target in {torch.cat, torch.concat}:
            self._concat(node)
        elif len(node.all_input_nodes) != 1:
            raise self._unsupported(node, f"{self._called(node)} of {len(node.all_input_nodes)} tensors")
        else:
            self._module(node, self._as_module(node))

    def _as_module(self, node: fx.Node) -> nn.Module:
        """The module that a node calls, or that does the same as the function or method it calls."""
        if node.op == "call_module":
            self.used.add(str(node.target))
            return self.modules[str(node.target)]
        functions: Mapping[Any, Callable[..., nn.Module]] = FUNCTIONS if node.op == "call_function" else METHODS
        if node.target not in functions:
            raise self._unsupported(node, self._called(node))
        settings = {key: value for key, value in node.kwargs.items() if key != "input"}
        make: Callable[..., nn.Module] = functions[node.target]
        return make(*node.args[1:], **settings)

    def _module(self, node: fx.Node, module: nn.Module) -> None:
        (source,) = node.all_input_nodes
        if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) != (1, -1):
            raise self._unsupported(node, f"flatten({module.start_dim}, {module.end_dim})")
        if isinstance(module, ALIASES):
            self.writer[node] = self.writer[source]
        elif isinstance(module, nn.BatchNorm2d):
            self._fold(node, module, source)
        elif type(module) in OPS:
            op = OPS[type(module)](module, self._name(node), (self.writer[source],))
            if isinstance(module, nn.Conv2d | nn.Linear):
                self.tensors |= {f"{op.name}/{part}": tensor for part, tensor in weights_of(module).items()}
            if getattr(module, "inplace", False):  # whoever reads the same memory later sees the result
                old = self.writer[source]
                self.writer.update({other: op.name for other, name in self.writer.items() if name == old})
            self._add(node, op)
        else:
            raise self._unsupported(node, self._called(node))

    def _fold(self, node: fx.Node, norm: nn.BatchNorm2d, source: fx.Node) -> None:
        conv = self.writer[source]
        is_conv = source.op == "call_module" and isinstance(self.modules[str(source.target)], nn.Conv2d)
        if not is_conv or len(source.users) != 1:
            raise self._unsupported(node, "BatchNorm2d that is not the one reader of a convolution")
        weights = {part: self.tensors[f"{conv}/{part}"] for part in ("weight", "bias")}
        folded = fold_batch_norm(norm, self._name(node), weights)
        self.tensors |= {f"{conv}/{part}": tensor for part, tensor in folded.items()}
        self.writer[node] = conv

    def _concat(self, node: fx.Node) -> None:
        sources = node.all_input_nodes
        dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        if dim not in {1, -3}:
            raise self._unsupported(node, f"cat along dimension {dim}")
        given: Any = node.args[0] if node.args else node.kwargs["tensors"]
        if list(given) != sources:  # fx drops repeated inputs from all_input_nodes
            raise self._unsupported(node, "cat of a tensor with itself")
        self._add(node, Concat(self._name(node), tuple(self.writer[source] for source in sources)))

    def _output(self, node: fx.Node) -> None:
        (result,) = node.args
        if not isinstance(result, fx.Node) or not self.ops:
            raise self._unsupported(node, f"an output of type {type(result).__name__}")
        self.ops, _ = needed(self.ops, self.writer[result])

    def _add(self, node: fx.Node, op: Op) -> None:
        self.ops.append(op)
        self.writer[node] = op.name

    def _name(self, node: fx.Node) -> str:
        """The module's path for its first call; for others, and functions, fx's name after the path around it."""
        if node.op == "call_module" and all(op.name != node.target for op in self.ops):
            return str(node.target)
        around = [path for path in _stack(node) if path and path != node.target]
        return ".".join([*around[-1:], node.name])

    def _called(self, node: fx.Node) -> str:
        if node.op == "call_module":
            return type(self.modules[str(node.target)]).__name__
        return getattr(node.target, "__name__", str(node.target))

    def _unsupported(self, node: fx.Node, what: str) -> CurvesError:
        known = sorted({kind.__name__ for kind in (*OPS, *ALIASES, nn.BatchNorm2d)} | {"cat"})
        return CurvesError(
            f"node {node.name!r} of {type(self.root).__name__} is {what}, which is not supported; supported are "
            f"{', '.join(known)} and the functions of the same names"
        )

    def unused(self) -> list[str]:
        """Modules with weights that evaluation does not call."""
        weighted = {path for path, module in self.modules.items() if list(module.parameters(recurse=False))}
        return sorted(weighted - self.used)

    def names(self, graph: fx.Graph, layers: Mapping[str, str]) -> dict[str, str]:
        """The layers' names by op: the op that wrote the last value inside the module of a path."""
        last: dict[str, str] = {}
        for node in graph.nodes:
            if node in self.writer and node.op != "placeholder":
                paths = {*_stack(node), str(node.target) if node.op == "call_module" else node.name}
                last |= dict.fromkeys(paths, self.writer[node])
        names = {}
        for layer, path in layers.items():
            if path not in last:
                near = ", ".join(get_close_matches(path, last, 3)) or "none of a similar name"
                raise CurvesError(f"layer {layer!r} names the module {path!r}, which is not called; there is {near}")
            names[last[path]] = layer
        return names


def _stack(node: fx.Node) -> list[str]:
    """Paths of the modules whose forward a node is in, outermost first."""
    return [path for path, _ in node.meta.get("nn_module_stack", {}).values()]
