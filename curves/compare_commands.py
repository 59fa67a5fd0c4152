"""`curves eval`, `curves compare` and `curves demo`: testing networks and reporting what came out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curves.devices import Device, Memory, Precision, opener
from curves.inputs import ImagesPath, image_set
from curves.output import AsJson, print_json, print_table, writable
from curves.progress import shown

if TYPE_CHECKING:
    from circuits import Family, Network
    from evals import Report, Scorecard, Test

__all__ = ["compare", "demo", "evaluate"]

Net = Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")]
Nets = Annotated[list[str], typer.Argument(metavar="NET...", help="Names, saved networks, or folders of scorecards.")]
Folder = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")]

Tests = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="Which tests, with commas between; `curves tests` lists them. `all`: those that can be run on NET.",
    ),
]
Human = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="A folder from `curves label page` with labels in it, for the test human."),
]
Quick = Annotated[bool, typer.Option("--quick", help="Show fewer stimuli, for a first look; the scorecard says so.")]
Seed = Annotated[int, typer.Option(metavar="N", help="Of the draws that tell how uncertain the scores are.")]

DEMO = "vgg16_hed"
"""The learned network of the demo: it can be had wherever Python packages can."""


def evaluate(
    net: Net,
    output: Folder,
    images: ImagesPath = None,
    layer: Annotated[
        str | None,
        typer.Option(metavar="L", help="Where to look for curve detectors; found by receptive field if not given."),
    ] = None,
    tests: Tests = "synthetic",
    human: Human = None,
    quick: Quick = False,
    seed: Seed = 0,
    figures: Annotated[bool, typer.Option("--figures", help="Draw what the tests found, into DIR/figures.")] = False,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Test one network's curve detectors, or the network as a whole, and save the scorecard.

    For classification, the images lie in a folder for each class: named by the classes' numbers, or as many as the
    network has outputs, or listed in classes.txt in order of the outputs.
    """
    import evals

    load = opener(device, precision, memory)
    chosen, wanted = image_set(images), _tests(tests, human)
    (name,) = _names([net])
    network, folder = load(net), writable(output)
    with shown() as progress:
        layers = {name: layer} if layer else {}
        report = evals.compare(
            {name: network}, layers=layers, tests=wanted, images=chosen, quick=quick, seed=seed, progress=progress
        )
    card = report.cards[name]
    card.save(folder)
    files = {"scorecard": "scorecard.json", "scores": "scores.parquet", "data": "data.npz"}
    paths: dict[str, Any] = {what: str(folder / file) for what, file in files.items()}
    if figures:
        paths["figures"] = _draw(card, folder / "figures")
    if as_json:
        print_json(card.to_json() | {"paths": paths})
        return
    print_table(report.table())
    for remark in report.remarks:
        typer.echo(f"\n{remark}")
    typer.echo(f"\nsaved to {folder}")


def compare(
    nets: Nets,
    output: Folder,
    images: ImagesPath = None,
    tests: Tests = "synthetic",
    human: Human = None,
    quick: Quick = False,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Test networks side by side, and write a report; differences are to the first.

    An edited network is judged on the units of the network it was made from, if that is compared as well.
    """
    import evals

    load = opener(device, precision, memory)
    chosen, wanted = image_set(images), _tests(tests, human)
    networks = {name: _open(net, load) for name, net in zip(_names(nets), nets, strict=True)}
    folder = writable(output)
    with shown() as progress:
        report = evals.compare(networks, tests=wanted, images=chosen, quick=quick, seed=seed, progress=progress)
    _finish(report, folder, as_json)


def demo(
    output: Folder = Path("report"),
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Compare a learned network, the same with half of its curve detectors ablated, and the hand-built one."""
    import dataclasses

    import evals
    import weights

    load = opener(device, precision, memory)
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
            "differences": str(folder / "differences.csv"),
            "json": str(folder / "report.json"),
            "cards": {name: str(folder / place) for name, place in zip(report.cards, report.folders, strict=True)},
        }
        print_json(report.to_json() | {"paths": paths})
        return
    print_table(report.table())
    if differences := report.difference_table():
        typer.echo(f"\ndifferences to {report.reference}, with intervals of 95% (*: not paired)")
        print_table(differences)
    for remark in report.remarks:
        typer.echo(f"\n{remark}")
    typer.echo(f"\nreport: {page}")


def _draw(card: Scorecard, folder: Path) -> list[str]:
    """Write the figures of all tests that were run, and say where."""
    import evals

    paths = []
    for test in card.details:
        for name, figure in evals.find_test(test)().figures(card).items():
            path = folder / f"{test}-{name}.svg"
            evals.save_figure(figure, path)
            paths.append(str(path))
    return paths


def _tests(names: str, human: Path | None) -> list[str | Test]:
    """The tests, all of which there are and, where they are asked for by name, have what they need."""
    import evals
    from circuits import CurvesError
    from evals.catalogue import ALL

    labels = evals.HumanLabels(None if human is None else str(human))
    named = [name.strip() for name in names.split(",")]
    wanted = labels.name in named or (ALL in named and human is not None)
    if wanted:
        labels.read()  # now, and not after minutes of other tests
    elif human is not None:
        raise CurvesError(f"--human is for the test human; add it to --tests {names}, or leave --human out")
    chosen: list[str | Test] = [name for name in named if name != labels.name] + ([labels] if wanted else [])
    evals.make_tests(chosen)
    return chosen


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
