"""Feature visualisation of units, ours against bare loops and Lucent, in turns: `python -m benchmarks.visualization`.

- Equal canvas: a bare autograd loop over the same truncated network, on the same pictures with the same disturbances:
  nothing but `net.responses` (or `net.activations`), a gradient and Adam's step.
- Lucent at its default size (128 px scaled up to 224), with its default transforms and with none; each run is a
  process of its own in an environment of its own (`benchmarks.environments`), of which only the ascent is timed.

Objectives are compared by one measure: the unit's pre-activation in the undisturbed final picture, cropped to its
receptive field, after the same number of steps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.environments import ROOT, python_of
from benchmarks.turns import write_figures
from circuits import CurvesError, Network, visualize
from circuits.precision import arithmetic
from circuits.units import Unit
from circuits.visualization import Excite, Robustness
from circuits.visualization.parametrization import FourierPictures
from weights import load

UNITS = ("3b:9", "3b:236", "3b:206", "3b:321")
"""Curve detectors of `bvlc_googlenet` around the circle."""

CANVAS = 224
STILL = Robustness(0, 0, 0)


def bare(net: Network, unit: Unit, steps: int, canvas: int | None) -> None:
    """What anyone would write, given the parametrisation and the disturbances."""
    field, robustness = net.receptive_field(unit.layer).size, Robustness()
    seen = (canvas or field,) * 2
    size = canvas or field + 2 * robustness.margin(seen)
    drawn = FourierPictures(1, 1, size, 0, torch.empty(0))
    optimizer = torch.optim.Adam([drawn.coefficients], lr=0.05)
    random = torch.Generator().manual_seed(0)
    for _ in range(steps):
        optimizer.zero_grad()
        part = robustness.view(drawn(), seen, random)
        if canvas:
            value = net.activations(part, [unit.layer], pre=True)[unit.layer][:, unit.channel].mean()
        else:
            value = net.responses(part, unit.layer)[:, unit.channel].sum()
        with arithmetic(net.precision):
            (-value).backward()
        optimizer.step()


def lucent(network: str, unit: Unit, steps: int, *flags: str) -> dict[str, float]:
    """Seconds and value of a run."""
    command = [
        str(python_of("lucent")), "-m", "benchmarks.lucent_worker", network, str(unit), "--steps", str(steps),
        "--threads", str(torch.get_num_threads()), *flags,
    ]  # fmt: skip
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"error: Lucent did not run: {ran.stderr.strip().splitlines()[-1]}")
    told: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return told


def timed(way: Callable[[], object]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    way()
    return time.perf_counter() - begin


def main() -> None:
    """Run, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--alone", action="store_true", help="without Lucent: only ours and the bare loops")
    parser.add_argument("--steps", type=int, default=256, help="of the pictures whose objectives are compared; 0: none")
    parser.add_argument("--timed", type=int, default=256, help="steps of a run that is timed")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--units", nargs="+", default=UNITS)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    given = parser.parse_args()
    try:
        net = load(given.network)
    except CurvesError as error:
        raise SystemExit(f"error: {error}") from None
    units = [net.unit(unit) for unit in given.units]
    speeds = _speeds(net, units[0], given)
    values = _values(net, units, given) if not given.alone and given.steps else {}
    if given.json:
        write_figures(given.json, {"seconds_per_step": speeds, "values": values})


def _speeds(net: Network, unit: Unit, given: argparse.Namespace) -> dict[str, list[float]]:
    steps = given.timed
    everywhere = Excite(unit, at=None)
    ways: dict[str, Callable[[], float]] = {
        "ours, cropped": lambda: timed(lambda: visualize(net, unit, steps=steps)),
        "bare loop, the same crop": lambda: timed(lambda: bare(net, unit, steps, None)),
        f"ours, {CANVAS} px": lambda: timed(lambda: visualize(net, everywhere, steps=steps, canvas=CANVAS)),
        f"bare loop, {CANVAS} px": lambda: timed(lambda: bare(net, unit, steps, CANVAS)),
    }
    if not given.alone:
        for name, flags in (
            ("Lucent, its default transforms", ("--transforms",)),
            ("Lucent, no transforms", ()),
            ("Lucent, no transforms, network cut at 3b", ("--truncated",)),
        ):
            ways[name] = lambda flags=flags: lucent(given.network, unit, steps, *flags)["seconds"]
    for name in list(ways)[:4]:
        ways[name]()  # once, unmeasured
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.turns):
        for name, way in ways.items():
            times[name].append(way() / steps)
    table = Table(title=f"{unit} of {net.provenance.name}, {torch.get_num_threads()} threads, {given.turns} turns")
    for column in ("way", "ms / step", "least", "most", "steps / s", "ours, cropped, is faster by"):
        table.add_column(column, justify="left" if column == "way" else "right")
    ours = torch.tensor(times["ours, cropped"])
    for name, found in times.items():
        own = torch.tensor(found)
        ratio = float((own / ours).median())  # turn by turn: a busy moment hits both
        numbers = (own.median() * 1e3, own.min() * 1e3, own.max() * 1e3, 1 / own.median())
        table.add_row(name, *(f"{float(n):.1f}" for n in numbers), f"{ratio:.2f}x")
    Console(width=120).print(table)
    whole = torch.tensor(times[f"ours, {CANVAS} px"]) / torch.tensor(times[f"bare loop, {CANVAS} px"])
    crop = ours / torch.tensor(times["bare loop, the same crop"])
    print(
        f"ours over the bare loop: {crop.median():.3f} cropped, {whole.median():.3f} at {CANVAS} px (medians of turns)"
    )
    return times


def _values(net: Network, units: list[Unit], given: argparse.Namespace) -> dict[str, dict[str, float]]:
    columns = ("ours", "Lucent, its transforms", "ours, still", "Lucent, no transforms")
    ours, still = (visualize(net, units, steps=given.steps, robustness=how).values.tolist() for how in (None, STILL))
    table = Table("unit", *columns, title=f"pre-activation after {given.steps} steps, the receptive field alone")
    values = {}
    for number, unit in enumerate(units):
        theirs = [lucent(given.network, unit, given.steps, *flags)["value"] for flags in (("--transforms",), ())]
        values[str(unit)] = dict(zip(columns, (ours[number], theirs[0], still[number], theirs[1]), strict=True))
        table.add_row(str(unit), *(f"{value:.0f}" for value in values[str(unit)].values()))
    Console(width=120).print(table)
    return values


if __name__ == "__main__":
    main()
