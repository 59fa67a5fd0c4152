"""Where a unit far from the edges looks in a picture of 224 px, and the crop around that which a peer can be handed."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from circuits import Network

__all__ = ["SIZE", "Sight"]

SIZE = 224


@dataclass(frozen=True)
class Sight:
    """Places of one unit.

    Attributes:
        place: row and column in the layer's map of the whole picture.
        first: row and column of the picture where its receptive field starts.
        size: of the field, px.
        start: row and column where the crop starts: where a unit of every layer starts, at or before `first`.
        crop: size of the crop, px.
        place_in_crop: row and column in the layer's map of the crop.
    """

    place: int
    first: int
    size: int
    start: int
    crop: int
    place_in_crop: int

    @classmethod
    def of(cls, net: Network, layer: str, crop: int) -> Sight:
        """The unit of `layer` that is nearest to the middle."""
        field = net.receptive_field(layer)
        place = round((SIZE / 2 - field.size / 2 - field.offset) / field.stride)
        first = field.offset + place * field.stride
        start = first - first % field.stride
        return cls(place, first, field.size, start, crop, place - start // field.stride)

    @property
    def position(self) -> tuple[float, float]:
        """Of a stimulus in the middle of the field: px to the right and up from the picture's middle."""
        middle = self.first + self.size / 2
        return middle - SIZE / 2, SIZE / 2 - middle

    def patches(self, pictures: Tensor) -> Tensor:
        """What the unit sees."""
        return self._cut(pictures, self.first, self.size)

    def crops(self, pictures: Tensor) -> Tensor:
        """The crop around it."""
        return self._cut(pictures, self.start, self.crop)

    def _cut(self, pictures: Tensor, start: int, size: int) -> Tensor:
        inside = slice(start, start + size)
        return pictures[:, :, inside, inside].contiguous()
