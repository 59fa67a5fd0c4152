"""What each mechanism of the hand-built network is for: its scores without it, one after the other.

Scores are those of the tests `synthetic` and `combing` on the curves of the middle band of radii; `faint` is the share
of the amplitude that is left when curves have a sixth of the contrast.
"""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console
from rich.table import Table

import evals
import handbuilt
from circuits import Family, Network

MECHANISMS: dict[str, dict[str, float]] = {
    "nothing left out": {},
    "complex Gabors are not inhibited": {"complex_gabors.inhibition": 0},
    "lines are not inhibited": {"lines.inhibition": 0},
    "early curves: not by other orientations": {"early_curves.inhibition": 0},
    "early curves: not by the opposite arc": {"early_curves.opposite": 0},
    "curves: not by other directions": {"curves.inhibition": 0},
    "curves: not by the opposite arc": {"curves.opposite": 0},
    "3a and 3b: not by the opposite arc": {"early_curves.opposite": 0, "curves.opposite": 0},
    "3a and 3b: no inhibition at all": {
        "early_curves.inhibition": 0,
        "early_curves.opposite": 0,
        "curves.inhibition": 0,
        "curves.opposite": 0,
    },
    "no thresholds": {"lines.threshold": 0, "early_curves.threshold": 0, "curves.threshold": 0},
    "early curves without a width": {"early_curves.width": 60},
    "ten times the half-saturation": {"gabors.contrast": 1.4},
}

SYNTHETIC = ("first_harmonic", "width", "echo", "coverage", "curve_over_line")
COMBING = ("ticks_over_curve",)


def scores(net: Network, family: Family) -> list[float | None]:
    """The scores of the table's columns."""
    test = evals.SyntheticCurves()
    faint = replace(test, base=replace(test.base, foreground=(0.58, 0.58, 0.58), background=(0.42, 0.42, 0.42)))
    found = evals.run(net, family, [test, "combing"]).scores
    amplitude, left = found["synthetic.amplitude"], evals.run(net, family, [faint]).scores["synthetic.amplitude"]
    return [
        *(found[f"synthetic.{name}"] for name in SYNTHETIC),
        *(found[f"combing.{name}"] for name in COMBING),
        left / amplitude if left is not None and amplitude else None,
    ]


def main() -> None:
    """Print the table."""
    table = Table("without", *SYNTHETIC, *COMBING, "faint", box=None, header_style="bold")
    for name, changes in MECHANISMS.items():
        net = handbuilt.build(parameters=handbuilt.Parameters().changed(changes))
        family = next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))
        table.add_row(name, *("-" if value is None else f"{value:.3g}" for value in scores(net, family)))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
