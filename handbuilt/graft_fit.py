"""What was found to take whose place, how strong it is to be, and putting it there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from circuits import Network, Unit
from circuits.transplant import transplant

__all__ = ["GraftFit", "Match"]


@dataclass(frozen=True)
class Match:
    """What takes the place of a unit.

    Attributes:
        unit: the host's.
        donor: the donor's.
        scale: what the donor's pre-activation is multiplied by, above 0.
        shift: what is added then.
        explained: share of the variance of the host unit's activation, over the images, that the donor's explains at
            best, with the scale and shift of least squares, before both were raised.
    """

    unit: Unit
    donor: Unit
    scale: float
    shift: float
    explained: float


@dataclass(frozen=True)
class GraftFit:
    """Which units take whose place, how strong, and what that was fitted on.

    Attributes:
        donor: where the units come from.
        donor_identity: its identity.
        host_identity: of the network whose activations were fitted.
        matches: one for each unit that is replaced.
        images: name of the images that were fitted on.
        images_hash: SHA-256 of their contents and scale.
        places: how many places of the maps there were in all images.
    """

    donor: Network = field(repr=False, compare=False)
    donor_identity: str
    host_identity: str
    matches: tuple[Match, ...]
    images: str
    images_hash: str
    places: int

    @property
    def edit(self) -> dict[str, Any]:
        """The graft as the entry of a plan: `editing.Graft.from_json(fit.edit | {"donor": fit.donor})` repeats it."""
        return {
            "kind": "graft",
            "donor": {"identity": self.donor_identity},
            "units": {str(match.unit): str(match.donor) for match in self.matches},
            "scale": [match.scale for match in self.matches],
            "shift": [match.shift for match in self.matches],
            "reference": f"least squares, then the same mean square, over {self.images} ({self.images_hash}) "
            f"in network {self.host_identity[:16]}",
        }

    def apply(self, net: Network) -> Network:
        """The network with the donor's units in the place of its own; the rest of it is untouched.

        Args:
            net: the network that was fitted, or one edited from it.

        Raises:
            UnknownUnitError: it has no such unit.
            CurvesError: its units see other pixels.
        """
        grafted = transplant(
            net,
            self.donor,
            {match.unit: match.donor for match in self.matches},
            [match.scale for match in self.matches],
            [match.shift for match in self.matches],
        )
        origin = net.provenance
        return grafted.evolve(
            provenance=replace(
                origin, name=f"{origin.name} edited", parent=net.identity, edits=(*origin.edits, self.edit)
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Everything but the donor's weights."""
        return {
            "donor": {"name": self.donor.provenance.name, "identity": self.donor_identity},
            "host": self.host_identity,
            "images": {"name": self.images, "hash": self.images_hash, "places": self.places},
            "matches": [asdict(m) | {"unit": str(m.unit), "donor": str(m.donor)} for m in self.matches],
        }
