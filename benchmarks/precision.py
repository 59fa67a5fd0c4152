"""What devices and precisions cost in accuracy, and what they gain in time: `python -m benchmarks.precision`.

The same work in every precision that a device has, against float32 on the CPU:

- responses of all units of 3b to the curves of the synthetic test: the difference, as a share of the unit's largest
  response to any of them; the largest of all and the median;
- the family's scores of the synthetic test: the largest change, as a share of the score, and every score;
- effects of ablating single units of 3a on the curve detectors: the difference, as a share of the largest effect. They
  are differences of two responses that are nearly the same, so that rounding weighs more;
- class probabilities of photographs: the mean divergence from those of float32, in nats, and the most probable class;
- whether a second run gives the same bits.

Times are of responses of 3b, the best of several turns: batches of 32 patches on the CPU, of 1024 on a GPU.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

import evals
from benchmarks.turns import time_in_turns, write_figures
from circuits import CurvesError, Family, Network
from circuits.devices import find_device
from circuits.precision import PRECISIONS
from editing import ablation_effects
from weights import load

LAYER, ABLATED = "3b", "3a"
TEST = evals.SyntheticCurves()


def variants(net: Network) -> Iterator[Network]:
    """The network on each device in each precision that there is, float32 on the CPU first."""
    for name in ("cpu", "cuda", "mps"):
        try:
            moved = net.evolve().to(find_device(name))
        except CurvesError:
            continue
        for precision in PRECISIONS:
            try:
                yield moved.evolve(precision=precision)
            except CurvesError:
                continue


@dataclass(frozen=True)
class Answers:
    """What a network says: responses to curves, effects of ablations, scores by name; on the CPU."""

    responses: Tensor
    effects: Tensor
    scores: dict[str, float | None]

    @classmethod
    def of(cls, net: Network, family: Family) -> Answers:
        """Run the network anew: nothing is remembered of another device or precision."""
        patches = stimuli(net, 16)
        units = net.units(ABLATED)[::16]
        return cls(
            evals.sweep(net, LAYER, TEST.stimuli(net, LAYER)),
            ablation_effects(net, units, list(family.units), patches).cpu(),
            evals.run(net, family, [TEST]).family_scores,
        )


def stimuli(net: Network, every: int) -> Tensor:
    """Some of the test's curves, on the network's device."""
    return torch.cat(list(TEST.stimuli(net, LAYER).batches(256, net.device)))[::every].contiguous()


def errors(found: Tensor, reference: Tensor, scale: Tensor) -> dict[str, float]:
    """The largest and the median difference, as shares of `scale`, which broadcasts."""
    shares = ((found - reference).abs() / scale).flatten()
    return {"largest": float(shares.max()), "median": float(shares.median())}


def measure(net: Network, family: Family, first: Network, reference: Answers) -> dict[str, Any]:
    """The errors of one variant against the first."""
    found = Answers.of(net, family)
    heard = reference.responses.flatten(0, -2)
    changes = {
        name: abs(value - was) / max(abs(was), 1e-9)
        for name, was in reference.scores.items()
        if was and (value := found.scores[name]) is not None
    }
    said = evals.damage(first, {"this": net}, evals.ImageSet.photographs()).variant("this")
    patches = stimuli(net, 16)
    with torch.inference_mode():
        again = [net.responses(patches, LAYER) for _ in range(2)]
    return {
        **net.execution,
        "responses": errors(found.responses.flatten(0, -2), heard, heard.abs().amax(0)),
        "effects": errors(found.effects, reference.effects, reference.effects.abs().max()),
        "scores": found.scores,
        "score_change": max(changes.values()),
        "most_changed": max(changes, key=lambda name: changes[name]),
        "kl": float(said.kl.mean()),
        "same_class": float(said.agreement.mean()),
        "repeatable": torch.equal(*again),
    }


def speed(net: Network, turns: int) -> float:
    """Microseconds for each response of all units of the layer."""
    count = 32 if net.device.type == "cpu" else 1024
    patches = torch.rand(count, 3, *[net.receptive_field(LAYER).size] * 2, device=net.device)

    def way() -> None:
        with torch.inference_mode():
            net.responses(patches, LAYER).cpu()  # waits for the device

    return float(time_in_turns({"ours": way}, turns, seconds=0.5)["ours"].min()) / count * 1e6


def show(rows: list[dict[str, Any]]) -> None:
    """The table."""
    headings = (
        "largest error", "median", "effects: largest", "median", "largest change of a score", "KL, nats", "same class",
        "same twice", "us/response",
    )  # fmt: skip
    table = Table("device", "precision", *headings, box=None, header_style="bold")
    for row in rows:
        pairs = (row[kind][size] for kind in ("responses", "effects") for size in ("largest", "median"))
        table.add_row(
            row["device"], row["precision"], *(f"{value:.2g}" for value in pairs),
            f"{row['score_change']:.2g} ({row['most_changed']})", f"{row['kl']:.2g}", f"{row['same_class']:.1%}",
            "yes" if row["repeatable"] else "NO", f"{row['microseconds']:.0f}",
        )  # fmt: skip
    Console(highlight=False, width=180).print(table)


def main() -> None:
    """Measure and print; -o keeps the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="bvlc_googlenet")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    net = load(given.net)
    family = evals.find_curve_family(net, LAYER, test=TEST)
    reference = Answers.of(net, family)
    rows = [
        measure(other, family, net, reference) | {"microseconds": speed(other, given.turns)} for other in variants(net)
    ]
    show(rows)
    if given.output:
        write_figures(given.output, {"network": net.identity, "layer": LAYER, "rows": rows})


if __name__ == "__main__":
    main()
