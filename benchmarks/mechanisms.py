"""What each mechanism of the hand-built network is for: its scores without it, one after the other.

Scores are those of the tests `synthetic` and `combing` on the curves of the middle band of radii; `faint` is the share
of the amplitude that is left when curves have a sixth of the contrast. With `--images DIR`, `recovered` is the share of
the damage by ablation, as KL divergence over these pictures, that all curves undo when grafted into `bvlc_googlenet`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console
from rich.table import Table

import evals
import handbuilt
import weights
from circuits import Family, Network
from editing import Ablate, Plan

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


def recovery(images: evals.ImageSet) -> Callable[[Network], float]:
    """What a hand-built network recovers on images, fitted on scikit-image's photographs."""
    learned = weights.load("bvlc_googlenet")
    family = evals.find_curve_family(learned, "3b")
    ablated = Plan([Ablate(*family.units)]).apply(learned)

    def recovered(net: Network) -> float:
        grafted = handbuilt.graft(learned, net, "3b", family)
        return evals.damage(learned, {"ablated": ablated, "grafted": grafted}, images).recovered("grafted").value

    return recovered


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", metavar="DIR", help="pictures to test a graft on")
    chosen = parser.parse_args().images
    graft = recovery(evals.ImageSet.folder(chosen)) if chosen else None
    columns = (*SYNTHETIC, *COMBING, "faint", *(["recovered"] if graft else []))
    table = Table("without", *columns, box=None, header_style="bold")
    for name, changes in MECHANISMS.items():
        net = handbuilt.build(parameters=handbuilt.Parameters().changed(changes))
        family = next(f for f in handbuilt.families(net) if (f.layer, f.name) == ("3b", "curve"))
        values = scores(net, family) + ([graft(net)] if graft else [])
        table.add_row(name, *("-" if value is None else f"{value:.3g}" for value in values))
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
