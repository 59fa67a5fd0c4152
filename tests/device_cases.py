"""What must come out the same on every device: a function for each way of running a network.

Each takes networks from `here`, which moves a network to the device, and returns numbers by name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import circuits
import editing
import evals
import handbuilt
from circuits import CircuitGraph, Family, Network
from circuits.images import ImageSet
from editing import Ablate, Plan
from evals.class_scores import Classifier
from evals.gallery.pixels import firing
from tests import small
from tests.classifiers import classifier, write_folders

COMBING = evals.Combing(radii=(40.0,), tick_lengths=(10.0,), spacings=(9.0,))
NET = small.network()
FAMILIES = handbuilt.families(NET)
CURVES = next(f for f in FAMILIES if (f.layer, f.name) == ("3b", "curve"))
LINES, EARLY = (next(f for f in FAMILIES if (f.layer, f.name) == ("3a", name)) for name in ("line", "early curve"))


@dataclass(frozen=True)
class Here:
    """A device, and the pictures of the tests."""

    device: torch.device
    images: ImageSet

    def __call__(self, net: Network) -> Network:
        """A copy of the network on the device."""
        return net.evolve().to(self.device)

    def patches(self, count: int = 6, size: int = 91) -> torch.Tensor:
        """Curves over noise, N x 3 x size x size, on the device."""
        return small.pictures(count, size).to(self.device)


Case = Callable[[Here], dict[str, Any]]


def activations(here: Here) -> dict[str, Any]:
    net, images = here(NET), here.patches(2, 96)
    changed = editing.SetActivation("3a:13", 0.5), editing.AddActivation(["3a:14", "3a:15"], 0.1)
    return {
        **net.activations(images, ["conv2d0", "3a", "3b"], pre=True),
        "changed": net.activations(images, ["3b"], interventions=changed)["3b"],
        "patches": net.responses(here.patches(), "3b", interventions=[editing.ScaleActivation("3a", 2.0)]),
    }


def scores(here: Here) -> dict[str, Any]:
    card = evals.run(here(NET), CURVES, [small.TEST], images=here.images)
    named = {name: score for name, score in card.scores.items() if not name.endswith("direction")}  # 0 is next to 360
    return named | {"responses": card.data["synthetic.responses"]}


def combing_scores(here: Here) -> dict[str, Any]:
    few = Family("curve", "3b", CURVES.members[:3])
    return dict(evals.run(here(NET), few, [COMBING], images=here.images).family_scores)


def attributions(here: Here) -> dict[str, Any]:
    net, patches = here(NET), here.patches()
    units = CURVES.units[:2]
    found = {
        "linear": circuits.attribution(net, units, "3a", patches=patches),
        "bottleneck": circuits.attribution(net, units[0], "3b/5x5_bottleneck", patches=patches),
        "place": circuits.attribution(net, units, "conv2d2", images=here.patches(2, 96), place=(3, 4)),
        "integrated": circuits.attribution(net, units, "3a", patches=patches, method="integrated gradients", steps=4),
    }
    parts = {f"{name} tensor": each.tensor for name, each in found.items()}
    return parts | {f"{name} constants": each.constants for name, each in found.items()}


def attribution_scores(here: Here) -> dict[str, Any]:
    test = evals.AttributionTest(radii=(30.0, 60.0))
    few = Family("curve", "3b", CURVES.members[:3])
    scores = evals.run(here(NET), few, [test], images=here.images, draws=0).scores
    # The hand-built circuit leaves nothing over but rounding, of which little is the same.
    return {name: score for name, score in scores.items() if not name.endswith("incomplete")}


def causes(here: Here) -> dict[str, Any]:
    test = evals.Causal(kinds=(), draws=2, directions=4, radii=(0.3,))
    card = evals.run(here(NET), CURVES, [test], images=here.images, draws=0)
    return {**card.scores, **card.data}


def equivariance(here: Here) -> dict[str, Any]:
    test = evals.Equivariance(sources=(EARLY,))
    card = evals.run(here(NET), CURVES, [test], images=here.images, draws=0)
    return {**card.scores, **card.data}


def classification(here: Here) -> dict[str, Any]:
    folder = here.images.root.parent / "labelled"
    if not folder.exists():
        write_folders(folder, list("abcdefg"))
    card = evals.run(here(classifier()), None, ["classification"], images=ImageSet.folder(folder), draws=0)
    return {**card.scores, **card.data}


def families(here: Here) -> dict[str, Any]:
    found = evals.find_families(here(NET), ["conv2d0", "3b"], images=here.images)
    return {
        f"{family.layer} {family.name} {m.unit}": np.exp(2j * np.pi * m.direction / family.period)
        for family in found
        for m in family
    }


def edits(here: Here) -> dict[str, Any]:
    net = here(NET)
    square = torch.arange(9.0).view(3, 3)
    plan = Plan(
        [
            Ablate.mean(net, "3b:0", "3a:13", images=here.images),
            Ablate.resample(net, "3b:1", images=here.images),
            editing.AblateEdge("3a:14", "3b:2"),
            editing.RemoveNegative("3a", "3b:3"),
            editing.ClampWeights("3a", "3b:4", low=-0.01, high=0.01),
            editing.Scale("conv2d2", "3a:17", factor=0.5),
            editing.KeepOnly("conv2d2:1", "3a:18"),
            editing.Rewire("3a:16", "3b:5", "3a:17"),
            editing.Replace("conv2d1:2", "conv2d2:3", square),
            editing.Rewire("conv2d1:3", "conv2d2:2", "conv2d1:3", rotate=30),
            editing.Linearize("3a", "3b:6"),
        ]
    )
    edited = plan.apply(net)
    assert edited.device == net.device
    assert list(editing.diff(net, edited).lines())
    return dict(edited.tensors)


def symmetrized(here: Here) -> dict[str, Any]:
    lines = next(f for f in FAMILIES if f.layer == "conv2d2")
    return dict(editing.Symmetrize(lines, LINES).apply(here(NET)).tensors)


def combing(here: Here) -> dict[str, Any]:
    net = here(NET)
    few = Family("curve", "3b", CURVES.members[:2])
    combs, curves = (stimuli[::16] for stimuli in evals.comb_calibration(net, "3b"))
    edit = editing.RemoveCombing.find(net, few, "3a", combs, curves)
    assert edit.apply(net).device == net.device
    return {"cuts": sum(len(cut) for _, cut in edit.cuts)}


def graft(here: Here) -> dict[str, Any]:
    net, hand = here(classifier()), here(NET)
    fit = handbuilt.fit_graft(net, hand, "3b", ["3b:1", "3b:4"], images=here.images)
    numbers = [(m.scale, m.shift, m.explained) for m in fit.matches]
    return {"fit": numbers, **fit.apply(net).activations(here.patches(2, 96), ["3b", "4a"])}


def sweeps(here: Here) -> dict[str, Any]:
    net, patches = here(NET), here.patches()
    whole = here.patches(2, 96)
    return {
        "units": editing.ablation_effects(net, "3a", ["3b:0", "3b:3"], patches),
        "early": editing.ablation_effects(net, "conv2d1", "3b:2", patches, value=0.3),
        "edges": editing.edge_effects(net, "3a", "3b:1", patches),
        "maps": editing.ablation_effects(net, ["3a:12", "3a:13"], "3b:2", whole, whole=True),
        "downstream": editing.edge_effects(net, "conv2d2", "3a:13", patches, read="3b"),
    }


def likeness(here: Here) -> dict[str, Any]:
    net, other = here(NET), here(NET)
    found = evals.likeness(net, CURVES, other, CURVES, images=here.images, test=small.TEST)
    curves = {name: mean.value for name, mean in found.means("opposite").items() if name != "top_share"}
    circuit = evals.circuit_likeness(net, FAMILIES, other, FAMILIES)
    rows = {f"{row.name} {i}": row.row()["cosine"] for i, row in enumerate(circuit.pairs)}
    return curves | rows


def attribution(here: Here) -> dict[str, Any]:
    net = here(NET)
    graphs = {
        "patches": CircuitGraph(net, "3b:1", patches=here.patches(), until="conv2d2"),
        "images": CircuitGraph(net, "3b:1", images=here.patches(2, 96), until="3a"),
        "through": CircuitGraph(net, "3b:1", until="3a", bottlenecks=False, patches=here.patches()),
    }
    found = {
        f"{name} {a} {b}": data["attribution"]
        for name, graph in graphs.items()
        for a, b, data in graph.nx.edges(data=True)
    }
    assert graphs["patches"].prune(top=3, by="attribution").to_json()
    assert graphs["through"].to_graphml()
    alone = graphs["patches"].network()
    assert alone.device == net.device
    return found | {"alone": alone.responses(here.patches(), "3b")}


def weights(here: Here) -> dict[str, Any]:
    net = here(NET)
    lines = next(f for f in FAMILIES if f.layer == "conv2d2")
    between = circuits.family_weights(net, lines, LINES)
    return {
        "unit": circuits.expanded_weights(net, "conv2d0", "3b:2"),
        "units": circuits.expanded_weights(net, "input", ["3b:0", "3b:5"]),
        "layer": circuits.expanded_weights(net, "conv2d2", "3a"),
        "family": between.kernels,
        "symmetric": circuits.symmetric_part(between).kernels,
        "equivariance": circuits.equivariance(between),
        "similarity": circuits.weight_similarity(between, between).cosine,
    }


def dataset(here: Here) -> dict[str, Any]:
    card = evals.run(here(NET), CURVES, ["dataset"], images=here.images, draws=0)
    named = ("firing", "mean", "highest", "expected", "firing_with_neighbour")
    return {name: card.scores[f"dataset.{name}"] for name in named} | {"top": card.data["dataset.top_value"]}


def classes(here: Here) -> dict[str, Any]:
    net = here(classifier())
    found = evals.damage(net, {"ablated": Plan([Ablate("3b:0", "3b:1")]).apply(net)}, here.images)
    scores, maps = Classifier(net, "4a").run(here.patches(3, 96).cpu())
    changed = found.variant("ablated")
    return {"kl": changed.kl, "error": changed.error, "scores": scores, "maps": maps, "spread": found.variance}


def gallery(here: Here) -> dict[str, Any]:
    found = firing(here(NET), CURVES, here.patches(1, 96)[0].cpu(), here.images)
    subjects = tuple(evals.Subject("handbuilt", here(NET), FAMILIES) for _ in range(2))
    for name in ("artificial-circuit", "artificial-saliency"):
        evals.draw_figure(name, evals.Setting(subjects, here.images))
    return {"strength": found.strength, "saliency": found.saliency}


def visualization(here: Here) -> dict[str, Any]:
    found = circuits.visualize(here(NET), ["3b:8", "3b:9"], pictures=2, steps=3)
    return {"images": found.images, "values": found.values, "losses": found.losses}


def stimuli(here: Here) -> dict[str, Any]:
    curves = [evals.Curve(direction=d, radius=r, filled=f) for d, r, f in ((0, 30, False), (77, 60, True))]
    combs = [evals.Comb(curve, tick_length=9.0, spacing=8.0) for curve in curves[:1]]
    return {
        "curves": evals.render_curves(curves, device=here.device),
        "combs": evals.render_combs(combs, device=here.device),
    }


def trained(here: Here, bvlc: Network) -> dict[str, Any]:
    """A real network, through normalisation and bottlenecks."""
    net, patches = here(bvlc), here.patches(3)
    sources = ["3a:15", "3a:116"]
    cut = Plan([editing.AblateEdge("3a:116", "3b:379"), editing.RemoveNegative("3a:15", "3b:200")]).apply(net)
    graph = CircuitGraph(net, "3b:379", patches=patches, until="3a", bottlenecks=False)
    return {
        "probabilities": net(here.patches(1, 224)),
        "responses": net.responses(patches, "3b"),
        "cut": cut.responses(patches, "3b"),
        "ablations": editing.ablation_effects(net, sources, ["3b:379", "3b:200"], patches),
        "edges": editing.edge_effects(net, sources, "3b:379", patches),
        "expanded": circuits.expanded_weights(net, "conv2d1", "3b:379"),
        "attribution": [data["attribution"] for _, _, data in graph.nx.edges(data=True)],
    }


CASES: tuple[Case, ...] = (
    activations, attributions, attribution_scores, causes, scores, combing_scores, equivariance, classification,
    families, edits, symmetrized, combing, graft,
    sweeps, likeness, attribution, weights, classes, gallery, visualization, stimuli,
)  # fmt: skip
