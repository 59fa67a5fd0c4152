"""`curves visualize`: pictures of what units like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from curves.devices import Device, Precision, opener
from curves.inputs import saved_families
from curves.output import AsJson, check_file, print_json
from curves.progress import shown

if TYPE_CHECKING:
    from circuits import Network, Unit

__all__ = ["visualize"]

STEPS = 128
"""As `circuits.visualize`, which is not imported for help."""


def visualize(
    net: Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")],
    units: Annotated[
        list[str], typer.Argument(metavar="UNIT...", help="Units such as 3b:379, or files of families (.toml).")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it: .svg, .pdf or .png.")
    ],
    steps: Annotated[int, typer.Option(metavar="N", help="Of ascent.")] = STEPS,
    diverse: Annotated[int, typer.Option(metavar="K", help="Pictures of each unit, made to differ.")] = 1,
    canvas: Annotated[
        int | None, typer.Option(metavar="PX", help="Size of the picture; by default just what a unit sees.")
    ] = None,
    everywhere: Annotated[
        bool, typer.Option("--everywhere", help="Excite the unit all over the canvas and not in its middle.")
    ] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the beginnings and disturbances.")] = 0,
    device: Device = "cpu",
    precision: Precision = "float32",
    as_json: AsJson = False,
) -> None:
    """Draw pictures that excite units: feature visualisations."""
    import circuits
    from circuits.visualization import Excite
    from evals import Subject, save_figure
    from evals.gallery.contact import contact_sheet
    from evals.gallery.registry import picture_suffix
    from evals.progress import counted

    load = opener(device, precision)
    picture_suffix(output)
    check_file(output)
    network = load(net)
    wanted = [Excite(unit, at=None if everywhere else (0, 0)) for text in units for unit in _units(network, text)]
    with shown() as progress:
        told = counted(progress, f"steps of {len(wanted) * diverse} visualisations", steps)
        found = circuits.visualize(
            network, wanted, pictures=diverse, steps=steps, canvas=canvas, seed=seed, progress=told
        )
    save_figure(contact_sheet(Subject(network.provenance.name, network), found), output)
    if as_json:
        pairs = zip(found.objectives, found.values.tolist(), strict=True)
        values = [{"objective": what, "value": value} for what, value in pairs]
        print_json({"path": str(output), "values": values, **found.provenance})
    else:
        rows, columns = found.images.shape[-2:]
        typer.echo(f"saved {len(found)} pictures of {columns} x {rows} px to {output}")


def _units(net: Network, text: str) -> list[Unit]:
    if text.endswith(".toml"):
        return [net.unit(unit) for family in saved_families(Path(text)) for unit in family.units]
    return [net.unit(text)]
