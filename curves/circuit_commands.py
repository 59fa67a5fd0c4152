"""`curves graph`, `curves families`, `curves sweep` and `curves diff`: looking into circuits."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from curves.devices import Cluster, Device, Memory, Precision, opener
from curves.inputs import ImagesPath, image_set
from curves.output import AsJson, angle, check_file, print_json
from curves.progress import shown

if TYPE_CHECKING:
    from distributed import Client
    from torch import Tensor

    from circuits import Network, Unit

__all__ = ["diff", "families", "graph", "sweep"]

Net = Annotated[str, typer.Argument(metavar="NET", help="A name from `curves weights list`, or a saved network.")]

PICTURES = (".png", ".svg", ".pdf")
DATA = (".graphml", ".json", ".dot")

SHOWN = 20
"""Rows of a table on the terminal; the file has all."""


def graph(
    net: Net,
    targets: Annotated[list[str], typer.Argument(metavar="UNIT...", help="Units such as 3b:379, or layers.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help=".png, .svg or .pdf for a picture; .graphml, .json, .dot."),
    ],
    top: Annotated[int | None, typer.Option(metavar="K", help="Keep the K strongest edges into each unit.")] = None,
    share: Annotated[
        float | None, typer.Option(metavar="S", help="Keep the fewest edges that make up this share of each unit's.")
    ] = None,
    until: Annotated[str, typer.Option(metavar="LAYER", help="How far back to go.")] = "input",
    bottlenecks: Annotated[
        bool, typer.Option(help="Show the units of bottlenecks, or read through them with expanded weights.")
    ] = True,
    by_attribution: Annotated[
        bool,
        typer.Option("--attribution", help="Weigh edges by what flows through them on drawn curves, not by weights."),
    ] = False,
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Draw or save the circuit that ends in some units."""
    from circuits import CircuitGraph, CurvesError

    load = opener(device)
    suffix = output.suffix.lower()
    if suffix not in PICTURES + DATA:
        raise CurvesError(f"cannot write {output}: name a picture ({', '.join(PICTURES)}) or data ({', '.join(DATA)})")
    check_file(output)
    network = load(net)
    ends = [unit for text in targets for unit in _units(network, text)]
    patches = None
    if by_attribution:
        patches = _curves(network, ends[0].layer)
        typer.echo(f"measuring what flows on {len(patches)} curves ...", err=True)
    by: Literal["weight", "attribution"] = "attribution" if by_attribution else "weight"
    pruned = top is not None or share is not None
    circuit = CircuitGraph(
        network, ends, until=until, bottlenecks=bottlenecks, patches=patches, top=top, share=share,
        by=by if pruned else "weight",
    )  # fmt: skip
    if suffix in PICTURES:
        circuit.draw(output, by=by)
    else:
        circuit.save(output)
    found = {"path": str(output), "units": circuit.nx.number_of_nodes(), "edges": circuit.nx.number_of_edges()}
    if as_json:
        print_json(found)
    else:
        typer.echo(f"saved {found['units']} units and {found['edges']} edges to {output}")


def families(
    net: Net,
    layers: Annotated[
        list[str] | None, typer.Option("--layer", metavar="L", help="Only this layer; repeatable.")
    ] = None,
    kinds: Annotated[list[str] | None, typer.Option("--kind", metavar="K", help="Only this kind; repeatable.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Also save them, as family tables of a plan."),
    ] = None,
    images: ImagesPath = None,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Find families (Gabors, lines, curves ...) by what the units respond to."""
    import tomli_w

    import evals
    from circuits import CurvesError
    from circuits.files import write_text

    load = opener(device, precision, memory)
    check_file(output)
    network = load(net)
    chosen = image_set(images)
    with shown() as progress:
        found = evals.find_families(network, layers or None, kinds=kinds or None, images=chosen, progress=progress)
    if not found:
        raise CurvesError("no units meet the criteria of any kind here; try other layers or kinds")
    if output:
        write_text(output, tomli_w.dumps({"family": [family.to_json(evidence=False) for family in found]}))
    if as_json:
        print_json([family.to_json() for family in found])
        return
    for family in found:
        typer.echo(f"{family.layer} {family.name}: {len(family)} units")
        typer.echo("  " + ", ".join(f"{m.unit.channel} ({angle(m.direction, family.period)})" for m in family))
    if output:
        typer.echo(f"saved to {output}")


def sweep(
    net: Net,
    units: Annotated[str, typer.Option("--ablate", metavar="UNITS", help="A layer, or units with commas between.")],
    read: Annotated[str, typer.Option("--read", metavar="UNITS", help="Units of a later layer that respond.")],
    edges: Annotated[
        bool, typer.Option("--edges", help="Cut only the edge from each unit to the one unit that is read.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Save all effects (.csv).")
    ] = None,
    cluster: Cluster = None,
    device: Device = "cpu",
    precision: Precision = "float32",
    memory: Memory = None,
    as_json: AsJson = False,
) -> None:
    """Ablate units one at a time, and measure what others then say to drawn curves."""
    from circuits.files import write_text
    from evals.results import csv_text

    load = opener(device, precision, memory)
    check_file(output)
    network = load(net)
    ablated, readers = _units(network, units), _units(network, read)
    effects = _effects(network, ablated, readers, edges=edges, cluster=cluster)
    rows = [
        {
            "unit": str(unit), "read": str(reader), "mean": float(e.mean()), "mean_abs": float(e.abs().mean()),
            "least": float(e.min()), "most": float(e.max()), **network.execution,
        }
        for unit, of_unit in zip(ablated, effects, strict=True)
        for reader, e in zip(readers, of_unit, strict=True)
    ]  # fmt: skip
    rows.sort(key=lambda row: -row["mean_abs"])  # type: ignore[operator]
    if output:
        write_text(output, csv_text([list(rows[0]), *(list(row.values()) for row in rows)]))
    if as_json:
        print_json(rows)
        return
    from rich.console import Console
    from rich.table import Table

    shown_table = Table("ablated", "read", "mean effect", "mean size", "least", "most", box=None, header_style="bold")
    for row in rows[:SHOWN]:
        numbers = (f"{row[name]:.4g}" for name in ("mean", "mean_abs", "least", "most"))
        shown_table.add_row(str(row["unit"]), str(row["read"]), *numbers)
    Console(highlight=False).print(shown_table)
    typer.echo(
        f"\nthe largest of {len(rows)}; changes of the pre-activation" + (f"; all are in {output}" if output else "")
    )


def diff(
    before: Net,
    after: Annotated[str, typer.Argument(metavar="NET", help="The network to compare it with.")],
    as_json: AsJson = False,
) -> None:
    """List what differs between two networks, unit by unit."""
    import editing
    import weights

    found = editing.diff(weights.load(before), weights.load(after))
    if as_json:
        print_json(found.to_json())
        return
    for line in found.lines() if found else ["the networks are the same"]:
        typer.echo(line)


def _units(net: Network, text: str) -> list[Unit]:
    from editing import Selection

    return list(Selection.of([part.strip() for part in text.split(",")]).resolve(net))


def _effects(net: Network, units: list[Unit], readers: list[Unit], *, edges: bool, cluster: str | None) -> Tensor:
    """A x R x N."""
    import editing
    from circuits import CurvesError
    from evals.progress import counted

    if edges and len(readers) != 1:
        raise CurvesError(f"edges end in one unit, but {len(readers)} are to be read; name one unit with --read")
    stimuli = _curves(net, readers[0].layer)
    with _client(cluster) as client, shown() as progress:
        advance = counted(progress, "curves", len(stimuli))
        if edges:
            return editing.edge_effects(net, units, readers[0], stimuli, client=client, progress=advance)
        return editing.ablation_effects(net, units, readers, stimuli, client=client, progress=advance)


def _client(cluster: str | None) -> AbstractContextManager[Client | None]:
    if cluster is None:
        return nullcontext()
    from circuits.cluster import connected

    return connected(cluster)


def _curves(net: Network, layer: str) -> Tensor:
    """Curves of all directions and radii, lines and areas, as a layer's units see them: N x 3 x S x S."""
    import torch

    import evals

    return torch.cat(list(evals.SyntheticCurves().quick().stimuli(net, layer).batches(256, net.device)))
