"""Hundreds of single-unit ablations and single-edge cuts, ours against forward hooks: `python -m benchmarks.ablation`.

The peers are plain torch modules of the same GoogLeNet with a forward hook that zeroes one channel and another that
ends the run at the layer that is read, one run for each ablation: what baukit's TraceDict(edit_output=, stop=True) and
an nnsight trace with tracer.stop() do underneath.

- whole pictures: 224 x 224, as each tool's documentation shows;
- our crop: the same loop handed a crop around the receptive field that starts where a stride does: 96 px for 3b,
  184 px for 4a.

Ours runs all ablations over all stimuli. A peer's loop would take hours, so it is timed on a sample of both; what is
compared is the time of one ablation of one stimulus. On the sample, effects must agree to 1e-5 of the largest response.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from benchmarks.plain_torch import PlainTorch
from benchmarks.sweep import hooked
from benchmarks.turns import time_in_turns, write_figures
from circuits import CurvesError, Network
from editing import ablation_effects, edge_effects
from evals.grid import CurveGrid
from evals.stimuli import Curve
from weights import load

SIZE = 224
STIMULI = 64
SAMPLE = 4
"""Ablations that the peers are timed on."""
BATCH = 16
"""Stimuli that the peers are timed on, all at once."""


@dataclass(frozen=True)
class Job:
    """Ablations of all units of `layer`, or cuts of all its edges to the one that is read."""

    name: str
    layer: str
    read: str
    crop: int
    edges: bool = False


JOBS = (
    Job("units of 3a, read at 3b:379 (5x5)", "3a", "3b:379", 96),
    Job("units of 3a, read at 3b:200 (3x3)", "3a", "3b:200", 96),
    Job("units of 3b, read at 4a:420", "3b", "4a:420", 184),
    Job("units of 3b, read at all of 4a", "3b", "4a", 184),
    Job("edges of 3a to 3b:379", "3a", "3b:379", 96, edges=True),
)


class Case:
    """One job on one network: the stimuli, the peers' loop, ours."""

    def __init__(self, net: Network, job: Job) -> None:
        self.net, self.job, self.plain = net, job, PlainTorch(net).eval()
        self.units = net.units(job.layer)
        self.layer = job.read.partition(":")[0]
        self.rows = [net.unit(job.read).channel] if ":" in job.read else list(range(net.layer(self.layer).channels))
        field = net.receptive_field(self.layer)
        self.place = round((SIZE / 2 - field.size / 2 - field.offset) / field.stride)  # of the unit, in the whole map
        first = field.offset + self.place * field.stride
        middle = first + field.size / 2
        grid = CurveGrid.of(
            Curve(position=(middle - SIZE / 2, SIZE / 2 - middle)),
            direction=range(0, 360, 45),
            radius=range(20, 100, 10),
        )
        self.pictures = torch.cat(list(grid.batches(STIMULI)))
        seen = slice(first, first + field.size)
        self.patches = self.pictures[:, :, seen, seen].contiguous()
        # The crop starts where a unit of every layer does, at or before the first pixel that is seen.
        start = first - first % field.stride
        self.place_in_crop = self.place - start // field.stride
        self.crops = self.pictures[:, :, start : start + job.crop, start : start + job.crop].contiguous()
        self.sample = range(0, len(self.units), len(self.units) // SAMPLE)

    def loop(self, images: Tensor, place: int) -> Tensor:
        """The peers' way, on the sample: units x read x stimuli, the response after ablation."""
        module = getattr(self.plain, self.plain.key(self.net.layer(self.job.layer).pre))
        with torch.inference_mode():
            return torch.stack([self.once(module, images[:BATCH], place, channel) for channel in self.sample])

    def once(self, module: nn.Module, images: Tensor, place: int, channel: int) -> Tensor:
        """One ablation: read x stimuli."""

        def silence(_module: nn.Module, _inputs: object, output: Tensor) -> Tensor:
            output = output.clone()
            output[:, channel] = 0
            return output

        handle = module.register_forward_hook(silence)
        try:
            return hooked(self.plain, images, self.net.layer(self.layer).pre)[:, self.rows, place, place].T
        finally:
            handle.remove()

    def ours(self) -> Tensor:
        """All ablations over all stimuli."""
        effects = edge_effects if self.job.edges else ablation_effects
        return effects(self.net, self.job.layer, self.job.read, self.patches)

    def ways(self) -> dict[str, tuple[Callable[[], Tensor], int]]:
        """Each way and how many ablations of a stimulus it does."""
        few, all_of_them = len(self.sample) * BATCH, len(self.units) * STIMULI
        return {
            "hooks, whole pictures": (lambda: self.loop(self.pictures, self.place), few),
            "hooks, our crop": (lambda: self.loop(self.crops, self.place_in_crop), few),
            "ours": (self.ours, all_of_them),
        }

    def difference(self) -> dict[str, float]:
        """Largest disagreement of each peer with ours, relative to the largest response."""
        intact = self.net.responses(self.patches, self.layer)[:, self.rows].T
        ours = (self.ours() + intact)[list(self.sample), :, :BATCH]
        return {
            name: float((way() - ours).abs().max() / intact.abs().max())
            for name, (way, _) in self.ways().items()
            if name != "ours"
        }


def measure(case: Case, turns: int) -> dict[str, dict[str, float]]:
    """Time and agreement of each way."""
    ways = case.ways()
    seconds = time_in_turns({name: way for name, (way, _) in ways.items()}, turns, seconds=1)
    times = {name: found / ways[name][1] * 1e6 for name, found in seconds.items()}
    median = {name: float(found.median()) for name, found in times.items()}
    differences = case.difference()
    rows = {}
    for name, found in times.items():
        spread = found.quantile(torch.tensor([0.25, 0.75]))
        rows[name] = {
            "us": median[name],
            "iqr": float(spread[1] - spread[0]),
            "ratio": median[name] / median["ours"],
            "difference": differences.get(name, 0.0),
        }
    return rows


def main() -> None:
    """Run, check agreement, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--turns", type=int, default=3, help="how often each way is timed")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    try:
        net = load(arguments.network)
    except CurvesError as error:
        raise SystemExit(f"error: {error}") from None
    console, results = Console(), {}
    for job in JOBS:
        case = Case(net, job)
        results[job.name] = measure(case, arguments.turns)
        table = Table(title=f"{len(case.units)} {job.name} of {net.provenance.name}, {torch.get_num_threads()} threads")
        for column in ("way", "us / ablation", "spread (IQR)", "ours is faster by", "difference"):
            table.add_column(column, justify="left" if column == "way" else "right")
        for name, row in results[job.name].items():
            numbers = f"{row['us']:.1f}", f"{row['iqr']:.1f}", f"{row['ratio']:.0f}x", f"{row['difference']:.1e}"
            table.add_row(name, *numbers)
        console.print(table)
    if worst := [name for name, rows in results.items() if max(r["difference"] for r in rows.values()) > 1e-5]:
        raise SystemExit(f"results differ by more than 1e-5: {', '.join(worst)}")
    if arguments.json:
        write_figures(arguments.json, {"results": results})


if __name__ == "__main__":
    main()
