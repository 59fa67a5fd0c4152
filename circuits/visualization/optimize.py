"""Feature visualisation: pictures that excite a unit, a family or a direction, by gradient ascent.

Source: Olah, Mordvintsev and Schubert, "Feature Visualization" (Distill, 2017). Only what the objectives read is
computed, so that a picture is no larger than what a unit sees (and what may come into sight when it is moved).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from circuits.errors import CurvesError
from circuits.network import Network
from circuits.precision import arithmetic
from circuits.units import Family, Unit
from circuits.visualization.objectives import Excite, Objective
from circuits.visualization.parametrization import FourierPictures
from circuits.visualization.placement import Placement, place
from circuits.visualization.robustness import Robustness

__all__ = ["STEPS", "Visualization", "visualize"]

STEPS = 128
RATE = 0.05
"""Of Adam, as in Lucid."""

DIVERSITY = 0.5
"""The share of an objective's value that is given up, at most, for pictures that differ."""

Wanted = Objective | Unit | str


@dataclass(frozen=True, eq=False)
class Visualization:
    """Pictures and what they do.

    Attributes:
        images: N x 3 x H x W, RGB in [0, 1], on the CPU: what the objectives see, without any margin. Pictures of one
            objective are neighbours.
        objectives: what each picture is to excite, N of them.
        values: the objective of each picture, (N,): of a unit, its pre-activation.
        losses: less the objective at each step, of the picture as it was disturbed then: steps x N.
        provenance: identity of the network, device, precision, settings and seed; JSON-able.
    """

    images: Tensor
    objectives: tuple[str, ...]
    values: Tensor
    losses: Tensor
    provenance: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.images)


def visualize(
    net: Network,
    objectives: Wanted | Family | Sequence[Wanted],
    *,
    pictures: int = 1,
    steps: int = STEPS,
    rate: float = RATE,
    seed: int = 0,
    canvas: int | None = None,
    robustness: Robustness | None = None,
    diversity: float = DIVERSITY,
    progress: Callable[[int], None] | None = None,
) -> Visualization:
    """Draw what excites units, families, directions or attributions, all in one batch.

    A picture depends on its objective, the seed and the settings, and not on what else is drawn; but objectives that
    see different parts of a picture are given what all of them see.

    Args:
        net: the network; it is left as it is.
        objectives: one or several: a unit or its name, a `circuits.visualization.Direction`, sums of them; or a
            family, each of whose members gets a picture.
        pictures: of each objective; more than one are made to differ.
        steps: of Adam.
        rate: its step size.
        seed: of the beginnings and of the disturbances.
        canvas: px of a square picture to run whole, padding at its edges; by default just what is seen.
        robustness: disturbances; by default `Robustness.fitting`.
        diversity: the share of the objective's value that a picture gives up to be quite unlike the others of its
            objective: times the mean cosine between the Gram matrices of the last layer before the objective's first
            ("Feature Visualization", section on diversity). Where the objective is 0 or less it gives up nothing.
        progress: called with 1 after each step.

    Raises:
        CurvesError: there is nothing to draw, a number is out of range, the network lacks a unit, or a layer cannot
            be seen so (`circuits.visualization.placement`).

    Examples:
        >>> visualize(net, ["3b:4", "3b:5"], steps=64).images.shape  # doctest: +SKIP
        torch.Size([2, 3, 91, 91])
    """
    wanted = _objectives(objectives)
    _check(len(wanted), pictures, steps, rate, canvas, diversity)
    reads = tuple(dict.fromkeys(read for objective in wanted for read in objective.reads(net)))
    placement = place(net, reads, canvas, gram=pictures > 1 and diversity > 0)
    seen = placement.seen
    robustness = robustness or Robustness.fitting(seen)
    size = canvas or max(seen) + 2 * (robustness.margin(seen) if robustness.any else 0)
    random = torch.Generator().manual_seed(seed)
    # Tensors that inference mode makes have no gradient, wherever the caller is.
    with torch.inference_mode(False), torch.enable_grad(), arithmetic(net.precision):
        like = torch.empty(0, device=net.device, dtype=net.dtype)
        drawn = FourierPictures(len(wanted), pictures, size, seed, like)
        optimizer = torch.optim.Adam([drawn.coefficients], lr=rate)
        losses = []
        for _ in range(steps):
            whole = drawn()
            part = robustness.view(whole, seen, random) if robustness.any else _middle(whole, seen)
            values, loss = _heard(placement, wanted, part, pictures, diversity)
            (gradient,) = torch.autograd.grad(loss, part, retain_graph=True)
            silent = (gradient == 0).flatten(1).all(dim=1)
            if silent.any():
                _, loss = _heard(placement, wanted, part, pictures, diversity, redirect=True)
                (other,) = torch.autograd.grad(loss, part, retain_graph=True)
                gradient = torch.where(silent[:, None, None, None], other, gradient)
            (drawn.coefficients.grad,) = torch.autograd.grad(part, drawn.coefficients, gradient)
            optimizer.step()
            losses.append(-values.detach())
            if progress:
                progress(1)
        with torch.no_grad():
            images = _middle(drawn(), seen).clamp(0, 1)
            values, _ = _heard(placement, wanted, images, pictures, 0.0)
    settings = {
        "objectives": [str(objective) for objective in wanted], "pictures": pictures, "steps": steps, "rate": rate,
        "seed": seed, "canvas": canvas, "robustness": asdict(robustness), "diversity": diversity,
    }  # fmt: skip
    return Visualization(
        images.cpu(),
        tuple(str(objective) for objective in wanted for _ in range(pictures)),
        values.cpu(),
        torch.stack(losses).cpu(),
        {"network": net.provenance.name, "identity": net.identity, **net.execution, **settings},
    )


def _objectives(given: Wanted | Family | Sequence[Wanted]) -> list[Objective]:
    if isinstance(given, Family):
        given = given.units
    several = [given] if isinstance(given, Objective | Unit | str) else given
    return [each if isinstance(each, Objective) else Excite(each) for each in several]


def _check(objectives: int, pictures: int, steps: int, rate: float, canvas: int | None, diversity: float) -> None:
    if not objectives:
        raise CurvesError("there is nothing to draw; give at least one unit or objective")
    for name, number in (("pictures", pictures), ("steps", steps), ("canvas", 1 if canvas is None else canvas)):
        if number < 1:
            raise CurvesError(f"{name} must be at least 1, not {number}")
    if not (0 < rate < torch.inf and 0 <= diversity < torch.inf):
        raise CurvesError(f"rate must be above 0 and diversity 0 or more, not {rate} and {diversity}")


def _heard(
    placement: Placement,
    wanted: Sequence[Objective],
    seen: Tensor,
    pictures: int,
    diversity: float,
    *,
    redirect: bool = False,
) -> tuple[Tensor, Tensor]:
    """The objective of each picture, and what is to be made small."""
    maps, gram = placement.maps(seen, redirect=redirect)
    parts = []
    for number, objective in enumerate(wanted):
        own = slice(number * pictures, (number + 1) * pictures)
        parts.append(objective.value({read: values[own] for read, values in maps.items()}))
    values = torch.cat(parts)
    loss = -values.sum()
    if gram is not None and diversity:
        loss = loss + diversity * (values.detach().clamp(min=0) * _likeness(gram, pictures)).sum()
    return values, loss


def _likeness(maps: Tensor, pictures: int) -> Tensor:
    """Mean cosine, 0..1 for activations, between each picture's Gram matrix and those of the same objective's others.

    Gradients are of a picture's own matrix: for the others' sake it gives up nothing.

    Args:
        maps: N x C x h x w.
        pictures: how many neighbours are of one objective, at least 2.
    """
    flat = maps.flatten(2)
    grams = F.normalize((flat @ flat.transpose(1, 2)).flatten(1), dim=1).reshape(-1, pictures, maps.shape[1] ** 2)
    cosines = grams @ grams.detach().transpose(1, 2)
    others: Tensor = cosines.sum(dim=2) - cosines.diagonal(dim1=1, dim2=2)
    return (others / (pictures - 1)).flatten()


def _middle(pictures: Tensor, seen: tuple[int, int]) -> Tensor:
    top, left = ((whole - part) // 2 for whole, part in zip(pictures.shape[-2:], seen, strict=True))
    return pictures[..., top : top + seen[0], left : left + seen[1]]
