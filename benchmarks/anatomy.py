"""Where the time of a sweep of 3b and of a pass to 4a goes, and what was tried: `python -m benchmarks.anatomy`.

The first table is torch's profiler's: self time of its ops by what they are for. The second gives the time of a
stimulus or picture when one thing is done otherwise; all in turns, on the same inputs, medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections import defaultdict
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from benchmarks.turns import time_in_turns
from circuits import Network
from circuits.execution import execute
from circuits.regions import INPUT, Box, compile_program
from evals.grid import CurveGrid
from evals.stimuli import Curve
from weights import load

PARTS = {
    "convolutions": ("conv", "addmm", "aten::mm"),
    "max pools": ("max_pool",),
    "ReLU": ("relu", "clamp_min"),
    "normalisation": ("sqrt", "aten::mul", "aten::add_", "addcmul"),
    "layout and copies": ("copy_", "clone", "aten::cat", "flip"),
}
BATCH = 32


def parts(run: Callable[[], object], times: int = 20) -> dict[str, float]:
    """Shares of the self time of torch's ops."""
    run()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(times):
            run()
    shares: dict[str, float] = defaultdict(float)
    for event in found.key_averages():
        name = next((part for part, words in PARTS.items() if any(word in event.key for word in words)), "the rest")
        shares[name] += event.self_cpu_time_total
    total = sum(shares.values())
    return {name: shares[name] / total for name in (*PARTS, "the rest")}


def compiled(run: Callable[[Tensor], Tensor], images: Tensor) -> Callable[[], Tensor]:
    """The same by torch.compile, compiled before it is timed."""
    faster = torch.compile(run)
    faster(images)
    return lambda: faster(images)


def merged(net: Network) -> dict[str, Callable[[], object]]:
    """The three 1x1 convolutions of 3a that read the same tensor, one after the other and as one."""
    names = [op.name for op in net.ops if op.name.startswith("3a/") and op.kind == "conv" and op.kernel == (1, 1)]
    first = net.op(names[0]).inputs
    names = [name for name in names if net.op(name).inputs == first]
    weights = [net.tensors[f"{name}/weight"] for name in names]
    whole = torch.cat(weights)
    x = torch.rand(BATCH, whole.shape[1], 7, 7).contiguous(memory_format=torch.channels_last)
    together = lambda: torch.conv2d(x, whole).split([len(weight) for weight in weights], 1)  # noqa: E731
    return {
        f"the {len(names)} 1x1 convolutions of 3a, apart": lambda: [torch.conv2d(x, weight) for weight in weights],
        "merged into one and split": together,
        "merged, and each part made whole": lambda: [
            part.contiguous(memory_format=torch.channels_last) for part in together()
        ],
    }


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    net = load(given.network)
    field, whole = net.receptive_field("3b").size, net.layer("4a").pre
    patches = {n: next(CurveGrid.of(Curve(size=field), direction=range(n)).batches(n)) for n in (8, 16, BATCH, 64)}
    picture = torch.rand(1, 3, 224, 224)
    program = compile_program(net.ops, {whole: None}, (224, 224))
    plain = net.preprocessing(picture).contiguous(memory_format=torch.contiguous_format)
    one_by_one = compile_program(net.ops, {net.layer("3b").pre: Box(0, 1, 0, 1)})
    rows = net.preprocessing(patches[BATCH]).contiguous(memory_format=torch.contiguous_format)

    def sweep(images: Tensor) -> Tensor:
        return net.responses(images, "3b")

    def look(images: Tensor) -> Tensor:
        return net.activations(images, ["4a"], pre=True)["4a"]

    console = Console(width=120, highlight=False)
    with torch.inference_mode():
        table = Table("share of the time", *PARTS, "the rest", title=f"{given.threads} threads")
        for name, run in (
            (f"3b, {BATCH} stimuli", lambda: sweep(patches[BATCH])),
            ("4a, a picture", lambda: look(picture)),
        ):
            table.add_row(name, *(f"{share:.0%}" for share in parts(run).values()))
        console.print(table)

    def without(context: Callable[[], object], run: Callable[[], object]) -> Callable[[], object]:
        def inside() -> object:
            with context():  # type: ignore[attr-defined]
                return run()

        return inside

    def one_thread() -> object:
        torch.set_num_threads(1)
        try:
            return sweep(patches[BATCH])
        finally:
            torch.set_num_threads(given.threads)

    no_grad = torch.no_grad
    ways: dict[str, tuple[Callable[[], object], int]] = {
        f"3b in batches of {n}": (without(torch.inference_mode, lambda n=n: sweep(patches[n])), n) for n in patches
    }
    ways |= {
        "3b, no_grad in place of inference_mode": (without(no_grad, lambda: sweep(patches[BATCH])), BATCH),
        "3b, rows and columns last": (without(no_grad, lambda: execute(one_by_one, {INPUT: rows}, net.tensors)), BATCH),
        "3b, one thread": (without(no_grad, one_thread), BATCH),
        "4a": (without(torch.inference_mode, lambda: look(picture)), 1),
        "4a, no_grad in place of inference_mode": (without(no_grad, lambda: look(picture)), 1),
        "4a, rows and columns last": (without(no_grad, lambda: execute(program, {INPUT: plain}, net.tensors)), 1),
    }
    ways |= {name: (without(no_grad, way), BATCH) for name, way in merged(net).items()}
    failed = {}
    with torch.no_grad():
        for name, run, images in (("3b", sweep, patches[BATCH]), ("4a", look, picture)):
            try:
                ways[f"{name}, torch.compile"] = without(no_grad, compiled(run, images)), len(images)
            except Exception as error:  # it needs a C++ compiler, and fails in many ways
                failed[f"{name}, torch.compile"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"[:80]
    times = time_in_turns({name: way for name, (way, _) in ways.items()}, seconds=0.5)
    table = Table("what", "microseconds each", title=f"{given.threads} threads")
    for name, found in times.items():
        table.add_row(name, f"{statistics.median(found.tolist()) / ways[name][1] * 1e6:.0f}")
    for name, why in failed.items():
        table.add_row(name, why)
    console.print(table)


if __name__ == "__main__":
    main()
