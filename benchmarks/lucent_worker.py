"""One feature visualisation by Lucent, in a process of its own: `benchmarks.visualization` starts it.

Lucent 0.1.8's default transforms call two functions where kornia no longer has them, so that its environment has the
kornia that it asks for. Its own InceptionV1 would have to be downloaded: it gets ours, as plain torch modules.
"""

from __future__ import annotations

import argparse
import json
import time

import torch
import torch.nn.functional as F
from lucent.optvis import render
from lucent.optvis.objectives import neuron

from benchmarks.plain_torch import PlainTorch
from circuits import Network, Unit
from circuits.regions import upstream
from weights import load

__all__ = ["truncated"]

SIZE = 224
"""px that Lucent scales its pictures of 128 px up to."""


def truncated(net: Network, layer: str) -> Network:
    """The network up to a layer's pre-activations."""
    kept = upstream(net.ops, net.layer(layer).pre)
    layers = {name: (each.pre, each.pre) for name, each in net.layers.items() if name == layer}
    return net.evolve(ops=[op for op in net.ops if op.name in kept], layers=layers)


def main() -> None:
    """Draw, and print seconds and the unit's pre-activation in the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network")
    parser.add_argument("unit")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--transforms", action="store_true", help="Lucent's own; otherwise none")
    parser.add_argument("--truncated", action="store_true", help="hand it a network that ends at the unit's layer")
    parser.add_argument("--threads", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    net, unit = load(given.network), Unit.parse(given.unit)
    pre = net.layer(unit.layer).pre
    model = PlainTorch(truncated(net, unit.layer) if given.truncated else net).eval()
    begin = time.perf_counter()
    (image,) = render.render_vis(
        model, neuron(PlainTorch.key(pre), unit.channel), thresholds=(given.steps,), preprocess=False, progress=False,
        show_image=False, transforms=None if given.transforms else [],
    )  # fmt: skip
    seconds = time.perf_counter() - begin
    picture = torch.from_numpy(image).permute(0, 3, 1, 2).float()
    picture = F.interpolate(picture, size=(SIZE, SIZE), mode="bilinear", align_corners=True)
    field = net.receptive_field(unit.layer)
    rows = net.activations(picture, [unit.layer], pre=True)[unit.layer].shape[-1]
    first = field.offset + rows // 2 * field.stride  # the unit that Lucent takes for the middle one
    seen = picture[..., first : first + field.size, first : first + field.size].contiguous().clamp(0, 1)
    value = float(net.responses(seen, unit.layer)[0, unit.channel])
    print(json.dumps({"seconds": seconds, "value": value}))


if __name__ == "__main__":
    main()
