"""`curves likeness`: how much hand-built detectors are like learned ones, in what they do and in their weights."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curves.devices import Device, Memory, Precision, opener
from curves.inputs import ImagesPath, image_set
from curves.output import AsJson, angle, print_json, print_table, table, writable
from curves.progress import shown

if TYPE_CHECKING:
    from rich.table import Table

    from circuits import Family, Network
    from circuits.images import ImageSet
    from evals import CircuitLikeness, Likeness, TuningLikeness
    from evals.agreement import Mean
    from evals.progress import Progress

__all__ = ["likeness"]

HEADINGS = ("maps", "tuning", "ranks", "top", "active")
"""What the measures of `evals.likeness_result.AGREEMENTS` are called in the table."""


def likeness(
    net: Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")],
    other: Annotated[
        str, typer.Argument(metavar="[OTHER]", help="The network in which partners are sought.")
    ] = "handbuilt",
    layer: Annotated[
        str | None, typer.Option(metavar="L", help="NET's layer of curve detectors; by receptive field if not given.")
    ] = None,
    images: ImagesPath = None,
    published: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Published tuning curves (JSON) to compare OTHER with as well.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of samples, intervals and chance levels.")] = 0,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Find for each curve detector the one of another network that is most like it, and compare their circuits.

    Beside the best partner is a control, the detector of the opposite direction; beside a circuit's similarity is what
    chance gives. Circuits can be compared only between networks of one architecture.
    """
    import evals
    from circuits import CurvesError
    from evals.likeness import merged

    load = opener(device, precision, memory)
    curves = evals.read_tuning_curves(published) if published else None
    chosen = image_set(images)
    network, partner = load(net), load(other)
    folder = writable(output)
    circuit, note = None, ""
    with shown() as progress:
        own, theirs = (_detectors(n, at, chosen, progress) for n, at in ((network, layer), (partner, None)))
        family = merged(own)
        behaviour = evals.likeness(network, family, partner, theirs, images=chosen, seed=seed, progress=progress)
        tuned = evals.tuning_likeness(curves, partner, theirs, images=chosen, progress=progress) if curves else None
        try:
            circuit = _circuits(network, partner, chosen, seed, progress)
        except CurvesError as error:
            note = f"no circuits were compared: {error}"
    used = {"family": family.to_json(evidence=False), "others": [f.to_json(evidence=False) for f in theirs]}
    paths = {"likeness": behaviour.save(folder, used)}
    if tuned:
        paths["tuning"] = tuned.save(folder)
    if circuit:
        paths["circuit"] = circuit.save(folder)
    if as_json:
        found = {"likeness": behaviour, "tuning": tuned, "circuit": circuit}
        told: dict[str, Any] = {name: result.to_json() if result else None for name, result in found.items()}
        print_json(told | {"note": note, "paths": {name: [str(p) for p in pair] for name, pair in paths.items()}})
        return
    _print(behaviour, tuned, circuit)
    if note:
        typer.echo(f"\n{note}")
    typer.echo(f"\nsaved to {folder}: {', '.join(path.name for pair in paths.values() for path in pair)}")


def _print(behaviour: Likeness, tuned: TuningLikeness | None, circuit: CircuitLikeness | None) -> None:
    """The tables, each with what its numbers are."""
    print_table(_behaviour(behaviour))
    typer.echo("")
    print_table(_means(behaviour))
    images = behaviour.images
    typer.echo(
        f"\nmaps, tuning: correlation over drawn curves, by direction and radius or by direction alone; ranks, active: "
        f"correlation of ranks before the ReLU, and of activations, over {behaviour.positions['compared']} positions "
        f"in {images['count']} images ({images['name']}); top: of the unit's top 1% of positions, the share in the "
        f"partner's top 5%, 0.05 by chance"
    )
    if tuned:
        typer.echo("")
        print_table(_tuned(tuned))
        means = tuned.means()
        typer.echo(
            f"\ncorrelation with the published tuning curves: mean {_mean(means['correlation'])}; with all of them "
            f"turned by {tuned.shift:g} degrees {_mean(means['shifted'])}; with each turned freely "
            f"{_mean(means['turned'])}"
        )
    if circuit:
        typer.echo("")
        print_table(_circuit(circuit))
        typer.echo(
            "\nsimilarity: cosine between all weights at the first network's directions; chance: with the targets' "
            "weights dealt out at random; matrices: correlation of the kernels' sums; own: how well the first "
            "network's other units, turned, predict its weights"
        )
        for sentence in circuit.left_out:
            typer.echo(f"left out: {sentence}")


def _detectors(net: Network, layer: str | None, images: ImageSet, progress: Progress) -> list[Family]:
    """A network's curve detectors: by construction if it was built by hand, else found by behaviour."""
    import evals
    import handbuilt
    from circuits import CurvesError

    layer = layer or evals.curve_layer(net)
    net.layer(layer)
    if not handbuilt.is_handbuilt(net):
        return [evals.find_curve_family(net, layer, images=images, progress=progress)]
    found = [family for family in handbuilt.families(net) if (family.layer, family.name) == (layer, "curve")]
    if not found:
        raise CurvesError(f"{net.provenance.name} was built without curve detectors in {layer}; name another layer")
    return found


def _circuits(net: Network, other: Network, images: ImageSet, seed: int, progress: Progress) -> CircuitLikeness:
    import evals

    # No layer is searched that only one of the two networks has: that takes longest.
    layers = [name for name in evals.searchable(net) if name in evals.searchable(other)]
    own, theirs = (_families(network, layers, images, progress) for network in (net, other))
    return evals.circuit_likeness(net, own, other, theirs, seed=seed, progress=progress)


def _families(net: Network, layers: list[str], images: ImageSet, progress: Progress) -> tuple[Family, ...]:
    """A network's families in some layers: by construction if it was built by hand, else found by behaviour."""
    import evals
    import handbuilt

    if handbuilt.is_handbuilt(net):
        return tuple(family for family in handbuilt.families(net) if family.layer in layers)
    return evals.find_families(net, layers, images=images, progress=progress)


def _behaviour(found: Likeness) -> Table:
    from evals.likeness_result import AGREEMENTS

    rows = []
    for pair in found.pairs:
        numbers = (_number(getattr(pair.best, name)) for name in AGREEMENTS)
        angles = angle(pair.direction), angle(pair.best.direction)
        rows.append((str(pair.unit), str(pair.best.unit), *angles, *numbers))
    return table(("unit", "partner", "angle", "angle", *HEADINGS), rows, words=2)


def _means(found: Likeness) -> Table:
    best, opposite = (found.means(which).values() for which in ("best", "opposite"))
    rows = [(name, _mean(one), _mean(two)) for name, one, two in zip(HEADINGS, best, opposite, strict=True)]
    return table(("mean over units", "best partner", "opposite detector"), rows)


def _tuned(found: TuningLikeness) -> Table:
    rows = [
        (
            str(pair.unit), str(pair.partner), angle(pair.direction), angle(pair.partner_direction),
            f"{pair.width:.0f}°", f"{pair.partner_width:.0f}°", _number(pair.correlation),
        )
        for pair in found.pairs
    ]  # fmt: skip
    headings = ("published", "partner", "angle", "angle", "width", "width", "correlation")
    return table(headings, rows, words=2)


def _circuit(found: CircuitLikeness) -> Table:
    rows = []
    for pair in found.pairs:
        row = pair.row()
        sizes = f"{row['sources']}x{row['targets']}", f"{row['other_sources']}x{row['other_targets']}"
        numbers = (_number(row[name]) for name in ("cosine", "chance", "matrix_correlation", "equivariance"))
        rows.append((pair.name, *sizes, *numbers))
    return table(("weights", "units", "units", "similarity", "chance", "matrices", "own"), rows)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _mean(mean: Mean) -> str:
    return f"{mean.value:.2f} [{mean.low:.2f}, {mean.high:.2f}]"
