"""`curves label`: a page on which people label what a unit sees, and what their labels say of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from curves.devices import Device, Precision, opener
from curves.inputs import FamilyFile, ImagesPath, image_set, saved_family
from curves.output import AsJson, print_json, print_table, table, writable
from curves.progress import shown

if TYPE_CHECKING:
    from circuits import Family, Member

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Compare a unit with people: a page to label on, and what labels say.")

SHOWN = 45.0
"""Degrees: the unit that points most nearly there is taken if none is named, as in the gallery."""


@app.command()
def page(
    net: Annotated[str, typer.Argument(metavar="NET", help="A network, or a survey that `curves dataset` saved.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")],
    unit: Annotated[
        str | None,
        typer.Option(metavar="UNIT", help="Of the family; that which points most nearly to 45 degrees if not given."),
    ] = None,
    images: ImagesPath = None,
    layer: Annotated[
        str | None, typer.Option(metavar="L", help="Where the curve detectors are; by receptive field if not given.")
    ] = None,
    family: FamilyFile = None,
    per_bin: Annotated[int, typer.Option(min=1, metavar="N", help="Crops of each bin of the pre-activation.")] = 20,
    bins: Annotated[int, typer.Option(min=2, metavar="N", help="Bins, at most.")] = 30,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the lots that crops are drawn by.")] = 0,
    device: Device = "cpu",
    precision: Precision = "float32",
    as_json: AsJson = False,
) -> None:
    """Draw crops by lot from every bin of a unit's pre-activation, and write a page on which to label them.

    Whoever labels needs label.html alone, in any browser. Put the labels-*.csv that it saves into DIR.
    """
    import dataclasses

    import evals
    from evals.dataset import Settings, Survey, load_survey, survey_images
    from evals.dataset.store import SUFFIX
    from evals.human import draw_sample, save_page, save_sample

    load = opener(device, precision)
    chosen, seen = image_set(images), load_survey(net) if net.endswith(".npz") else load(net)
    folder = writable(output)
    with shown() as progress:
        if isinstance(seen, Survey):
            survey = seen
        else:
            units = (
                saved_family(family, layer)
                if family
                else evals.find_curve_family(seen, layer or evals.curve_layer(seen), progress=progress)
            )
            alone = dataclasses.replace(units, members=(_member(units, unit),))
            path = folder / f"{str(alone.units[0]).replace('/', '-').replace(':', '-')}{SUFFIX}"
            kept = Settings(seed, places=1, top=1, per_stratum=per_bin)
            survey = survey_images(seen, alone, chosen, settings=kept, path=path, progress=progress)
    sample = draw_sample(survey, _member(survey.family, unit).unit, bins=bins, per_bin=per_bin)
    paths = {"sample": save_sample(sample, folder), "page": save_page(sample, chosen, folder)}
    if as_json:
        told = {"unit": str(sample.unit), "sample": sample.identity, "crops": len(sample.crops)}
        print_json(told | {"bins": [vars(each) for each in sample.bins], "paths": paths})
        return
    typer.echo(
        f"{len(sample.crops)} crops of what {sample.unit} sees, from {len(sample.bins)} bins. Open {paths['page']}\n"
        f"in a browser and label; put the files that it saves into {folder}, then: curves label read {folder}"
    )


@app.command()
def read(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="What `curves label page` wrote.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[CSV]...", help="Files of labels; all labels-*.csv in DIR if not given."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Where to write results; DIR/results if not given."),
    ] = None,
    published: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Published shares (JSON) to compare with, instead of those of 3b:379 in here."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what labels tell of a unit: shares by activation, by probability and by expected value, and agreement."""
    from evals import save_figure
    from evals.human import load_sample, published_labels, read_folder, read_labels
    from evals.human.report import bin_rows, label_figures, summary
    from evals.results import save_results

    theirs = published_labels(published)
    labelled = read_labels(files, load_sample(folder)) if files else read_folder(folder)
    place = writable(output or folder / "results")
    told = summary(labelled, theirs)
    made = save_results(place, "labels", bin_rows(labelled, theirs), told)
    paths = dict(zip(("csv", "json"), map(str, made), strict=True))
    for name, drawn in label_figures(labelled).items():
        save_figure(drawn, place / f"by-{name}.svg")
        paths[f"by {name}"] = str(place / f"by-{name}.svg")
    if as_json:
        print_json(told | {"paths": paths})
        return
    _print(told)
    typer.echo("\n" + "\n".join(f"{what}: {path}" for what, path in paths.items()))


def _member(family: Family, unit: str | None) -> Member:
    """The unit that was named, or the one that the gallery shows.

    Raises:
        CurvesError: the family does not have it.
    """
    from circuits import CurvesError, Unit

    if unit is None:
        return family.nearest(SHOWN)
    for member in family:
        if member.unit == Unit.parse(unit):
            return member
    have = ", ".join(map(str, family.units))
    raise CurvesError(f"{unit} is not of the family of {family.layer}; choose of {have}, or name another with --family")


def _print(told: dict[str, Any]) -> None:
    from evals.human import LABELS

    rows = [
        [
            f"{row['low']:.1f} to {row['high']:.1f}",
            f"{row['positions']:.2%}",
            str(row["labelled"]),
            *(_share(row[label.key]) for label in LABELS),
            _share(row["expected"]),
            _share(row["distance_to_published"]),
        ]
        for row in told["bins"]
    ]
    short = (label.name.removesuffix(" curve") for label in LABELS)
    headings = ("bin, SD", "share", "crops", *short, "value", "apart")
    print_table(table(headings, rows))
    scores = told["scores"]
    typer.echo(
        f"\n{told['unit']} of {told['network']['name']}, {scores['labelled']:.0f} crops labelled by "
        f"{', '.join(who['name'] for who in told['labellers'])}\n"
        f"curves and imperfect curves make {_uncertain(told, 'expected_curves')} of the expected value\n"
        f"a curve excites it more than something unrelated: {_uncertain(told, 'separation')} of pairs (by chance 50%)\n"
        "share: of all positions; value: of the expected value; apart: total variation distance to the published\n"
        f"labels of {told['published']['unit']}, mean {_share(told['published']['distance'])}"
    )
    if len(told["labellers"]) > 1:
        pairs = ", ".join(f"{' and '.join(pair['labellers'])} {_number(pair['kappa'])}" for pair in told["kappa"])
        typer.echo(f"agreement: Krippendorff's alpha {_number(scores['agreement'])}; Cohen's kappa of {pairs}")


def _uncertain(told: dict[str, Any], name: str) -> str:
    spread = told["uncertainty"].get(name)
    return _share(told["scores"][name]) + (f" [{spread['low']:.0%}, {spread['high']:.0%}]" if spread else "")


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.2f}"
