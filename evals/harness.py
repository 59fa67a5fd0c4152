"""Running tests on a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.classification import Classification
from evals.combing import Combing
from evals.scorecard import Definition, Scorecard, TestResult, provenance
from evals.synthetic import Progress, SyntheticCurves

__all__ = ["TESTS", "AnyTest", "NetworkTest", "Test", "make_tests", "need_family", "run"]


class Test(Protocol):
    """A test of a family: its results depend on nothing but the network, family, images and the test's own fields."""

    @property
    def name(self) -> str:
        """Starts the names of its scores."""

    def run(self, net: Network, family: Family, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a family of a network's units."""


@runtime_checkable
class NetworkTest(Protocol):
    """A test of a network as a whole, which needs no family."""

    @property
    def name(self) -> str:
        """Starts the names of its scores."""

    def run_network(self, net: Network, images: ImageSet, progress: Progress | None = None) -> TestResult:
        """Test a network."""


AnyTest = Test | NetworkTest

TESTS: dict[str, Callable[[], AnyTest]] = {
    SyntheticCurves.name: SyntheticCurves,
    Combing.name: Combing,
    Classification.name: Classification,
}
"""The tests by name."""


def run(
    net: Network,
    family: Family | None,
    tests: Sequence[str | AnyTest] = ("synthetic",),
    *,
    images: ImageSet | None = None,
    progress: Progress | None = None,
) -> Scorecard:
    """Run tests on a family of a network's units, or on the network as a whole.

    Args:
        net: any network.
        family: the units to test, such as `find_curve_family` returns; None if no test is about a family.
        tests: names from `TESTS`, or tests with settings of your own.
        images: the image set that standard deviations are taken over, and that is classified; scikit-image's
            photographs by default.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: the network lacks a unit of the family.
        CurvesError: a test is unknown, needs a family and has none, or cannot be run on this network and these images.
    """
    chosen = make_tests(tests)
    for unit in family.units if family else ():
        net.unit(unit)
    if family is None and need_family(chosen):
        names = [test.name for test in chosen if not isinstance(test, NetworkTest)]
        raise CurvesError(f"{' and '.join(names)} test a family; give one, such as evals.find_curve_family finds")
    scores: dict[str, float | None] = {}
    definitions: dict[str, Definition] = {}
    data: dict[str, NDArray[Any]] = {}
    details: dict[str, Any] = {}
    images = ImageSet.photographs() if images is None else images
    for test in chosen:
        if isinstance(test, NetworkTest):
            result = test.run_network(net, images, progress)
        else:
            assert family is not None
            result = test.run(net, family, images, progress)
        scores |= {f"{test.name}.{key}": value for key, value in result.scores.items()}
        definitions |= {f"{test.name}.{key}": value for key, value in result.definitions.items()}
        data |= {f"{test.name}.{key}": value for key, value in result.data.items()}
        details[test.name] = dict(result.details)
    return Scorecard(provenance(net), family, scores, definitions, data, details)


def need_family(tests: Sequence[AnyTest]) -> bool:
    """Whether any of the tests is about a family."""
    return not all(isinstance(test, NetworkTest) for test in tests)


def make_tests(tests: Sequence[str | AnyTest]) -> list[AnyTest]:
    """The tests, those given by name with their usual settings.

    Raises:
        CurvesError: a test is unknown.
    """
    if unknown := [test for test in tests if isinstance(test, str) and test not in TESTS]:
        raise CurvesError(f"there is no test {unknown[0]!r}; there are {', '.join(TESTS)}")
    return [TESTS[test]() if isinstance(test, str) else test for test in tests]
