"""Attribution: what the response of units to single pictures is due to, in any earlier layer or in the pixels.

- `linear`: value times gradient, x * df/dx. Between neighbouring layers this is activation times weight, exactly.
  Further back it is the same with the ReLUs and pools between as they stand for this picture: what flows along all
  open paths.
  Source: "Building Blocks of Interpretability" (Distill, 2018), as "Curve Circuits" (Distill, 2021) uses it.
- `gradient`: df/dx alone. With the squares of a family's activations as f, its size is the saliency map of "Curve
  Circuits", section on the artificial artificial neural network.
- `integrated gradients`: (x - baseline) times the mean gradient on the way there from the baseline
  (Sundararajan, Taly and Yan, 2017).
- `captum:NAME`: a method of Captum, see `circuits.captum_methods`.

**Completeness.** `linear` splits a pre-activation without rest, value = sum of the attribution + constant, wherever
what lies between is piecewise linear: convolutions, dense layers, ReLUs, pools, concatenations. The constant is what
the biases between contribute, and the baseline, and paths that go around the source. Normalisation (LRN) is not
piecewise linear: behind it there is a remainder, which the result tells. Integrated gradients are complete through
anything, the constant being the value at the baseline, and the remainder the error of the integral.

`circuits.graph` has the means of the linear attribution over images, along all edges of a circuit at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from circuits.attribution_path import Objective, Path
from circuits.errors import CurvesError
from circuits.network import Network
from circuits.precision import arithmetic
from circuits.regions import ReceptiveField
from circuits.units import Family, Unit
from circuits.validation import check_images

__all__ = ["METHODS", "Attribution", "attribution"]

METHODS = ("linear", "gradient", "integrated gradients")
"""Our own methods."""

BATCH = 8 * 224 * 224
"""Pixels run at once."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """What a response is due to, picture by picture.

    Attributes:
        tensor: N x C x H x W, for each unit of the source at each place. For whole images the whole map; for patches
            the part that the unit sees.
        values: N, what was attributed.
        constants: N, the part of the values that is due to no unit of the source; None where the method does not say.
        field: which pixels of the picture the entry (0, 0) of a map sees, and how far its neighbour's are; None where
            units see the whole picture.
        net: the network.
        units: whose response it is.
        source: the layer, or `input` for the pixels, RGB in [0, 1].
        method: as given.
        objective: as given.
    """

    tensor: Tensor
    values: Tensor
    constants: Tensor | None
    field: ReceptiveField | None
    net: Network
    units: tuple[Unit, ...]
    source: str
    method: str
    objective: str

    @property
    def sums(self) -> Tensor:
        """N: the sum over the source."""
        return self.tensor.flatten(1).sum(1)

    @property
    def remainders(self) -> Tensor | None:
        """N: values - sums - constants, 0 but for rounding where the method is complete; None without constants."""
        return None if self.constants is None else self.values - self.sums - self.constants

    @property
    def provenance(self) -> dict[str, Any]:
        """What it is of, and how it was made; JSON-able."""
        return {
            "network": {"name": self.net.provenance.name, "identity": self.net.identity, **self.net.execution},
            "units": [str(unit) for unit in self.units],
            "source": self.source,
            "method": self.method,
            "objective": self.objective,
        }


def attribution(
    net: Network,
    units: str | Unit | Iterable[str | Unit] | Family,
    source: str,
    *,
    images: Tensor | None = None,
    patches: Tensor | None = None,
    place: tuple[int, int] | None = None,
    method: str = "linear",
    objective: Objective = "pre",
    scales: Tensor | None = None,
    baseline: float | Tensor = 0.0,
    steps: int = 50,
    options: Mapping[str, Any] | None = None,
) -> Attribution:
    """Attribute the response of units to an earlier layer or to the pixels.

    Args:
        net: any network.
        units: one, or several of one layer, or a family: the sum over them is attributed.
        source: a layer whose activations (after the ReLU) it is attributed to, or `input` for the pixels.
        images: whole images, N x 3 x H x W in [0, 1].
        patches: instead of images, what the units see, as `Network.responses` takes it: nothing else is computed.
        place: of whole images, the row and column of the layer to look at; None for the sum over all places.
        method: one of `METHODS`, or `captum:NAME`.
        objective: `pre`, the sum of pre-activations; or `squares`, of squared activations, as saliency of a family.
        scales: for each unit, what its activations are divided by before they are squared, such as its standard
            deviation.
        baseline: for the pixels a number or a colour (3 x 1 x 1), for a layer a number, or one for each of its units
            (C x 1 x 1); what is attributed to is the difference from it.
        steps: of the integral, by Gauss-Legendre as in Captum.
        options: passed on to Captum's `attribute`.

    Raises:
        UnknownLayerError, UnknownUnitError: the network has no such layer or unit.
        CurvesError: images and patches are both given, or neither, or do not fit; units of several layers; units that
            do not depend on the source; there is no such method, objective or place; Captum is not installed.
    """
    named = _units(net, units)
    if method not in METHODS and not method.startswith("captum:"):
        raise CurvesError(f"there is no method {method!r}; there are {', '.join(METHODS)}, and captum:NAME")
    if objective not in ("pre", "squares"):
        raise CurvesError(f"there is no objective {objective!r}; attribute 'pre' or 'squares'")
    given = images if images is not None else patches
    if given is None or (images is not None and patches is not None):
        raise CurvesError("give either images or patches to attribute a response to")
    check_images(given, net.device, net.dtype)
    size = (given.shape[2], given.shape[3]) if images is not None else None
    path = Path(net, named, source, size, place, objective, scales)
    explain = _explainer(path, method, baseline, steps, options)
    parts = []
    for batch in torch.split(given.detach(), max(1, BATCH // given[0, 0].numel())):
        with torch.enable_grad(), arithmetic(net.precision):
            parts.append(explain(*path.start(batch)))
    tensor, values = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
    rest = [part[2] for part in parts if part[2] is not None]
    constants = torch.cat(rest) if rest else None
    return Attribution(path.placed(tensor), values, constants, path.field, net, tuple(named), source, method, objective)


_Explained = tuple[Tensor, Tensor, Tensor | None]
"""The attribution, the values and the constants of a batch."""


def _units(net: Network, units: str | Unit | Iterable[str | Unit] | Family) -> list[Unit]:
    given = units.units if isinstance(units, Family) else [units] if isinstance(units, str | Unit) else units
    named = [net.unit(unit) for unit in given]
    layers = sorted({unit.layer for unit in named})
    if len(layers) != 1:
        raise CurvesError(f"attribution is of units of one layer, not of {', '.join(layers) or 'none'}; name one layer")
    return named


def _explainer(
    path: Path, method: str, baseline: float | Tensor, steps: int, options: Mapping[str, Any] | None
) -> Callable[[Tensor, tuple[Tensor, ...]], _Explained]:
    if method.startswith("captum:"):
        from circuits.captum_methods import captum_explainer

        return captum_explainer(path, method.removeprefix("captum:"), baseline, options or {})
    if options:
        raise CurvesError(f"options are for Captum's methods; {method} takes none")
    if method == "integrated gradients":
        return partial(_integrated, path, baseline, steps)
    return partial(_linear if method == "linear" else _gradient, path, baseline)


def _gradient(path: Path, _: float | Tensor, source: Tensor, others: tuple[Tensor, ...]) -> _Explained:
    given = source.clone().requires_grad_()
    values = path(given, *others)
    (gradient,) = torch.autograd.grad(values.sum(), given)
    return gradient, values.detach(), None


def _linear(path: Path, baseline: float | Tensor, source: Tensor, others: tuple[Tensor, ...]) -> _Explained:
    gradient, values, _ = _gradient(path, baseline, source, others)
    zero = torch.zeros_like(source) + baseline
    constants = None if path.objective == "squares" else _constants(path, source, zero, others)
    return (source - zero) * gradient, values, constants


def _constants(path: Path, source: Tensor, zero: Tensor, others: tuple[Tensor, ...]) -> Tensor:
    """What all but the source contributes: the derivative along the baseline, the other inputs and the biases.

    A piecewise linear function is homogeneous in its input and its biases together, so that this derivative and that
    along the source add up to the value.
    """
    names, tensors = path.biases, path.net.tensors
    biases = tuple(tensors[name].detach() for name in names)

    def values(prepared: Tensor, *rest: Tensor) -> Tensor:
        around, given = rest[: len(others)], rest[len(others) :]
        return path.after(prepared, *around, tensors=dict(zip(names, given, strict=True)))

    point, along = (path.prepared(source), *others, *biases), (path.prepared(zero), *others, *biases)
    # By differentiating twice: torch.func's forward mode takes no tensors of subclasses.
    derived: tuple[Tensor, Tensor] = torch.autograd.functional.jvp(values, point, along)  # type: ignore[no-untyped-call]
    return derived[1].detach()


def _integrated(
    path: Path, baseline: float | Tensor, steps: int, source: Tensor, others: tuple[Tensor, ...]
) -> _Explained:
    zero = torch.zeros_like(source) + baseline
    total = torch.zeros_like(source)
    for node, weight in zip(*np.polynomial.legendre.leggauss(steps), strict=True):
        gradient, _, _ = _gradient(path, baseline, zero + (source - zero) * float(1 + node) / 2, others)
        total += float(weight) / 2 * gradient
    with torch.no_grad():
        return (source - zero) * total, path(source, *others), path(zero, *others)
