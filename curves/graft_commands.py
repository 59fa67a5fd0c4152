"""`curves graft` and `curves recovery`: hand-built units in a learned network, and how well it works with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curves.devices import Device, Memory, Precision, opener
from curves.inputs import ImagesPath, image_set
from curves.output import AsJson, check_file, print_json, print_table, table, writable
from curves.progress import shown

if TYPE_CHECKING:
    from rich.table import Table

    from circuits import Family, Network
    from circuits.images import ImageSet
    from curves.recovery import Recovery
    from evals.progress import Progress

__all__ = ["graft", "recovery"]

Net = Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")]
Donor = Annotated[str, typer.Option(metavar="NET", help="The hand-built network that units are taken from.")]
Layer = Annotated[str, typer.Option(metavar="L", help="The layer of both networks.")]
Units = Annotated[
    str | None,
    # Named, since Typer 0.27 makes a metavar that is the parameter's name in capitals the option's name.
    typer.Option("--units", metavar="UNITS", help="Units to replace, with commas between; else the curve detectors."),
]

MEASURES = {"kl": "KL, nats", "unexplained": "unexplained", "agreement": "agreement", "top1": "top-1", "top5": "top-5"}
"""What a measure is called in the table."""


def graft(
    net: Net,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to save the network (.safetensors).")
    ],
    donor: Donor = "handbuilt",
    layer: Layer = "3b",
    units: Units = None,
    images: ImagesPath = None,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Put hand-built units in the place of learned ones, each scaled to come nearest to the one that it replaces."""
    import handbuilt

    load = opener(device)
    check_file(output)
    chosen = image_set(images)
    network, hand = load(net), load(donor)
    with shown() as progress:
        replaced = _replaced(network, layer, units, progress)
        fit = handbuilt.fit_graft(network, hand, layer, replaced, images=chosen, progress=progress)
    grafted = fit.apply(network)
    grafted.save(output)
    if as_json:
        made = {"path": str(output), "name": grafted.provenance.name, "identity": grafted.identity}
        print_json(made | {"fit": fit.to_json()})
        return
    rows = [(str(m.unit), str(m.donor), f"{m.scale:.4g}", f"{m.shift:.4g}", f"{m.explained:.1%}") for m in fit.matches]
    print_table(table(("unit", "replaced by", "scale", "shift", "variance explained"), rows, words=2))
    typer.echo(f"\nfitted on {fit.images}, {fit.places} places")
    typer.echo(f"saved {grafted.provenance.name} ({grafted.identity[:8]}) to {output}")


def recovery(
    net: Net,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")],
    donor: Donor = "handbuilt",
    layer: Layer = "3b",
    units: Units = None,
    fit: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Images to fit on, found as --images are; else scikit-image's.")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="A folder of images, a tar file or a folder of these, to test on; else half of those to fit on.",
        ),
    ] = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="The test's images lie in a folder for each class: measure accuracy too.")
    ] = False,
    read: Annotated[str, typer.Option(metavar="L", help="The layer whose activations are compared.")] = "4a",
    seed: Annotated[int, typer.Option(metavar="N", help="Of the controls and the intervals.")] = 0,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Ablate curve detectors, graft hand-built ones, and measure how much of the damage that undoes.

    Compares class probabilities (KL divergence) and the next layer's activations with the unedited network's; beside
    the graft are controls: mean ablation, random other units ablated, random hand-built units grafted.
    """
    from curves.recovery import recovery as run
    from evals import class_labels

    load = opener(device, precision, memory)
    fitted, tested, note = _image_sets(fit, images)
    network, hand = load(net), load(donor)
    classes = class_labels(tested, network.channels(network.ops[-1].name)) if labels else None
    folder = writable(output)
    with shown() as progress:
        replaced = _replaced(network, layer, units, progress)
        found = run(
            network, hand, replaced, layer=layer, fit=fitted, test=tested, read=read, labels=classes, seed=seed,
            progress=progress,
        )  # fmt: skip
    rows, summary = found.save(folder)
    if as_json:
        print_json(found.to_json() | {"images_used": note, "paths": {"csv": str(rows), "json": str(summary)}})
        return
    print_table(_recovered(found))
    typer.echo(f"\n{note}")
    typer.echo(
        f"KL: divergence from the unedited network's class probabilities; unexplained: share of the variance of {read} "
        f"that is changed; recovered: share of the ablation's damage that is undone, its interval of 95% by bootstrap "
        f"over images"
    )
    typer.echo(f"saved to {rows} and {summary}")


def _replaced(net: Network, layer: str, units: str | None, progress: Progress) -> Family | list[str]:
    """The units that were named, or the layer's curve detectors."""
    import evals

    if units:
        return [unit.strip() for unit in units.split(",")]
    return evals.find_curve_family(net, layer, progress=progress)


def _image_sets(fit: Path | None, test: Path | None) -> tuple[ImageSet, ImageSet, str]:
    """What to fit and what to test on, and a sentence that says so."""
    from curves.recovery import fit_and_test

    fitted, tested = fit_and_test(*(image_set(path) if path else None for path in (fit, test)))
    note = ""
    if fit is None and test is None:
        note = "no --images were given, so that one half of the photographs was fitted on and the other tested on: "
    sets = (f"{len(images)} images ({images.name})" for images in (fitted, tested))
    return fitted, tested, note + "fitted on {}, tested on {}".format(*sets)


def _recovered(found: Recovery) -> Table:
    rows = found.rows()
    told = [name for name in MEASURES if rows[0][name] is not None]
    shares = [name for name in ("kl", "unexplained", "top1", "top5") if any(name in row["recovered"] for row in rows)]
    headings = [MEASURES[name] for name in told] + [f"{MEASURES[name].split(',')[0]} recovered" for name in shares]
    cells = []
    for row in rows:
        numbers = [f"{row[name]:.4f}" for name in told]
        cells.append((row["network"], *numbers, *(_share(row["recovered"].get(name)) for name in shares)))
    return table(("network", *headings), cells)


def _share(recovered: dict[str, float] | None) -> str:
    return "{value:.0%} [{low:.0%}, {high:.0%}]".format(**recovered) if recovered else ""
