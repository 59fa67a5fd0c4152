"""Running tests on a network."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from numpy.typing import NDArray

from circuits import CurvesError, Family, Network
from circuits.images import ImageSet
from evals.catalogue import make_tests
from evals.progress import Progress, counted
from evals.resampling import DRAWS, Replicates, replicates, spreads
from evals.scorecard import Scorecard, provenance
from evals.testing import Definition, Test, TestResult

__all__ = ["need_family", "run"]


def run(
    net: Network,
    family: Family | None,
    tests: str | Sequence[str | Test] = ("synthetic",),
    *,
    images: ImageSet | None = None,
    quick: bool = False,
    seed: int = 0,
    draws: int = DRAWS,
    progress: Progress | None = None,
) -> Scorecard:
    """Run tests on a family of a network's units, or on the network as a whole.

    Args:
        net: any network.
        family: the units to test, such as `find_curve_family` returns; None if no test is about a family.
        tests: names from `known_tests()`, or tests with settings of your own. `"all"`, alone or among them, stands for
            all others that can be run on this network and these images; the card says which cannot, and why
            (`Scorecard.refused`).
        images: the image set that standard deviations are taken over, and that is classified; scikit-image's
            photographs by default.
        quick: whether each test shows fewer stimuli (`Test.quick`); the card says so.
        seed: of the draws.
        draws: how often what was shown is drawn again, to tell how uncertain the scores are; 0 for no uncertainty.
        progress: called as the work goes on.

    Raises:
        UnknownUnitError: the network lacks a unit of the family.
        CurvesError: a test is unknown, needs a family and has none, gives what no card can hold, or cannot be run on
            this network and these images; of `"all"`, none can.
    """
    chosen = make_tests(tests, quick=quick)
    for unit in family.units if family else ():
        net.unit(unit)
    if family is None and need_family(chosen):
        names = [test.name for test in chosen if test.needs_family]
        raise CurvesError(f"{' and '.join(names)} test a family; give one, such as evals.find_curve_family finds")
    if draws < 0:
        raise CurvesError(f"cannot draw {draws} times; give 0 or more")
    scores: dict[str, float | None] = {}
    definitions: dict[str, Definition] = {}
    data: dict[str, NDArray[Any]] = {}
    details: dict[str, Any] = {}
    drawn: dict[str, Replicates] = {}
    images = ImageSet.photographs() if images is None else images
    asked = {test if isinstance(test, str) else test.name for test in ([tests] if isinstance(tests, str) else tests)}
    refused: dict[str, str] = {}
    for test in chosen:
        try:
            # Only tests that need none are given no family.
            result = test.run(net, cast(Family, family), images, progress)
        except CurvesError as error:
            if test.name in asked:
                raise
            refused[test.name] = str(error)
            continue
        _check(test, result)
        scores |= {f"{test.name}.{key}": value for key, value in result.scores.items()}
        definitions |= {f"{test.name}.{key}": value for key, value in result.definitions.items()}
        data |= {f"{test.name}.{key}": value for key, value in result.data.items()}
        details[test.name] = dict(result.details)
        if result.sample is not None and draws:
            told = counted(progress, f"{test.name}: draws of {result.sample.what}", draws)
            again = replicates(result.sample, seed=seed, times=draws, progress=told)
            drawn[test.name] = replace(again, names=tuple(f"{test.name}.{name}" for name in again.names))
    if not details:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise CurvesError(f"no test can be run on {net.provenance.name}: {reasons}")
    conditions = {
        "images": {"name": images.name, "hash": images.hash, "count": len(images)},
        "quick": quick,
        "seed": seed,
        "draws": draws,
    }
    card = Scorecard(provenance(net), family, scores, definitions, data, details, {}, drawn, conditions, refused)
    known = [spreads(again, scores, lambda name: card.score(name).definition) for again in drawn.values()]
    return replace(card, spreads={name: found for each in known for name, found in each.items()})


def need_family(tests: Sequence[Test]) -> bool:
    """Whether any of the tests is about a family."""
    return any(test.needs_family for test in tests)


def _check(test: Test, result: TestResult) -> None:
    """Whether a card can hold it: better to say so now than when the card is saved."""
    for name, value in result.scores.items():
        if name.rpartition(".")[2] not in result.definitions:
            raise CurvesError(f"the test {test.name!r} does not define its score {name!r}; add it to the definitions")
        if value is not None and not math.isfinite(value):
            raise CurvesError(f"the test {test.name!r} gives {value} for {name!r}; give None for what is undefined")
    try:
        json.dumps(result.details, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise CurvesError(
            f"the details of the test {test.name!r} are not JSON ({error}); use its types alone"
        ) from error
