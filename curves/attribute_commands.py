"""`curves attribute`: what in a picture, or which units of an earlier layer, a response is due to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from curves.devices import Device, Precision, opener
from curves.output import AsJson, check_file, print_json, print_table, table
from curves.progress import shown

if TYPE_CHECKING:
    from torch import Tensor

    from circuits import Attribution, Network, Unit
    from circuits.images import ImageSet
    from evals.progress import Progress

__all__ = ["attribute"]

SHOWN = 10
"""Units of a table on the terminal; JSON has all."""


def attribute(
    net: Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")],
    units: Annotated[str, typer.Argument(metavar="UNITS", help="A unit such as 3b:379, or several, commas between.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to draw it: .png, .svg or .pdf.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="LAYER", help="An earlier layer, or input.")] = "input",
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="The picture to look at.")] = None,
    images: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Instead of a picture, look at that of the folder with the most response."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="M", help="linear, gradient, 'integrated gradients' or captum:NAME; gradient with --everywhere."
        ),
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Attribute the squared activations of all places, not the highest one.")
    ] = False,
    device: Device = "cpu",
    precision: Precision = "float32",
    as_json: AsJson = False,
) -> None:
    """Attribute a response to the pixels or to an earlier layer, at the place where it is highest."""
    from circuits import CurvesError, attribution
    from circuits.images import ImageSet
    from evals.attribution_picture import draw_attribution
    from evals.gallery.registry import picture_suffix, save_figure

    if picture and images:
        raise CurvesError("give a --picture or a folder of --images, not both")
    load = opener(device, precision)
    picture_suffix(output)
    check_file(output)
    network = load(net)
    named = [network.unit(part.strip()) for part in units.split(",")]
    if picture:
        chosen = ImageSet(picture.name, (picture,))
    else:
        chosen = ImageSet.folder(images) if images else ImageSet.photographs()
    with shown() as progress:
        highest = _highest(network, named, chosen, progress)
    objective: Literal["pre", "squares"] = "squares" if everywhere else "pre"
    place = None if everywhere else highest.place
    found = attribution(
        network, named, to, images=highest.picture[None].to(network.device, network.dtype), place=place,
        method=method or ("gradient" if everywhere else "linear"), objective=objective,
    )  # fmt: skip
    save_figure(draw_attribution(found, highest.picture, highest.name, place), output)
    told = _told(found, highest, place, network, to)
    if as_json:
        print_json({"path": str(output), **told})
        return
    typer.echo(f"{highest.name}" + ("" if place is None else f", row {place[0]}, column {place[1]}"))
    for name in ("value", "sum", "constant", "remainder"):
        if told[name] is not None:
            typer.echo(f"{name:10} {told[name]:.5g}")
    if told["units_of_source"]:
        strongest = sorted(told["units_of_source"].items(), key=lambda item: -abs(item[1]))[:SHOWN]
        print_table(table(("unit", "contributes"), [(unit, f"{value:.4g}") for unit, value in strongest]))
    typer.echo(f"drawn in {output}")


@dataclass(frozen=True)
class _Highest:
    """The picture, and the place in it, where units respond most."""

    value: float
    name: str
    picture: Tensor
    place: tuple[int, int]


def _highest(net: Network, units: list[Unit], images: ImageSet, progress: Progress) -> _Highest:
    import torch

    from circuits import CurvesError

    layers = {unit.layer for unit in units}
    if len(layers) > 1:
        raise CurvesError(f"attribution is of units of one layer, not of {', '.join(sorted(layers))}; name one layer")
    best: _Highest | None = None
    for number, each in enumerate(images.pictures()):
        picture = each.scaled(images.short_side)
        with torch.inference_mode():
            maps = net.activations(picture[None].to(net.device, net.dtype), layers, pre=True)[units[0].layer][0]
        if maps.dim() != 3:
            raise CurvesError(f"units of {units[0].layer} see the whole picture; name units of an earlier layer")
        total = maps[[unit.channel for unit in units]].sum(0)
        value, at = float(total.max()), int(total.argmax())
        if best is None or value > best.value:
            best = _Highest(value, each.name, picture, divmod(at, total.shape[1]))
        progress("pictures", number + 1, len(images))
    assert best is not None  # no image set is empty
    return best


def _told(
    found: Attribution, highest: _Highest, place: tuple[int, int] | None, net: Network, to: str
) -> dict[str, Any]:
    constant = None if found.constants is None else float(found.constants[0])
    remainder = None if found.remainders is None else float(found.remainders[0])
    by_unit: dict[str, float] = {}
    if to in net.layers:
        sums = found.tensor[0].reshape(net.layer(to).channels, -1).sum(1)
        by_unit = dict(zip(map(str, net.units(to)), sums.tolist(), strict=True))
    return {
        "picture": highest.name,
        "place": place,
        "value": float(found.values[0]),
        "sum": float(found.sums[0]),
        "constant": constant,
        "remainder": remainder,
        "units_of_source": by_unit,
        **found.provenance,
    }
