"""Scorecards made up for tests of what is done with them."""

import numpy as np

from circuits import Family, Member, Unit
from evals import Definition, Replicates, Scorecard
from evals.resampling import spread

DEFINITIONS = {
    "t.high": Definition("share", "better high", 0.5, "higher"),
    "t.low": Definition("share", "better low", better="lower"),
    "t.near": Definition("degrees", "near 50", better="target", target=50.0),
    "t.same": Definition("count", "as it was"),
    "t.turn": Definition("degrees", "a direction", period=360.0),
}
FAMILY = Family("curve", "3b", (Member(Unit("3b", 1), 20.0), Member(Unit("3b", 2), 200.0)))
NETWORK = {
    "name": "made up", "identity": "ab" * 32, "source": "a test", "details": {}, "parent": None, "edits": [],
    "device": "cpu", "precision": "float32", "versions": {"torch": "2"},
}  # fmt: skip


def card(scores, drawn=None, *, identity="same", seed=0, **fields):
    """A card with these scores; `drawn` has values draw by draw of some of them."""
    replicates = {}
    spreads = {}
    if drawn:
        values = np.array(list(drawn.values()), dtype=np.float32).T
        replicates["t"] = Replicates("things", 9, identity, seed, tuple(drawn), values)
        for name in drawn:
            found = scores[name] is not None and spread(replicates["t"].of(name), scores[name], meaning(name))
            if found:
                spreads[name] = found
    known = {"conditions": {"quick": False, "images": {"name": "i", "hash": "h", "count": 2}}} | fields
    data = {"t.array": np.arange(6.0).reshape(2, 3)}
    return Scorecard(NETWORK, FAMILY, scores, DEFINITIONS, data, {"t": {"size": 3}}, spreads, replicates, **known)


def meaning(name):
    return DEFINITIONS[f"t.{name.rpartition('.')[2]}"]
