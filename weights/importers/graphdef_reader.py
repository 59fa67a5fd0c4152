"""TensorFlow's nodes as ops: sizes are followed because SAME padding and dense layers depend on them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, FileDamagedError
from circuits.ops import AvgPool, Concat, Conv, Linear, LocalResponseNorm, MaxPool, Op, Padding, ReLU, Softmax
from circuits.regions import INPUT, extents
from weights.importers.draft import decimal, to_tensor
from weights.importers.graphdef_pb2 import DT_FLOAT, DT_INT32, NodeDef

__all__ = ["GraphDefReader", "sources"]


def sources(node: NodeDef) -> list[str]:
    """The nodes that a node reads, without control inputs and output numbers."""
    return [name.removesuffix(":0") for name in node.input if not name.startswith("^")]


class GraphDefReader:
    """Turns nodes into ops one by one, keeping which op holds each node's value.

    Args:
        path: of the file, for messages.
        nodes: by name.
        readers: how many inputs each node's value goes to.
    """

    def __init__(self, path: str, nodes: Mapping[str, NodeDef], readers: Mapping[str, int]) -> None:
        self.path = path
        self.nodes = nodes
        self.readers = readers
        self.ops: list[Op] = []
        self.tensors: dict[str, Tensor] = {}
        self.input_size = 224
        self.writer: dict[str, str] = {}
        self.channels = {INPUT: 3}
        self.layouts: set[str] = set()

    def read(self, node: NodeDef) -> None:
        """Take the next node.

        Raises:
            CurvesError: it does what is not supported; names the node, the op and what is supported.
            FileDamagedError: an attribute or a constant does not fit.
        """
        if node.op in {"Const", "NoOp"} or self._constant(node.name) is not None:
            return
        kinds: dict[str, tuple[int, Callable[[NodeDef], None]]] = {
            "Add": (2, self._bias),
            "AddV2": (2, self._bias),
            "AvgPool": (1, self._pool),
            "BiasAdd": (2, self._bias),
            "Concat": (2, self._concat),
            "ConcatV2": (2, self._concat),
            "Conv2D": (2, self._conv),
            "Identity": (1, self._alias),
            "LRN": (1, self._lrn),
            "MatMul": (2, self._matmul),
            "MaxPool": (1, self._pool),
            "Placeholder": (0, self._placeholder),
            "Relu": (1, self._relu),
            "Reshape": (2, self._reshape),
            "Softmax": (1, self._softmax),
        }
        if node.op not in kinds:
            raise self._unsupported(node, f"is a {node.op}; supported are {', '.join(kinds)} and Const")
        count, take = kinds[node.op]
        if len(sources(node)) < count:
            raise self._damaged(node, f"reads {len(sources(node))} values, not {count}")
        take(node)

    # ------------------------------------------------------------------ ops

    def _placeholder(self, node: NodeDef) -> None:
        if INPUT in self.writer.values():
            raise self._unsupported(node, "is a second input; only one image is supported")
        self.writer[node.name] = INPUT
        sizes = [dim.size for dim in node.attr["shape"].shape.dim]
        if len(sizes) == 4 and sizes[2] > 3:
            self.input_size = sizes[2]  # rows or columns, whatever the layout

    def _alias(self, node: NodeDef) -> None:
        (self.writer[node.name],) = self._inputs(node)

    def _relu(self, node: NodeDef) -> None:
        self._add(node, ReLU(node.name, self._inputs(node)))

    def _softmax(self, node: NodeDef) -> None:
        self._add(node, Softmax(node.name, self._inputs(node)))

    def _conv(self, node: NodeDef) -> None:
        inputs = self._inputs(node, 1)
        kernel = self._weight(node, 1, 4)  # kh, kw, I, O
        if self._list(node, "dilations") not in ([], [1, 1, 1, 1]):
            raise self._unsupported(
                node, f"is dilated by {self._list(node, 'dilations')}; only dilation 1 is supported"
            )
        rows, columns, read, written = kernel.shape
        stride = self._window(node, "strides")
        padding = self._padding(node, inputs[0], (rows, columns), stride)
        channels = self.channels[inputs[0]]
        if not read or channels % read:
            raise self._damaged(node, f"reads {read} channels of {channels}")
        self._weigh(node, kernel.transpose(3, 2, 0, 1))
        self._add(node, Conv(node.name, inputs, (rows, columns), stride, padding, channels // read), written)

    def _matmul(self, node: NodeDef) -> None:
        inputs = self._inputs(node, 1)
        weight = self._weight(node, 1, 2)  # I, O
        if node.attr["transpose_a"].b:
            raise self._unsupported(node, "transposes its input, which is not supported")
        weight = weight.T if node.attr["transpose_b"].b else weight
        channels, (rows, columns) = self.channels[inputs[0]], self._size(inputs[0])
        if len(weight) != channels * rows * columns:
            raise self._damaged(
                node,
                f"reads {len(weight)} values, but {rows} x {columns} x {channels} come in from images of "
                f"{self.input_size} px",
            )
        if "NHWC" in self.layouts or not self.layouts:  # rows in H, W, C order, ours are C, H, W
            weight = weight.reshape(rows, columns, channels, -1).transpose(2, 0, 1, 3).reshape(len(weight), -1)
        self._weigh(node, weight.T)
        self._add(node, Linear(node.name, inputs), weight.shape[1])

    def _bias(self, node: NodeDef) -> None:
        """Fold into the bias of the conv or dense op whose one reader this is."""
        if self._constant(sources(node)[0]) is not None:  # a sum's constant may come first
            node = NodeDef(name=node.name, op=node.op, input=reversed(sources(node)))
        (source,) = self._inputs(node, 1)
        values = self._constant(sources(node)[1])
        known = self.tensors.get(f"{source}/bias")
        if known is None or self.readers[sources(node)[0]] != 1 or values is None or values.shape != tuple(known.shape):
            raise self._unsupported(
                node, f"is a {node.op} that is no bias of a Conv2D or MatMul just before; only such are supported"
            )
        self.tensors[f"{source}/bias"] = known + to_tensor(values)
        self.writer[node.name] = source

    def _pool(self, node: NodeDef) -> None:
        inputs = self._inputs(node)
        kernel, stride = self._window(node, "ksize"), self._window(node, "strides")
        kind = MaxPool if node.op == "MaxPool" else AvgPool  # a mean leaves padding out
        self._add(node, kind(node.name, inputs, kernel, stride, self._padding(node, inputs[0], kernel, stride)))

    def _lrn(self, node: NodeDef) -> None:
        radius = node.attr["depth_radius"].i if "depth_radius" in node.attr else 5
        bias, alpha, beta = (
            decimal(node.attr[key].f) if key in node.attr else default
            for key, default in (("bias", 1.0), ("alpha", 1.0), ("beta", 0.5))
        )
        size = 2 * radius + 1
        # TensorFlow multiplies the sum over the window by alpha; torch, and our op, by alpha / size.
        self._add(node, LocalResponseNorm(node.name, self._inputs(node), size, decimal(alpha * size), beta, bias))

    def _concat(self, node: NodeDef) -> None:
        names = sources(node)
        at, joined = (0, names[1:]) if node.op == "Concat" else (len(names) - 1, names[:-1])
        axis = self._constant(names[at])
        channels = {3, -1} if "NCHW" not in self.layouts else {1, -3}
        if axis is None or axis.size != 1 or int(axis.item()) not in channels:
            raise self._unsupported(node, "joins along another axis than the channels, which is not supported")
        inputs = tuple(self._written(node, name) for name in joined)
        self._add(node, Concat(node.name, inputs), sum(self.channels[name] for name in inputs))

    def _reshape(self, node: NodeDef) -> None:
        """Only flattening, N x H x W x C to N x H W C, which our dense op does by itself."""
        (source,) = self._inputs(node, 1)
        shape = self._constant(sources(node)[1])
        count = self.channels[source] * prod(self._size(source))
        if shape is None or shape.size != 2 or (shape[1] != count and tuple(shape) != (1, -1)):
            raise self._unsupported(node, f"reshapes {count} values to {shape}; only flattening is supported")
        self.writer[node.name] = source

    # ------------------------------------------------------------------ what ops are made of

    def _add(self, node: NodeDef, op: Op, channels: int | None = None) -> None:
        self.ops.append(op)
        self.writer[node.name] = op.name
        self.channels[op.name] = self.channels[op.inputs[0]] if channels is None else channels

    def _weigh(self, node: NodeDef, weight: NDArray[Any]) -> None:
        self.tensors[f"{node.name}/weight"] = to_tensor(weight)
        self.tensors[f"{node.name}/bias"] = to_tensor(np.zeros(len(weight), np.float32))

    def _size(self, tensor: str) -> tuple[int, int]:
        return extents(self.ops, self.input_size, self.input_size)[tensor]

    def _inputs(self, node: NodeDef, count: int | None = None) -> tuple[str, ...]:
        return tuple(self._written(node, name) for name in sources(node)[:count])

    def _written(self, node: NodeDef, name: str) -> str:
        if name not in self.writer:
            raise self._unsupported(node, f"reads {name!r}, which does not depend on the image")
        return self.writer[name]

    def _window(self, node: NodeDef, key: str) -> tuple[int, int]:
        """Rows and columns of a list with one number for each axis."""
        layout = node.attr["data_format"].s.decode() or "NHWC"
        self.layouts.add(layout)
        if layout not in {"NHWC", "NCHW"} or len(self.layouts) > 1:
            raise self._unsupported(node, f"has layout {layout}; one of NHWC and NCHW throughout is supported")
        values = self._list(node, key)
        if len(values) != 4 or min(values) < 1:
            raise self._damaged(node, f"has {key} {values}, not four numbers from 1")
        return (values[1], values[2]) if layout == "NHWC" else (values[2], values[3])

    def _list(self, node: NodeDef, key: str) -> list[int]:
        return list(node.attr[key].list.i)

    def _padding(self, node: NodeDef, source: str, kernel: tuple[int, int], stride: tuple[int, int]) -> Padding:
        kind = node.attr["padding"].s.decode()
        if kind not in {"SAME", "VALID"}:
            raise self._unsupported(node, f"has padding {kind!r}; SAME and VALID are supported")
        sides: list[int] = []
        for size, k, s in zip(self._size(source), kernel, stride, strict=True):
            total = max((-(-size // s) - 1) * s + k - size, 0) if kind == "SAME" else 0
            sides += [total // 2, total - total // 2]
        return Padding(*sides)

    def _weight(self, node: NodeDef, at: int, rank: int) -> NDArray[Any]:
        name = sources(node)[at] if len(sources(node)) > at else ""
        values = self._constant(name)
        if values is None or values.ndim != rank:
            raise self._unsupported(node, f"has no constant weight of {rank} axes ({name!r}); give a frozen graph")
        return values

    def _constant(self, name: str) -> NDArray[Any] | None:
        """The value of a Const, also through Identity (as variables are frozen); None for anything else."""
        node = self.nodes.get(name)
        while node is not None and node.op == "Identity" and node.name not in self.writer:
            node = self.nodes.get(sources(node)[0])
        if node is None or node.op != "Const":
            return None
        tensor = node.attr["value"].tensor
        shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
        kinds = {DT_FLOAT: ("<f4", tensor.float_val), DT_INT32: ("<i4", tensor.int_val)}
        if tensor.dtype not in kinds:
            raise self._unsupported(node, f"is a constant of type {tensor.dtype}; float32 and int32 are supported")
        dtype, listed = kinds[tensor.dtype]
        raw = tensor.tensor_content
        values = np.frombuffer(raw[: len(raw) // 4 * 4], dtype) if raw else np.asarray(listed, dtype)
        if values.size == 1 and min(shape, default=1) > 0:  # one value stands for all
            values = np.broadcast_to(values, prod(shape))
        if values.size != prod(shape):
            raise self._damaged(node, f"has {values.size} values for {shape}")
        return values.reshape(shape)

    def _unsupported(self, node: NodeDef, what: str) -> CurvesError:
        return CurvesError(f"node {node.name!r} of {self.path} {what}")

    def _damaged(self, node: NodeDef, what: str) -> FileDamagedError:
        return FileDamagedError(f"node {node.name!r} of {self.path} {what}; fetch the file again")
