"""A regression check: did any score of a network get worse than those of an earlier scorecard allow?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from circuits import CurvesError
from evals.differences import Difference, difference
from evals.scorecard import Scorecard
from evals.testing import Definition

__all__ = ["TOLERANCE", "Check", "Tolerance", "Verdict", "check"]

TOLERANCE = "2se"
"""What is allowed where nothing else is said."""

ROUNDING = 1e-5
"""Relative change that no tolerance forbids: another machine adds up in another order."""

_WRITTEN = re.compile(r"(?:(?P<scores>[^=]+)=)?(?P<amount>\d+(?:\.\d*)?(?:e-?\d+)?|\.\d+)\s*(?P<kind>%|se)?")


@dataclass(frozen=True)
class Tolerance:
    """By how much scores may get worse.

    Attributes:
        amount: not negative.
        kind: in the score's unit, as a share of the baseline's value, or in standard errors of the difference.
        scores: which ones: a name, or a pattern such as `synthetic.*`.
    """

    amount: float
    kind: Literal["absolute", "relative", "errors"]
    scores: str = "*"

    @classmethod
    def parse(cls, text: str) -> Tolerance:
        """Read `0.02` (in the score's unit), `5%` (of the baseline) or `2se` (standard errors), `SCORE=` before it.

        Raises:
            CurvesError: the text is not of that form.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if not found:
            raise CurvesError(
                f"{text!r} is no tolerance; write 0.02 (in the score's unit), 5% (of the baseline's value) or 2se "
                f"(standard errors of the difference), for some scores as synthetic.width=10%"
            )
        amount = float(found["amount"])
        if found["kind"] == "%":
            return cls(amount / 100, "relative", found["scores"] or "*")
        return cls(amount, "errors" if found["kind"] else "absolute", found["scores"] or "*")

    def allowed(self, baseline: float, apart: Difference) -> float:
        """By how much a score may be worse; nothing by standard errors where none is known."""
        if self.kind == "absolute":
            return self.amount
        if self.kind == "relative":
            return self.amount * abs(baseline)
        return self.amount * apart.spread.standard_error if apart.spread else 0.0

    def __str__(self) -> str:
        return {
            "absolute": f"{self.amount:g}",
            "relative": f"{100 * self.amount:g}%",
            "errors": f"{self.amount:g} standard errors",
        }[self.kind]


@dataclass(frozen=True)
class Verdict:
    """What became of one score.

    Attributes:
        score: its name.
        value: now; None where it is undefined or not there.
        baseline: before.
        difference: now less before; None where either is undefined.
        worse_by: how much worse it got, in its unit; negative if it got better; infinite if it is no longer there.
        allowed: how much worse it might have got.
        worse: whether that is too much.
        why: in a sentence.
    """

    score: str
    value: float | None
    baseline: float
    difference: float | None
    worse_by: float
    allowed: float
    worse: bool
    why: str


@dataclass(frozen=True)
class Check:
    """What became of all scores.

    Attributes:
        verdicts: in the order of the baseline's scores.
        remarks: why the two cards do not quite compare, where that is so.
    """

    verdicts: tuple[Verdict, ...]
    remarks: tuple[str, ...]

    @property
    def worse(self) -> tuple[Verdict, ...]:
        """Those that are worse than is allowed."""
        return tuple(verdict for verdict in self.verdicts if verdict.worse)

    def to_json(self) -> dict[str, Any]:
        """JSON-able; infinite is null."""
        verdicts = [asdict(v) | {"worse_by": v.worse_by if math.isfinite(v.worse_by) else None} for v in self.verdicts]
        return {"passed": not self.worse, "verdicts": verdicts, "remarks": list(self.remarks)}


def check(
    card: Scorecard,
    baseline: Scorecard,
    tolerances: Iterable[str | Tolerance] = (),
    *,
    units: bool = False,
) -> Check:
    """Compare a scorecard with an earlier one, and say what got worse.

    Every score of the baseline that is defined is looked at: what is no longer there, or no longer defined, is worse.
    Which way is worse is in the baseline's definition: a score that is better higher is worse when it falls, one that
    is better lower when it rises, and one with a target when it is farther from it than before; without a value to be
    near to, the target is the baseline itself, and any change is for the worse.

    Args:
        card: the network as it is now.
        baseline: as it was.
        tolerances: as `Tolerance.parse` reads them. For each score the last that names it counts; scores that none
            names may be worse by `TOLERANCE`.
        units: whether scores of single units count as well.

    Raises:
        CurvesError: a tolerance cannot be read or names no score, or the baseline has no score to compare.
    """
    chosen = [Tolerance.parse(each) if isinstance(each, str) else each for each in tolerances]
    names = [score for score in (baseline.scores if units else baseline.family_scores) if _defined(baseline, score)]
    if not names:
        raise CurvesError("the baseline has no score to compare with; give a card on which a test was run")
    for tolerance in chosen:
        if not any(fnmatchcase(name, tolerance.scores) for name in names):
            raise CurvesError(f"no score is named {tolerance.scores!r}; there are {', '.join(names)}")
    verdicts = [_verdict(card, baseline, name, _tolerance(name, chosen)) for name in names]
    return Check(tuple(verdicts), tuple(_remarks(card, baseline)))


def _defined(card: Scorecard, score: str) -> bool:
    return card.scores[score] is not None


def _tolerance(name: str, chosen: Sequence[Tolerance]) -> Tolerance:
    fitting = [tolerance for tolerance in chosen if fnmatchcase(name, tolerance.scores)]
    return fitting[-1] if fitting else Tolerance.parse(TOLERANCE)


def _verdict(card: Scorecard, baseline: Scorecard, name: str, tolerance: Tolerance) -> Verdict:
    before, now = baseline.scores[name], card.scores.get(name)
    assert before is not None
    if now is None:
        gone = "is undefined now" if name in card.scores else "is not on the card"
        return Verdict(name, None, before, None, math.inf, 0.0, True, f"{gone}; it was {before:.4g}")
    apart = difference(card, baseline, name)
    assert apart.value is not None
    meaning = baseline.score(name).definition
    worse_by = _worse_by(meaning, now, before, apart.value)
    allowed = tolerance.allowed(before, apart)
    worse = worse_by > allowed + ROUNDING * max(abs(before), abs(now))
    way = f"{meaning.better} is better" if meaning.better != "target" else _target(meaning)
    why = f"{before:.4g} became {now:.4g} ({meaning.unit}), and {way}; allowed: {tolerance}, which is {allowed:.2g}"
    return Verdict(name, now, before, apart.value, worse_by, allowed, worse, why)


def _worse_by(meaning: Definition, now: float, before: float, change: float) -> float:
    if meaning.better == "higher":
        return -change
    if meaning.better == "lower":
        return change
    if meaning.target is None:
        return abs(change)
    return abs(meaning.difference(now, meaning.target)) - abs(meaning.difference(before, meaning.target))


def _target(meaning: Definition) -> str:
    return "it should stay" if meaning.target is None else f"it should be near {meaning.target:g}"


def _remarks(card: Scorecard, baseline: Scorecard) -> list[str]:
    """Differences between the runs that may be why scores differ."""
    found = []
    if (card.family and card.family.units) != (baseline.family and baseline.family.units):
        found.append("The two cards are of other units, so that part of the difference may be the choice of them.")
    images, others = (each.conditions.get("images", {}).get("hash") for each in (card, baseline))
    if images != others:
        found.append("The two cards are over different images.")
    if card.conditions.get("quick") != baseline.conditions.get("quick"):
        found.append("One of the two cards was made with fewer stimuli (--quick).")
    ran, before = (each.network["precision"] for each in (card, baseline))
    if ran != before:
        found.append(f"One of the two cards ran in {ran}, the other in {before}: small differences may be rounding.")
    for test, drawn in card.replicates.items():
        other = baseline.replicates.get(test)
        if other is not None and not drawn.matches(other):
            found.append(
                f"{test} drew from other {drawn.what}: its standard errors take the two cards for independent."
            )
    return found
