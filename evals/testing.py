"""What a test is: one class in one module of `evals.battery`, or of another package; see docs/harness.md.

A test measures, and says how its scores follow from what it measured; what was shown can then be drawn again, with
replacement, to tell how far the scores depend on the choice of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.progress import Progress

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from evals.scorecard import Scorecard

__all__ = ["Better", "Definition", "Sample", "Scores", "Test", "TestResult"]

Better = Literal["higher", "lower", "target"]
"""Which way a score gets better."""

Scores = Mapping[str, float | None]
"""Scores by name. A name may start with a unit, as in `3b:379.echo`; None is undefined (the echo of a silent unit)."""


@dataclass(frozen=True)
class Definition:
    """What a score means.

    Attributes:
        unit: such as `degrees`, `standard deviations` or `share`.
        text: how it is computed, in a sentence.
        published: the articles' value for InceptionV1's curve detectors, where there is one.
        better: higher, lower, or nearer to a target.
        target: the value to be near to; None for what the network had before, so that any change is for the worse.
        period: after which a value is itself again, such as 360 for a direction in degrees.

    Raises:
        CurvesError: `better` is none of the three, or a target is given to a score that is better higher or lower.
    """

    unit: str
    text: str
    published: float | None = None
    better: Better = "target"
    target: float | None = None
    period: float | None = None

    def __post_init__(self) -> None:
        if self.better not in ("higher", "lower", "target"):
            raise CurvesError(f"a score is better higher, lower or near a target, not {self.better!r}")
        if self.target is not None and self.better != "target":
            raise CurvesError(f"a score that is better {self.better} has no target; leave out {self.target}")

    def difference(self, value: float, other: float) -> float:
        """`value` less `other`, of a periodic score the short way round."""
        apart = value - other
        if self.period is None:
            return apart
        return (apart + self.period / 2) % self.period - self.period / 2


@dataclass(frozen=True)
class Sample:
    """What scores were measured on, as things that could have been others of their kind.

    Attributes:
        what: they are, in the plural, such as `radii of the curves` or `pictures`.
        count: how many there are.
        identity: the same text for the same things in the same order, and for no others; two networks that were shown
            the same can then be compared draw by draw.
        scores: gives the scores of a draw, ascending places from 0 to `count` - 1, some of them several times or not at
            all. All places once each give the test's scores. Scores that it leaves out have no uncertainty.
    """

    what: str
    count: int
    identity: str
    scores: Callable[[NDArray[Any]], Scores]


@dataclass(frozen=True)
class TestResult:
    """What one test found.

    Attributes:
        scores: by name, without the test's own.
        definitions: by the last part of a score's name.
        data: arrays behind the scores, by name.
        details: what the test ran on: stimuli, image set, axes; JSON-able.
        sample: what can be drawn again; None if nothing was chosen that could have been another.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    scores: Scores
    definitions: Mapping[str, Definition]
    data: Mapping[str, NDArray[Any]]
    details: Mapping[str, Any]
    sample: Sample | None = None


class Test(ABC):
    """A test: its results depend on nothing but the network, family, images and the test's own fields.

    Subclasses are frozen dataclasses whose fields are the test's settings; all have defaults.

    Attributes:
        name: starts the names of its scores; also its module's name, or its entry point's.
        about: what it asks, in a line.
        needs_family: whether it is about a family of units; otherwise it may be given None.
    """

    __test__ = False

    name: ClassVar[str]
    about: ClassVar[str]
    needs_family: ClassVar[bool] = True

    @abstractmethod
    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family of a network's units.

        Args:
            net: any network.
            family: units that it has.
            images: what standard deviations are taken over, or what is shown.
            progress: to be called as the work goes on.

        Raises:
            CurvesError: the test makes no sense for them; the sentence says why and what would help.
        """

    def quick(self) -> Self:
        """The same test with fewer stimuli, for a first look; itself if it takes seconds anyway."""
        return self

    def figures(self, card: Scorecard) -> Mapping[str, Figure]:  # noqa: ARG002 (for tests that draw)
        """Figures by name, drawn from a card on which the test's results are; matplotlib's, without global state."""
        return {}
