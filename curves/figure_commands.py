"""`curves figure`: the articles' figures on any network, beside another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curves.devices import Device, Memory, Precision, opener
from curves.inputs import ImagesPath, image_set
from curves.output import AsJson, check_file, print_json
from curves.progress import shown

if TYPE_CHECKING:
    from circuits import Family, Network
    from circuits.images import ImageSet
    from evals import Damage, Subject
    from evals.progress import Progress

__all__ = ["figure"]


def figure(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Which figure; see --list.")] = None,
    net: Annotated[
        str | None, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it: .svg, .pdf or .png.")
    ] = None,
    other: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="NET",
            help="The network beside it, in figures that compare; by default a learned one beside handbuilt.",
        ),
    ] = None,
    images: ImagesPath = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="The images lie in a folder for each class: show accuracy, not damage.")
    ] = False,
    human: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="A folder from `curves label page` with labels in it, for figures of these."),
    ] = None,
    steps: Annotated[
        int, typer.Option(metavar="N", help="Of feature visualisations, in figures that show some.")
    ] = 128,
    every: Annotated[bool, typer.Option("--list", help="List the figures and exit.")] = False,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Draw a figure of the articles: of a network, or, if it compares, of the learned one beside the hand-built one."""
    from circuits import CurvesError
    from evals import Setting, draw_figure, find_plate, save_figure
    from evals.gallery.registry import picture_suffix
    from evals.human import read_folder

    if every:
        _list(as_json)
        return
    if name is None:
        raise CurvesError("name a figure; `curves figure --list` has all")
    found = find_plate(name)
    if net is None or output is None:
        raise CurvesError(f"`curves figure {name}` needs a network and a file: curves figure {name} NET -o FILE.svg")
    if other and not found.compares:
        raise CurvesError(f"the figure {name} shows one network; leave out --with {other}, and draw {other} by itself")
    load = opener(device, precision, memory)
    picture_suffix(output)
    check_file(output)
    chosen = image_set(images)
    subjects = _subjects(net, other, load) if found.compares else (_subject(net, load),)
    with shown() as progress:
        setting = Setting(
            subjects,
            chosen,
            human=read_folder(human) if human else None,
            measure_damage=lambda: _damage(subjects, chosen if images else None, labels, progress),
            steps=steps,
            progress=progress,
        )
        drawn = draw_figure(name, setting)
    save_figure(drawn, output)
    if as_json:
        networks = {subject.name: subject.net.identity for subject in subjects}
        told = {"figure": name, "about": found.about, "section": found.section}
        ran = subjects[0].net.execution
        print_json({"path": str(output), **told, "networks": networks, "images": chosen.name, **ran})
    else:
        typer.echo(f"saved {found.about}: {' and '.join(subject.label for subject in subjects)}, to {output}")


def _list(as_json: bool) -> None:
    from evals import plates

    known = plates().values()
    if as_json:
        told = [{key: value for key, value in vars(found).items() if key != "draw"} for found in known]
        print_json(told)
        return
    for found in known:
        typer.echo(f"{found.name}\n  {found.about}\n  {found.section}")


def _subjects(net: str, other: str | None, load: Callable[[str], Network]) -> tuple[Subject, ...]:
    """The two networks, learned before hand-built."""
    import weights

    first = _subject(net, load)
    second = _subject(other or ("handbuilt" if first.families is None else weights.default()), load)
    pair = (first, second)
    return tuple(sorted(pair, key=lambda subject: subject.families is not None))


def _subject(net: str, load: Callable[[str], Network]) -> Subject:
    import weights
    from evals import Subject

    network = load(net)
    known = net in {entry.name for entry in weights.available()}
    return Subject(net if known else Path(net).stem, network, _families(network))


def _families(net: Network) -> tuple[Family, ...] | None:
    """By construction where the network was built by hand."""
    import handbuilt

    return handbuilt.families(net) if handbuilt.is_handbuilt(net) else None


def _damage(subjects: tuple[Subject, ...], images: ImageSet | None, labels: bool, progress: Progress) -> Damage:
    """The articles' last experiment: fitted on photographs, tested on the images, or on one half each of the former."""
    import evals
    from circuits import CurvesError
    from curves.recovery import fit_and_test, recovery
    from evals.class_scores import Classifier

    learned = [subject for subject in subjects if subject.families is None]
    built = [subject for subject in subjects if subject.families is not None]
    if len(learned) != 1 or len(built) != 1:
        raise CurvesError(
            "artificial-accuracy puts hand-built units into a learned classifier; give one network of each"
        )
    net, hand = learned[0].net, built[0].net
    outputs = Classifier(net).classes  # refuses what is none, before its families are looked for
    fit, test = fit_and_test(None, images)
    classes = evals.class_labels(test, outputs) if labels else None
    layer = evals.curve_layer(hand)
    family = evals.find_curve_family(net, evals.curve_layer(net), progress=progress)
    return recovery(net, hand, family, layer=layer, fit=fit, test=test, labels=classes, progress=progress).damage
