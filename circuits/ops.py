"""The ops that a [Network][circuits.network.Network] is made of.

An op reads named tensors and writes one, which carries the op's own name. It is data only (no weights inside, so that
two networks can share tensors); `circuits.execution` runs it. Padding is explicit per side, because formats disagree:
TensorFlow's SAME is asymmetric at stride 2, and Caffe rounds pooling up where torch rounds down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, NamedTuple

from circuits.errors import CurvesError

__all__ = [
    "OPS",
    "AvgPool",
    "Concat",
    "Conv",
    "Linear",
    "LocalResponseNorm",
    "MaxPool",
    "Op",
    "Padding",
    "ReLU",
    "Softmax",
    "Window",
]


class Padding(NamedTuple):
    """Rows and columns added around a tensor, in its own pixels."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    @classmethod
    def same(cls, amount: int) -> Padding:
        """The same amount on all four sides."""
        return cls(amount, amount, amount, amount)


NO_PADDING = Padding()


@dataclass(frozen=True)
class Op:
    """One step: reads the tensors named by `inputs`, writes the tensor `name`."""

    name: str
    inputs: tuple[str, ...]

    kind: ClassVar[str]
    tensors: ClassVar[tuple[str, ...]] = ()

    def to_json(self) -> dict[str, Any]:
        """The op as JSON-able data, `kind` first."""
        return {"kind": self.kind} | asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Op:
        """Rebuild an op from `to_json`'s data.

        Raises:
            CurvesError: the kind or a field is unknown, or a field is missing.
        """
        try:
            cls = OPS[data["kind"]]
            kwargs = {f.name: data[f.name] for f in fields(cls)}
        except KeyError as error:
            raise CurvesError(
                f"op {data.get('name')!r} has no valid {error.args[0]!r}; known kinds: {', '.join(OPS)}"
            ) from None
        if unknown := data.keys() - kwargs.keys() - {"kind"}:
            raise CurvesError(
                f"op {data['name']!r} has unknown fields {sorted(unknown)}; was it saved by a newer version?"
            )
        for key, value in kwargs.items():
            if isinstance(value, list):
                kwargs[key] = Padding(*value) if key == "padding" else tuple(value)
        op: Op = cls(**kwargs)
        return op


@dataclass(frozen=True)
class Window(Op):
    """An op that slides a `kernel` (height, width) over its padded input in steps of `stride`."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: Padding = NO_PADDING


@dataclass(frozen=True)
class Conv(Window):
    """Cross-correlation, as in torch, with tensors `NAME/weight` (O, I / groups, kh, kw) and `NAME/bias` (O)."""

    groups: int = 1

    kind = "conv"
    tensors = ("weight", "bias")


@dataclass(frozen=True)
class ReLU(Op):
    """max(x, 0)."""

    kind = "relu"


@dataclass(frozen=True)
class MaxPool(Window):
    """Largest value in the window; `ceil` keeps a last window that starts inside and hangs over the edge, as Caffe."""

    ceil: bool = False

    kind = "maxpool"


@dataclass(frozen=True)
class AvgPool(Op):
    """Mean over a window; `kernel` None divides the input evenly into `output` (rows, columns).

    An `output` of (1, 1) is the global mean. Padding counts as zeros in the mean if `count_padding`.
    """

    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] = (1, 1)
    padding: Padding = NO_PADDING
    ceil: bool = False
    count_padding: bool = False
    output: tuple[int, int] = (1, 1)

    kind = "avgpool"


@dataclass(frozen=True)
class LocalResponseNorm(Op):
    """x / (k + alpha / size * sum of x^2 over `size` neighbouring channels) ^ beta, in torch's convention.

    TensorFlow's and Caffe's files differ: TensorFlow does not divide alpha by the size (alpha here is its alpha x
    (2 depth_radius + 1)); Caffe does, as torch.
    """

    size: int
    alpha: float
    beta: float
    k: float

    kind = "lrn"


@dataclass(frozen=True)
class Concat(Op):
    """Join along channels."""

    kind = "concat"


@dataclass(frozen=True)
class Linear(Op):
    """Dense layer on the input flattened in C, H, W order, `NAME/weight` (O, C H W), `NAME/bias` (O); writes N x O."""

    kind = "linear"
    tensors = ("weight", "bias")


@dataclass(frozen=True)
class Softmax(Op):
    """Softmax over channels."""

    kind = "softmax"


OPS: dict[str, type[Any]] = {
    op.kind: op for op in (Conv, ReLU, MaxPool, AvgPool, LocalResponseNorm, Concat, Linear, Softmax)
}
