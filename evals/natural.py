"""Natural examples: the crops of photographs that excite units most, one from each picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuits import CurvesError, Family, Network
from circuits.pictures import Images
from evals.progress import Progress

__all__ = ["NaturalExamples", "natural_examples"]


@dataclass(frozen=True, eq=False)
class NaturalExamples:
    """What excites each unit of a family most in different pictures, from the strongest on.

    Attributes:
        crops: units x examples x 3 x size x size, RGB in [0, 1]; the receptive field at the place of the response.
        values: units x examples, pre-activations; an example at 0 or below does not excite the unit.
        pictures: units x examples, the pictures' numbers in the set.
        corners: units x examples x 2, the first row and column of the crop in the scaled picture.
    """

    crops: Tensor
    values: NDArray[np.float64]
    pictures: NDArray[np.intp]
    corners: NDArray[np.intp]


def natural_examples(
    net: Network, family: Family, images: Images, count: int, progress: Progress | None = None
) -> NaturalExamples:
    """Find them in one pass over the pictures and cut them out in a second.

    Only fields that lie inside a picture count, so that no unit answers to a border, and a crop excites its unit as the
    picture does.

    Args:
        net: the network.
        family: units of one layer.
        images: where to look, at its own scale.
        count: examples for each unit; fewer if there are fewer pictures that a field fits.
        progress: called after each picture.

    Raises:
        CurvesError: the receptive field fits into none of the pictures.
    """
    field = net.receptive_field(family.layer)
    best: list[NDArray[np.float64]] = []
    corners: list[NDArray[np.intp]] = []
    with torch.inference_mode():
        for number, picture in enumerate(images.pictures()):
            image = picture.scaled(images.short_side)
            values, places = _best_inside(net, family, image, field.size, field.stride, field.offset)
            best.append(values)
            corners.append(places)
            if progress:
                progress(f"examples for {family.layer}", number + 1, len(images))
    heard = np.stack(best, axis=1)
    fits = int(np.isfinite(heard).any(axis=0).sum())
    if not fits:
        raise CurvesError(
            f"the receptive field of {family.layer} ({field.size} px) fits into none of {images.name} at a short side "
            f"of {images.short_side} px; give larger pictures"
        )
    order = np.argsort(-heard, axis=1, kind="stable")[:, : min(count, fits)]
    places = np.take_along_axis(np.stack(corners, axis=1), order[..., None], axis=1)
    crops = torch.zeros(*order.shape, 3, field.size, field.size)
    for number, picture in enumerate(images.pictures()):
        wanted = np.argwhere(order == number)
        if len(wanted):
            image = picture.scaled(images.short_side)
            for unit, rank in wanted:
                row, column = places[unit, rank]
                crops[unit, rank] = image[:, row : row + field.size, column : column + field.size]
    return NaturalExamples(crops, np.take_along_axis(heard, order, axis=1), order, places)


def _best_inside(
    net: Network, family: Family, image: Tensor, size: int, stride: int, offset: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Each unit's largest pre-activation and where its field begins; minus infinity where no field fits."""
    none = np.full(len(family), -np.inf), np.zeros((len(family), 2), dtype=np.intp)
    if min(image.shape[1:]) < size:
        return none
    maps = net.activations(image[None].to(net.device, net.dtype), [family.layer], pre=True)[family.layer][0]
    inside = [
        [i for i in range(count) if 0 <= offset + stride * i <= length - size]
        for count, length in zip(maps.shape[1:], image.shape[1:], strict=True)
    ]
    if not all(inside):
        return none
    (top, left), rows, columns = (rows_columns[0] for rows_columns in inside), *map(len, inside)
    own = maps[list(family.channels), top : top + rows, left : left + columns].flatten(1).cpu().double().numpy()
    at = own.argmax(axis=1)
    first = np.stack([at // columns + top, at % columns + left], axis=1) * stride + offset
    return own.max(axis=1), first
