"""`curves dataset`: what a family does on natural images, in parts if need be, and merging the parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from curves.devices import Cluster, Device, Memory, Precision, opener
from curves.inputs import FamilyFile, ImagesPath, image_set, saved_family
from curves.output import AsJson, angle, print_json, print_table, table, writable
from curves.progress import shown

if TYPE_CHECKING:
    from circuits import Family, Network
    from circuits.pictures import Images
    from evals.dataset import Settings, Survey
    from evals.progress import Progress

__all__ = ["app"]

Folder = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to write to.")]
Quilts = Annotated[
    list[str] | None, typer.Option("--quilt", metavar="UNIT", help="Draw this unit's quilt; may be given repeatedly.")
]

SHOWN = {"firing": "fires", "mean": "mean", "highest": "highest", "half_of_expected": "half above"}
"""Scores of a unit in the table, and their headings; the laws' comparisons come beside them."""


class _RunByDefault(TyperGroup):
    """`curves dataset NET` is `curves dataset run NET`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (click's own, which typer hides)
        """Put `run` in front unless a command stands there."""
        if args and args[0] not in {*self.commands, "-h", "--help"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help="What a family of curve detectors does on natural images: `curves dataset NET -o DIR`.",
)


@app.command()
def run(
    net: Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")],
    output: Folder,
    images: ImagesPath = None,
    layer: Annotated[
        str | None, typer.Option(metavar="L", help="Where the curve detectors are; by receptive field if not given.")
    ] = None,
    family: FamilyFile = None,
    shards: Annotated[int, typer.Option(min=1, metavar="N", help="Parts that the images are surveyed in.")] = 1,
    shard: Annotated[
        int | None, typer.Option(metavar="I", help="Survey this part alone, from 0; `merge` does the rest.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all samples.")] = 0,
    per_stratum: Annotated[
        int, typer.Option(min=1, metavar="N", help="Positions kept of each range of each unit, for quilts and labels.")
    ] = 8,
    cluster: Cluster = None,
    quilt: Quilts = None,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Survey the images in one pass; a pass that was killed goes on when it is started again."""
    import evals
    from circuits import CurvesError
    from evals.dataset import Settings, merged, shard_path, survey_images

    if cluster and shard is not None:
        raise CurvesError("a cluster surveys all parts; leave out --shard, or --cluster to survey a part here")
    load = opener(device, precision, memory)
    network, chosen = load(net), image_set(images)
    folder = writable(output)
    kept = Settings(seed, per_stratum=per_stratum)
    parts = [(part, shards) for part in (range(shards) if shard is None else (shard,))]
    paths = [shard_path(folder, part) for part in parts]
    with shown() as progress:
        units = (
            saved_family(family, layer)
            if family
            else evals.find_curve_family(network, layer or evals.curve_layer(network), progress=progress)
        )
        if cluster:
            whole = _on_cluster(cluster, network, units, chosen, shards, kept, folder, progress)
            _finish(whole, folder, chosen, quilt, as_json)
            return
        surveys = [
            survey_images(network, units, chosen, shard=part, path=path, settings=kept, progress=progress)
            for part, path in zip(parts, paths, strict=True)
        ]
    if len(surveys) < shards:
        done = surveys[0].images
        if as_json:
            print_json({"path": str(paths[0]), "pictures": done})
        else:
            typer.echo(
                f"surveyed part {shard} of {shards}, {done} pictures: {paths[0]}; merge the parts when all are there"
            )
        return
    _finish(merged(surveys), folder, chosen, quilt, as_json)


@app.command()
def merge(
    surveys: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Folders of surveys, or single ones.")],
    output: Folder,
    images: ImagesPath = None,
    quilt: Quilts = None,
    as_json: AsJson = False,
) -> None:
    """Merge surveys of parts of an image set: the result is that of one survey, bit for bit."""
    from circuits import CurvesError
    from evals.dataset import load_survey, merged, save_survey, survey_files

    files = [file for path in surveys for file in (survey_files(path) if path.is_dir() else [path])]
    if not files:
        raise CurvesError(f"{surveys[0]} holds no surveys; name folders that `curves dataset NET -o DIR` wrote")
    whole, chosen = merged([load_survey(file) for file in files]), image_set(images)
    folder = writable(output)
    save_survey(whole, folder / "merged.npz")
    _finish(whole, folder, chosen, quilt, as_json)


def _on_cluster(
    where: str,
    net: Network,
    family: Family,
    images: Images,
    shards: int,
    settings: Settings,
    folder: Path,
    progress: Progress,
) -> Survey:
    from circuits.cluster import connected
    from evals.dataset.cluster import survey_on

    with connected(where) as client:
        return survey_on(
            client, net, family, images, parts=shards if shards > 1 else None, settings=settings, folder=folder,
            progress=progress,
        )  # fmt: skip


def _finish(survey: Survey, folder: Path, images: Images, quilts: list[str] | None, as_json: bool) -> None:
    """Write scores and quilts, and print what was found."""
    from circuits import CurvesError
    from evals import save_figure
    from evals.dataset import LAWS, LEVEL, draw_quilt, result, save_summary

    if not survey.images:
        raise CurvesError("no picture was surveyed; run the parts that have some")
    scores, made = result(survey).scores, save_summary(survey, folder)
    paths = dict(zip(("csv", "json"), map(str, made), strict=True))
    for unit in quilts or ():
        place = folder / f"quilt-{unit.replace('/', '-').replace(':', '-')}.png"
        save_figure(draw_quilt(survey, images, unit), place)
        paths[f"quilt {unit}"] = str(place)
    if as_json:
        print_json({"scores": scores, "complete": survey.complete, "paths": paths})
        return
    rows = [
        [
            str(member.unit),
            angle(member.direction, survey.family.period),
            *(_number(scores[f"{member.unit}.{name}"]) for name in SHOWN),
            *(_compared(scores[f"{member.unit}.{law}_ratio"], scores[f"{member.unit}.{law}_p"]) for law in LAWS),
        ]
        for member in survey.family
    ]
    print_table(table(("unit", "angle", *SHOWN.values(), *(law.replace("_", " ") for law in LAWS)), rows))
    typer.echo(
        f"\n{survey.images} pictures, {survey.positions:,} positions; units fire at {scores['firing']:.1%} of these\n"
        "mean, highest, half above (activations above it make half of the expected value): standard deviations\n"
        "gaussian, lognormal, power law: log-likelihood ratio per value of the tail, above 0 if an exponential is\n"
        f"better; * p < {LEVEL}, over pictures"
    )
    if not survey.complete:
        typer.echo("\nParts of the image set are missing or not finished.")
    typer.echo("\n" + "\n".join(f"{what}: {path}" for what, path in paths.items()))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}" if abs(value) < 0.1 else f"{value:.2f}"


def _compared(ratio: float | None, p: float | None) -> str:
    """A ratio, marked where it is far enough from 0."""
    from evals.dataset import LEVEL

    return "" if ratio is None else f"{ratio:+.3f}" + ("*" if p is not None and p < LEVEL else " ")
