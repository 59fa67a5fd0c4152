"""Running tests on a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.combing import Combing
from evals.scorecard import Definition, Scorecard, TestResult, provenance
from evals.synthetic import Progress, SyntheticCurves

__all__ = ["TESTS", "Test", "make_tests", "run"]


class Test(Protocol):
    """One test: its results depend on nothing but the network, the family, the images and the test's own fields."""

    @property
    def name(self) -> str:
        """Starts the names of its scores."""

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family of a network's units."""


TESTS: dict[str, Callable[[], Test]] = {SyntheticCurves.name: SyntheticCurves, Combing.name: Combing}
"""The tests by name."""


def run(
    net: Network,
    family: Family,
    tests: Sequence[str | Test] = ("synthetic",),
    *,
    images: ImageSet | None = None,
    progress: Progress | None = None,
) -> Scorecard:
    """Run tests on a family of a network's units.

    Args:
        net: any network.
        family: the units to test, such as `find_curve_family` returns.
        tests: names from `TESTS`, or tests with settings of your own.
        images: the image set that standard deviations are taken over; scikit-image's photographs by default.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: the network lacks a unit of the family.
        CurvesError: a test is unknown.
    """
    for unit in family.units:
        net.unit(unit)
    scores: dict[str, float | None] = {}
    definitions: dict[str, Definition] = {}
    data: dict[str, NDArray[Any]] = {}
    details: dict[str, Any] = {}
    images = ImageSet.photographs() if images is None else images
    for test in make_tests(tests):
        result = test.run(net, family, images, progress)
        scores |= {f"{test.name}.{key}": value for key, value in result.scores.items()}
        definitions |= {f"{test.name}.{key}": value for key, value in result.definitions.items()}
        data |= {f"{test.name}.{key}": value for key, value in result.data.items()}
        details[test.name] = dict(result.details)
    return Scorecard(provenance(net), family, scores, definitions, data, details)


def make_tests(tests: Sequence[str | Test]) -> list[Test]:
    """The tests, those given by name with their usual settings.

    Raises:
        CurvesError: a test is unknown.
    """
    if unknown := [test for test in tests if isinstance(test, str) and test not in TESTS]:
        raise CurvesError(f"there is no test {unknown[0]!r}; there are {', '.join(TESTS)}")
    return [TESTS[test]() if isinstance(test, str) else test for test in tests]
