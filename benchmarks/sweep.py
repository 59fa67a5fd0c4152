"""A direction x radius sweep of 3b, ours against forward hooks, in one run: `python -m benchmarks.sweep [--json FILE]`.

The peers are plain torch modules of the same GoogLeNet (torch's own LRN) read by a forward hook that stops the network
at 3b, which is what baukit's Trace(stop=True) and nnsight's tracer.stop() do underneath; what they add to it costs
little at this size:

- whole pictures: 224 x 224, unit (14, 14) of the map, as each tool's documentation shows;
- our crop: the same tools handed the 96 px around the receptive field, aligned to the stride, unit (5, 5);
- our crop and all we know: also LRN as a banded 1x1 convolution, channels last, our batch.

Ours computes what one unit sees and nothing else. All must agree to a relative difference of 1e-5.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from benchmarks.plain_torch import PlainTorch
from benchmarks.turns import time_in_turns, write_figures
from circuits import CurvesError, Network
from circuits.ops import LocalResponseNorm
from evals.grid import CurveGrid
from evals.stimuli import Curve
from evals.sweep import BATCH
from weights import load

LAYER = "3b"
STIMULI = 64


class BandedLRN(nn.Module):
    """What a knowing user would put in the place of `nn.LocalResponseNorm`."""

    def __init__(self, op: LocalResponseNorm) -> None:
        super().__init__()
        self.op = op
        self.band: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.band is None:
            i = torch.arange(x.shape[1])
            near = (i[:, None] - i[None, :]).abs() <= self.op.size // 2
            self.band = near.float()[:, :, None, None] * (self.op.alpha / self.op.size)
        return x * (nn.functional.conv2d(x * x, self.band) + self.op.k).pow(-self.op.beta)


class _StopError(Exception):
    pass


def hooked(module: PlainTorch, images: Tensor, tensor: str) -> Tensor:
    """The value of `tensor`, read by a forward hook that ends the forward pass there."""
    kept = []

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        kept.append(output)
        raise _StopError

    handle = getattr(module, module.key(tensor)).register_forward_hook(hook)
    try:
        module(images)
    except _StopError:
        pass
    finally:
        handle.remove()
    return kept[0]


def with_banded_lrn(net: Network) -> PlainTorch:
    """The plain modules with torch's slow LRN replaced."""
    module = PlainTorch(net)
    for op in net.ops:
        if isinstance(op, LocalResponseNorm):
            setattr(module, module.key(op.name), BandedLRN(op))
    return module


def cases(net: Network) -> dict:
    """Each way to sweep, as a function without arguments that returns N x C."""
    field = net.receptive_field(LAYER)
    pre = net.layer(LAYER).pre
    middle = field.offset + 14 * field.stride + field.size / 2  # of unit (14, 14), px from the left
    whole = CurveGrid.of(
        Curve(position=(middle - 112, 112 - middle)), direction=range(0, 360, 45), radius=range(20, 100, 10)
    )
    pictures = torch.cat(list(whole.batches(STIMULI)))
    crops = pictures[:, :, 72:168, 72:168].contiguous()
    first = field.offset + 14 * field.stride
    patches = pictures[:, :, first : first + field.size, first : first + field.size].contiguous()
    plain, knowing = PlainTorch(net).eval(), with_banded_lrn(net).eval()
    last = crops.contiguous(memory_format=torch.channels_last)

    def batched(f, images: Tensor, size: int) -> Tensor:
        with torch.inference_mode():
            return torch.cat([f(batch) for batch in images.split(size)])

    return {
        "hook, whole pictures": lambda: batched(lambda b: hooked(plain, b, pre)[:, :, 14, 14], pictures, 16),
        "hook, our crop": lambda: batched(lambda b: hooked(plain, b, pre)[:, :, 5, 5], crops, 16),
        "hook, our crop and all we know": lambda: batched(lambda b: hooked(knowing, b, pre)[:, :, 5, 5], last, BATCH),
        "ours": lambda: batched(lambda b: net.responses(b, LAYER), patches, BATCH),
    }


def main() -> None:
    """Run, check agreement, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="bvlc_googlenet", help="a network with InceptionV1's layers")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    try:
        net = load(arguments.network)
    except CurvesError as error:
        raise SystemExit(f"error: {error}") from None
    ways = cases(net)
    reference = ways["hook, whole pictures"]()
    times = {name: found / STIMULI * 1e3 for name, found in time_in_turns(ways).items()}
    median = {name: float(found.median()) for name, found in times.items()}
    table = Table(title=f"{STIMULI} curves through {LAYER} of {net.provenance.name}, {torch.get_num_threads()} threads")
    for column in ("way", "ms / picture", "spread (IQR)", "ours is faster by", "relative difference"):
        table.add_column(column, justify="left" if column == "way" else "right")
    rows = {}
    for name, way in ways.items():
        spread = float(times[name].quantile(0.75) - times[name].quantile(0.25))
        difference = float((way() - reference).abs().max() / reference.abs().max())
        ratio = median[name] / median["ours"]
        rows[name] = {"ms": median[name], "iqr": spread, "ratio": ratio, "difference": difference}
        table.add_row(name, f"{median[name]:.2f}", f"{spread:.2f}", f"{ratio:.1f}x", f"{difference:.1e}")
    Console().print(table)
    if worst := [name for name, row in rows.items() if row["difference"] > 1e-5]:
        raise SystemExit(f"results differ by more than 1e-5: {', '.join(worst)}")
    if arguments.json:
        write_figures(arguments.json, {"rows": rows})


if __name__ == "__main__":
    main()
