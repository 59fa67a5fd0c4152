"""The errors that a user can cause and mend."""

__all__ = ["CurvesError", "FileDamagedError", "UnknownLayerError", "UnknownUnitError"]


class CurvesError(ValueError):
    """Base of every error this toolkit raises on purpose: one sentence that names the fault and its remedy."""


class UnknownLayerError(CurvesError):
    """The network has no layer of that name."""


class UnknownUnitError(CurvesError):
    """A unit's name cannot be parsed, or the network's layer has no such unit."""


class FileDamagedError(CurvesError):
    """A file is cut short, altered, or not of the format it should have."""
