"""Edits of a circuit, and plans of them: from a network to another network, exactly."""

from editing.combing import RemoveCombing
from editing.diff import Diff, diff
from editing.edges import AblateEdge, ClampWeights, KeepOnly, RemoveNegative, RemovePositive, Scale
from editing.edits import EDITS, Edit
from editing.graft import Graft
from editing.interventions import AddActivation, PatchActivation, ScaleActivation, SetActivation
from editing.plan import Plan
from editing.rewiring import Linearize, Replace, Rewire, Symmetrize
from editing.selection import Selection
from editing.sweeps import ablation_effects, edge_effects
from editing.units import Ablate

__all__ = [
    "EDITS",
    "Ablate",
    "AblateEdge",
    "AddActivation",
    "ClampWeights",
    "Diff",
    "Edit",
    "Graft",
    "KeepOnly",
    "Linearize",
    "PatchActivation",
    "Plan",
    "RemoveCombing",
    "RemoveNegative",
    "RemovePositive",
    "Replace",
    "Rewire",
    "Scale",
    "ScaleActivation",
    "Selection",
    "SetActivation",
    "Symmetrize",
    "ablation_effects",
    "diff",
    "edge_effects",
]
