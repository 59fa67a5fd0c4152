"""Edits of a circuit, and plans of them: from a network to another network, exactly."""

from editing.edits import EDITS, Ablate, Edit
from editing.plan import Plan

__all__ = ["EDITS", "Ablate", "Edit", "Plan"]
