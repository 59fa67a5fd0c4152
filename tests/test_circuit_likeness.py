"""Likeness of circuits: which families correspond, a circuit is like itself, and files that say all."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

import evals
import handbuilt
from circuits import CurvesError, Family, Member, Network, Unit, UnknownUnitError, family_weights
from circuits.ops import Conv, Padding, ReLU
from tests import small

NET = small.network()
FAMILIES = handbuilt.families(NET)


def test_a_circuit_is_like_itself(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = evals.circuit_likeness(
        NET, FAMILIES, NET, FAMILIES, progress=lambda _, done, total: told.append((done, total))
    )
    names = [pair.name for pair in found.pairs]
    assert {
        "conv2d1 complex Gabor -> conv2d2 line",
        "conv2d2 line -> 3a early curve",
        "3a early curve -> 3b curve",
    } <= {*names}
    every = len(found.pairs) + len(found.left_out)  # most shapes of 4a point in one direction only
    assert told[-1] == (every, every)
    same = [p for p in found.pairs if (p.ours.source, p.ours.target) == (p.theirs.source, p.theirs.target)]
    assert {pair.name for pair in same} == {*names}
    for pair in same:  # the others compare curves of one band of radii with those of another
        if pair.ours.kernels.any():
            assert pair.similarity.cosine == pytest.approx(1, abs=1e-9)
            assert pair.similarity.chance < 0.5
        else:
            assert np.isnan(pair.similarity.cosine)
    table, summary = found.save(tmp_path / "out")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert [f"{row['source']} -> {row['target']}" for row in rows] == names
    data = json.loads(summary.read_text())
    assert [network["identity"] for network in data["networks"]] == [NET.identity] * 2
    last = data["pairs"][names.index("3a early curve -> 3b curve")]  # of the first band with itself
    assert last["cosine"] == pytest.approx(1)
    source, target = (Family.from_json(last["families"][end]) for end in ("source", "target"))
    assert last["matrices"]["ours"] == family_weights(NET, source, target).matrix.tolist()
    assert np.shape(last["matrices"]["theirs_at_our_directions"]) == np.shape(last["matrices"]["ours"])


def test_weights_are_compared_at_the_first_networks_directions() -> None:
    """A finer family of the same formula: nearly the same circuit, though its units point elsewhere."""
    fine = handbuilt.build(16)
    found = evals.circuit_likeness(NET, FAMILIES, fine, handbuilt.families(fine))
    pair = next(pair for pair in found.pairs if pair.name == "3a early curve -> 3b curve")
    assert pair.similarity.cosine > 0.8
    assert pair.similarity.chance < 0.3
    assert (pair.row()["targets"], pair.row()["other_targets"]) == (8, 16)


def test_families_of_one_name_are_pairs_of_their_own() -> None:
    curve = next(f for f in FAMILIES if f.layer == "3b" and f.name == "curve")
    rest = [f for f in FAMILIES if (f.layer, f.name) != ("3b", "curve")]
    bands = [dataclasses.replace(curve, members=curve.members[start::2]) for start in (0, 1)]
    found = evals.circuit_likeness(NET, [*rest, curve], NET, [*rest, *bands])
    rows = [pair.row() for pair in found.pairs if pair.name == "3a early curve -> 3b curve"]
    assert [row["other_first_target"] for row in rows] == [str(band.units[0]) for band in bands]
    assert len({row["cosine"] for row in rows}) == 2


def test_what_cannot_be_compared_is_said() -> None:
    one = dataclasses.replace(
        next(f for f in FAMILIES if f.name == "early curve"),
        members=next(f for f in FAMILIES if f.name == "early curve").members[:1],
    )
    others = [one if f.name == "early curve" else f for f in FAMILIES]
    found = evals.circuit_likeness(NET, FAMILIES, NET, others)
    assert any("3a early curve -> 3b curve: the family 'early curve' of 3a points in one" in s for s in found.left_out)
    with pytest.raises(CurvesError, match="have no two families in common that are in layers of the same names"):
        evals.circuit_likeness(NET, FAMILIES, NET, FAMILIES[:1])
    stray = Family("curve", "3b", (Member(Unit("3b", 999), 0.0), Member(Unit("3b", 0), 9.0)))
    with pytest.raises(UnknownUnitError):
        evals.circuit_likeness(NET, [*FAMILIES, stray], NET, FAMILIES)


def test_kernels_of_different_scales_are_not_compared() -> None:
    def net(stride: int) -> Network:
        ops = [
            Conv("a/pre", ("input",), (3, 3), (stride, stride), Padding.same(1)), ReLU("a", ("a/pre",)),
            Conv("b/pre", ("a",), (3, 3), (1, 1), Padding.same(1)), ReLU("b", ("b/pre",)),
        ]  # fmt: skip
        tensors = {"a/pre/weight": torch.randn(4, 3, 3, 3), "b/pre/weight": torch.randn(4, 4, 3, 3)}
        tensors |= {f"{layer}/pre/bias": torch.zeros(4) for layer in "ab"}
        return Network(ops, tensors, {layer: (f"{layer}/pre", layer) for layer in "ab"})

    families = [Family("curve", layer, tuple(Member(Unit(layer, i), 90.0 * i) for i in range(4))) for layer in "ab"]
    assert len(evals.circuit_likeness(net(2), families, net(2), families).pairs) == 1
    with pytest.raises(
        CurvesError, match="no pair of families can be compared; .* units of a are 2 px apart in one netw"
    ):
        evals.circuit_likeness(net(2), families, net(1), families)


def test_the_hand_built_circuit_is_like_the_learned_one_beyond_chance(bvlc: Network) -> None:
    hand = handbuilt.build()
    learned = evals.find_families(bvlc, ["conv2d1", "conv2d2", "3a", "3b"])
    found = evals.circuit_likeness(bvlc, learned, hand, handbuilt.families(hand))
    best: dict[str, tuple[float, float]] = {}
    for pair in found.pairs:
        if not np.isnan(pair.similarity.cosine):
            best[pair.name] = max(best.get(pair.name, (-1, 0)), (pair.similarity.cosine, max(pair.similarity.chances)))
    for name in (
        "conv2d1 complex Gabor -> conv2d2 line",
        "conv2d2 line -> 3a early curve",
        "3a early curve -> 3b curve",
    ):
        cosine, chance = best[name]
        assert cosine > 0.2, name
        assert cosine > chance + 0.05, name
