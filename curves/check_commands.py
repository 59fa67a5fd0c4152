"""`curves check` and `curves tests`: whether scores got worse, and which tests there are."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curves.output import AsJson, print_json, print_table, table

if TYPE_CHECKING:
    from evals.check import Check

__all__ = ["check", "list_tests"]


def check(
    card: Annotated[Path, typer.Argument(metavar="CARD", help="A scorecard: its folder, or its scorecard.json.")],
    against: Annotated[Path, typer.Option(metavar="BASELINE", help="The earlier scorecard, in the same form.")],
    tolerance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="T",
            help="How much worse is allowed: 0.02 (in the score's unit), 5% (of the baseline) or 2se (standard errors "
            "of the difference; the default). SCORE=T is for one score, or for many: 'synthetic.*=5%'. Repeat it.",
        ),
    ] = None,
    units: Annotated[bool, typer.Option("--units", help="Look at the scores of single units as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what got worse since an earlier scorecard: exit code 1 if anything did by more than is allowed, else 0."""
    import evals

    found = evals.check(evals.Scorecard.load(card), evals.Scorecard.load(against), tolerance or (), units=units)
    if as_json:
        print_json(found.to_json())
    else:
        _print(found, card, against)
    if found.worse:
        raise typer.Exit(1)


def _print(found: Check, card: Path, against: Path) -> None:
    rows = [
        (
            verdict.score,
            _number(verdict.baseline),
            _number(verdict.value),
            _number(verdict.worse_by),
            _number(verdict.allowed),
            "WORSE" if verdict.worse else "ok",
        )
        for verdict in found.verdicts
    ]
    print_table(table(("score", "before", "now", "worse by", "allowed", ""), rows))
    for remark in found.remarks:
        typer.echo(f"\n{remark}")
    typer.echo()
    for verdict in found.worse:
        typer.echo(f"worse: {verdict.score}: {verdict.why}")
    if not found.worse:
        typer.echo(f"{card} is no worse than {against}: {len(found.verdicts)} scores checked")


def _number(value: float | None) -> str:
    if value is None or math.isinf(value):
        return "–"
    return f"{value + 0.0:.4g}"  # 0 has no sign


def list_tests(as_json: AsJson = False) -> None:
    """List the tests that `curves eval` and `curves compare` can run."""
    import evals

    found = [evals.find_test(name) for name in evals.known_tests()]
    if as_json:
        print_json([{"name": t.name, "about": t.about, "needs_family": t.needs_family} for t in found])
        return
    for test in found:
        typer.echo(f"{test.name:<16} {'a family' if test.needs_family else 'the network':<12} {test.about}")
