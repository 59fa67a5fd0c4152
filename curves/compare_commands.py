"""`curves eval`, `curves compare` and `curves demo`: testing networks and reporting what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curves.devices import Device, Precision, opener
from curves.output import AsJson, print_json, writable
from curves.progress import shown

if TYPE_CHECKING:
    from circuits import Family, Network
    from evals import ImageSet, Report, Scorecard

__all__ = ["compare", "demo", "evaluate"]

Net = Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")]
Nets = Annotated[list[str], typer.Argument(metavar="NET...", help="Names, saved networks, or folders of scorecards.")]
Folder = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")]
Images = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Images that deviations are taken over, or that are classified; else scikit-image's."
    ),
]

DEMO = "vgg16_hed"
"""The learned network of the demo: it can be had wherever Python packages can."""


def evaluate(
    net: Net,
    output: Folder,
    images: Images = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="L", help="Where to look for curve detectors; found by receptive field if not given."),
    ] = None,
    tests: Annotated[
        str, typer.Option(metavar="NAMES", help="synthetic, combing, classification; with commas between.")
    ] = "synthetic",
    device: Device = "cpu",
    precision: Precision = "float32",
    as_json: AsJson = False,
) -> None:
    """Test one network's curve detectors, or the network as a whole, and save the scorecard.

    For classification, the images lie in a folder for each class: named by the classes' numbers, or as many as the
    network has outputs, or listed in classes.txt in order of the outputs.
    """
    import evals
    from evals.harness import make_tests

    load = opener(device, precision)
    chosen, folder = _images(images), writable(output)
    wanted = make_tests([test.strip() for test in tests.split(",")])
    (name,) = _names([net])
    network = load(net)
    with shown() as progress:
        layers = {name: layer} if layer else {}
        report = evals.compare({name: network}, layers=layers, tests=wanted, images=chosen, progress=progress)
    card = report.cards[name]
    card.save(folder)
    paths = {"scorecard": str(folder / "scorecard.json"), "data": str(folder / "data.npz")}
    if as_json:
        print_json(card.to_json() | {"paths": paths})
        return
    _print_table(evals.Report({name: card}))
    typer.echo(f"\nsaved to {folder}")


def compare(
    nets: Nets,
    output: Folder,
    images: Images = None,
    device: Device = "cpu",
    precision: Precision = "float32",
    as_json: AsJson = False,
) -> None:
    """Test networks side by side, and write a report.

    An edited network is judged on the units of the network it was made from, if that is compared as well.
    """
    import evals

    load = opener(device, precision)
    chosen, folder = _images(images), writable(output)
    networks = {name: _open(net, load) for name, net in zip(_names(nets), nets, strict=True)}
    with shown() as progress:
        report = evals.compare(networks, images=chosen, progress=progress)
    _finish(report, folder, as_json)


def demo(
    output: Folder = Path("report"),
    device: Device = "cpu",
    precision: Precision = "float32",
    as_json: AsJson = False,
) -> None:
    """Compare a learned network, the same with half of its curve detectors ablated, and the hand-built one."""
    import dataclasses

    import evals
    import weights

    load = opener(device, precision)
    folder, images = writable(output), evals.ImageSet.photographs()
    networks: dict[str, Network | Scorecard] = {}
    notes = []
    try:
        learned = load(DEMO)
    except weights.DownloadError as error:
        notes.append(f"Only the hand-built network was tested, because {DEMO} could not be had: {error}.")
        typer.echo(f"{DEMO} cannot be had; going on with the hand-built network alone", err=True)
    else:
        with shown() as progress:
            card = evals.compare({DEMO: learned}, images=images, progress=progress).cards[DEMO]
        assert card.family is not None
        networks = {DEMO: card, f"{DEMO} half ablated": _half_ablated(learned, card.family, folder, load)}
    networks["handbuilt"] = load("handbuilt")
    with shown() as progress:
        report = evals.compare(networks, images=images, progress=progress)
    _finish(dataclasses.replace(report, notes=notes), folder, as_json)


def _half_ablated(net: Network, family: Family, folder: Path, load: Callable[[str], Network]) -> Network:
    """The network without its curve detectors for one half of the circle; plan and network go through files."""
    from editing import Ablate, Plan

    Plan([Ablate(*(member.unit for member in family if member.direction < 180))]).save(folder / "plan.toml")
    Plan.load(folder / "plan.toml").apply(net).save(folder / "edited.safetensors")
    return load(str(folder / "edited.safetensors"))


def _finish(report: Report, folder: Path, as_json: bool) -> None:
    page = report.save(folder)
    if as_json:
        paths = {
            "report": str(page),
            "scores": str(folder / "scores.csv"),
            "json": str(folder / "report.json"),
            "cards": {name: str(folder / place) for name, place in zip(report.cards, report.folders, strict=True)},
        }
        print_json(report.to_json() | {"paths": paths})
        return
    _print_table(report)
    for remark in report.remarks:
        typer.echo(f"\n{remark}")
    typer.echo(f"\nreport: {page}")


def _print_table(report: Report) -> None:
    from rich.console import Console

    Console(highlight=False).print(report.table())


def _open(net: str, load: Callable[[str], Network]) -> Network | Scorecard:
    from evals import Scorecard

    return Scorecard.load(net) if not _registered(net) and Path(net).is_dir() else load(net)


def _names(nets: list[str]) -> list[str]:
    """What to call the networks: by their names, files or folders by theirs, no two alike."""
    from evals.report import unique

    return unique(net if _registered(net) else Path(net).resolve().stem for net in nets)


def _registered(net: str) -> bool:
    import weights

    return net in {network.name for network in weights.available()}


def _images(folder: Path | None) -> ImageSet:
    from evals import ImageSet

    return ImageSet.photographs() if folder is None else ImageSet.folder(folder)
