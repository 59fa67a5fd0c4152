"""Feature visualisation: what is reported is what the network says, and every part does what it is there for."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import circuits
from circuits import CurvesError, Network, UnknownUnitError, visualize
from circuits.execution import execute
from circuits.regions import INPUT, Box, compile_program
from circuits.visualization import Direction, Excite, Robustness
from circuits.visualization.optimize import _likeness
from circuits.visualization.parametrization import FourierPictures
from circuits.visualization.redirection import redirected
from tests import small
from tests.networks import random_networks, small_network

STILL = Robustness(0, 0, 0)
NET = small.network()
CURVES = [f"3b:{n}" for n in (8, 10, 12, 14)]


def crops(images: torch.Tensor, size: int, down: int, right: int) -> torch.Tensor:
    return images[..., down : down + size, right : right + size].contiguous()


# --- objectives ---------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(random_networks(), st.data())
def test_a_value_is_what_the_unit_says_of_the_picture(net: Network, data: st.DataObject) -> None:
    layer = data.draw(st.sampled_from(list(net.layers)))
    channel = data.draw(st.integers(0, net.layers[layer].channels - 1))
    pre = data.draw(st.booleans())
    found = visualize(net, Excite(f"{layer}:{channel}", pre=pre), steps=2, robustness=Robustness(1, 0.1, 5))
    assert found.images.shape[-1] == net.receptive_field(layer).size
    assert torch.allclose(found.values, net.responses(found.images, layer, pre=pre)[:, channel], atol=1e-5)
    assert found.losses.shape == (2, 1)


def test_a_canvas_is_run_whole_with_its_edges() -> None:
    middle, corner = Excite("3b:10"), Excite("3b:10", at=(-6, -6))
    found = visualize(NET, [middle, corner, Excite("3b:10", at=None)], steps=2, canvas=96)
    maps = NET.activations(found.images, ["3b"], pre=True)["3b"][:, 10]
    assert found.images.shape == (3, 3, 96, 96)
    assert found.objectives == ("3b:10", "3b:10 @-6,-6", "3b:10 everywhere")
    expected = torch.stack([maps[0, 6, 6], maps[1, 0, 0], maps[2].mean()])
    assert torch.allclose(found.values, expected, atol=1e-6)


def test_a_layer_without_a_field_needs_a_canvas(bvlc: Network) -> None:
    layer = list(bvlc.layers)[-1]
    with pytest.raises(CurvesError, match="has no receptive field"):
        visualize(bvlc, f"{layer}:0", steps=1)
    logit = visualize(bvlc, f"{layer}:0", steps=1, canvas=224)
    said = bvlc.activations(logit.images, [layer], pre=True)[layer]
    assert float(logit.values[0]) == pytest.approx(float(said.flatten(1)[0, 0]), rel=1e-3)


def test_sums_are_of_neighbours_and_of_layers() -> None:
    found = visualize(NET, Excite("3b:8") - 0.5 * Excite("3b:12", at=(0, 2)), steps=2)
    field = NET.receptive_field("3b")
    assert found.images.shape[-2:] == (field.size, field.size + 2 * field.stride)
    one, other = (NET.responses(crops(found.images, field.size, 0, 8 * at), "3b") for at in (0, 2))
    assert float(found.values) == pytest.approx(float(one[0, 8] - 0.5 * other[0, 12]), abs=1e-6)
    found = visualize(NET, Excite("3b:8") + 2 * Excite("3a:3"), steps=2)
    early = NET.receptive_field("3a")
    inner = (field.size - early.size) // 2
    below = NET.responses(crops(found.images, early.size, inner, inner), "3a")[0, 3]
    assert float(found.values) == pytest.approx(float(NET.responses(found.images, "3b")[0, 8] + 2 * below), abs=1e-6)


@pytest.mark.parametrize("cosine", [0.0, 2.0])
def test_a_direction_may_be_an_attribution_with_places(cosine: float) -> None:
    net, random = small_network(), torch.Generator().manual_seed(1)
    tensor = torch.randn(5, 3, 2, generator=random)
    found = visualize(net, Direction("b", tensor, cosine=cosine, pre=False), steps=3, robustness=STILL)
    field = net.receptive_field("b")
    assert found.images.shape[-2:] == (field.size + 2 * field.stride, field.size + field.stride)
    seen = torch.zeros(5, 3, 2)
    for row in range(3):
        for column in range(2):
            patch = crops(found.images, field.size, row * field.stride, column * field.stride)
            seen[:, row, column] = net.responses(patch, "b", pre=False)[0]
    dot = float((seen * tensor).sum())
    likeness = max(0.1, dot / float(seen.norm() * tensor.norm()))
    assert float(found.values) == pytest.approx(dot * likeness**cosine, rel=1e-4)


def test_a_direction_of_one_unit_is_that_unit() -> None:
    one = torch.zeros(NET.layers["3b"].channels)
    one[10] = 1
    found = visualize(NET, [Direction("3b", one, name="ten"), Excite("3b:10")], steps=3)
    assert torch.equal(found.images[0], found.images[1])
    assert found.objectives == ("ten", "3b:10")
    everywhere = visualize(NET, [Direction("3b", one, at=None), Excite("3b:10", at=None)], steps=2, canvas=96)
    assert torch.allclose(everywhere.values[0], everywhere.values[1], atol=1e-6)


# --- ascent -------------------------------------------------------------------------------------------------------


def test_ascent_excites_and_changes_nothing_but_the_picture() -> None:
    net = NET.evolve()
    before = net.identity
    for weight in net.parameters():
        weight.requires_grad_()
    told: list[int] = []
    with torch.inference_mode():
        found = visualize(net, CURVES, steps=40, progress=told.append)
    assert told == [1] * 40
    assert (found.values > 0.2).all(), found.values  # from -0.15, where all is silent
    assert net.identity == before == found.provenance["identity"]
    assert all(weight.grad is None for weight in net.parameters())
    assert (found.images.min() >= 0, found.images.max() <= 1) == (True, True)
    assert found.provenance["steps"] == 40
    assert found.provenance["device"] == "cpu"


def test_a_family_is_one_picture_for_each_member() -> None:
    family = next(f for f in small.handbuilt.families(NET) if f.name == "line")
    assert visualize(NET, family, steps=1).objectives == tuple(map(str, family.units))


def test_a_picture_is_the_same_whatever_else_is_drawn_and_each_time() -> None:
    together, again = (visualize(NET, CURVES[:2], steps=4, seed=3) for _ in range(2))
    assert torch.equal(together.images, again.images)
    alone = visualize(NET, CURVES[1], steps=4, seed=3)
    assert torch.allclose(alone.images[0], together.images[1], atol=1e-3)
    assert not torch.allclose(alone.images, visualize(NET, CURVES[1], steps=4, seed=4).images, atol=1e-2)


def test_losses_are_of_disturbed_pictures_and_without_disturbances_lead_to_the_value() -> None:
    found = visualize(NET, CURVES[:1], steps=12, robustness=STILL)
    more = visualize(NET, CURVES[:1], steps=13, robustness=STILL)
    assert float(-more.losses[-1, 0]) == pytest.approx(float(found.values[0]), abs=1e-5)
    assert found.images.shape[-1] == 91


def test_other_precisions_run(bvlc: Network) -> None:
    found = visualize(bvlc.evolve(precision="bfloat16"), "3b:9", steps=3)
    assert found.provenance["precision"] == "bfloat16"
    assert found.images.dtype == torch.float32


def test_where_all_is_silent_gradients_are_redirected_and_values_stay() -> None:
    field = NET.receptive_field("3b").size
    pre = NET.layers["3b"].pre
    program = compile_program(NET.ops, {pre: Box(0, 1, 0, 1)})
    grey = torch.full((1, 3, field, field), 0.5)
    shown = torch.cat([grey, small.pictures(1, field)]).requires_grad_()
    gradients = []
    for changes in (None, redirected(program)):
        value = execute(program, {INPUT: NET.preprocessing(shown)}, NET.tensors, changes)[pre][:, 8, 0, 0]
        gradients.append((value, torch.autograd.grad(value.neg().sum(), shown)[0]))
    (plain, own), (same, other) = gradients
    assert torch.equal(plain, same)
    assert not own[0].any()
    assert other[0].any()
    assert own[1].any()
    assert torch.equal(own[1], other[1])  # what is heard keeps its gradient


# --- diversity ----------------------------------------------------------------------------------------------------


def test_likeness_is_the_mean_cosine_of_gram_matrices() -> None:
    maps = torch.rand(6, 4, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = _likeness(maps, 3)
    for first in (0, 3):
        grams = [
            torch.einsum("cp,dp->cd", maps[n].flatten(1), maps[n].flatten(1)).flatten() for n in range(first, first + 3)
        ]
        for n in range(3):
            others = [F.cosine_similarity(grams[n], grams[m], dim=0) for m in range(3) if m != n]
            assert float(found[first + n]) == pytest.approx(float(sum(others)) / 2)


def test_diverse_pictures_differ_more_and_are_neighbours(bvlc: Network) -> None:
    def alike(diversity: float) -> torch.Tensor:
        found = visualize(bvlc, ["3b:9", "3b:236"], pictures=2, steps=12, diversity=diversity)
        assert found.objectives == ("3b:9", "3b:9", "3b:236", "3b:236")
        assert (found.values > 100).all()
        return _likeness(bvlc.activations(found.images, ["3a"])["3a"], 2)

    assert (alike(1.0) < alike(0.0) - 0.05).all()


def test_to_differ_a_picture_gives_up_no_more_than_its_share() -> None:
    net = small.handbuilt.build()
    alone = visualize(net, ["3b:0"], steps=48).values
    assert (visualize(net, ["3b:0"], pictures=3, steps=48, diversity=0.5).values > 0.5 * alone).all()


# --- the parts ----------------------------------------------------------------------------------------------------


def test_pictures_begin_almost_grey_with_natural_frequencies_and_colours() -> None:
    drawn = FourierPictures(2, 3, 64, 0, torch.empty(0))
    images = drawn().detach()
    assert images.shape == (6, 3, 64, 64)
    assert torch.equal(images[:3], images[3:])
    assert (images - 0.5).abs().max() < 0.2
    with torch.no_grad():
        drawn.coefficients.copy_(torch.randn(drawn.coefficients.shape, generator=torch.Generator().manual_seed(0)))
    logits = drawn().detach().logit()
    cycles = 64 * (torch.fft.fftfreq(64)[:, None] ** 2 + torch.fft.rfftfreq(64)[None] ** 2).sqrt()
    flat = torch.fft.rfft2(logits).abs().square().mean(dim=(0, 1)) * cycles**2  # amplitudes fall as 1 / frequency
    low, high = ((cycles > least) & (cycles < 2 * least) for least in (3, 12))
    assert float(flat[low].mean() / flat[high].mean()) == pytest.approx(1, rel=0.25)
    correlation = torch.corrcoef(logits.transpose(0, 1).flatten(1))
    assert 0.75 < correlation[0, 1] < 0.99
    assert correlation[0, 2] < correlation[0, 1]  # red is more like green than like blue


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 12), st.floats(0, 0.5), st.floats(0, 180), st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.integers(0, 99),
)  # fmt: skip
def test_the_margin_is_all_that_comes_into_sight(
    jitter: float, scale: float, rotation: float, seen: tuple[int, int], seed: int
) -> None:
    robustness = Robustness(jitter, scale, rotation)
    size = max(seen) + 2 * robustness.margin(seen)
    views = robustness.view(torch.ones(1, 3, size, size), seen, torch.Generator().manual_seed(seed))
    assert views.shape == (1, 3, *seen)
    assert torch.allclose(views, torch.ones(1, 3, *seen), atol=1e-4)  # grey would be 0.5


def test_early_layers_are_jittered_in_proportion() -> None:
    assert Robustness.fitting((91, 91)) == Robustness()
    assert Robustness.fitting((11, 11)).jitter == 1
    told = visualize(NET, "conv2d0:1", steps=1).provenance["robustness"]
    assert told == {"jitter": 7 / 11, "scale": 0.1, "rotation": 10.0}


def view_of(picture: torch.Tensor, seen: int, **ranges: float) -> torch.Tensor:
    robustness = Robustness(**{"jitter": 0, "scale": 0, "rotation": 0} | ranges)
    return robustness.view(picture, (seen, seen), torch.Generator().manual_seed(0))


def test_disturbances_move_scale_and_turn() -> None:
    rows, columns = torch.meshgrid(torch.arange(61.0), torch.arange(61.0), indexing="ij")
    ramp = torch.stack([rows, columns, rows])[None] / 60
    assert torch.allclose(view_of(ramp, 31), ramp[..., 15:46, 15:46], atol=1e-5)
    right, down, larger, turn = (
        2 * torch.rand(4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 1
    ).tolist()
    moved = view_of(ramp, 31, jitter=5)
    assert float(moved[0, 0, 15, 15] * 60) == pytest.approx(30 + 5 * down, abs=1e-3)
    assert float(moved[0, 1, 15, 15] * 60) == pytest.approx(30 + 5 * right, abs=1e-3)
    scaled = view_of(ramp, 31, scale=0.3)
    assert float((scaled[0, 0, 25, 15] - scaled[0, 0, 15, 15]) * 60) == pytest.approx(10 / (1 + 0.3 * larger), abs=1e-3)
    turned = view_of(ramp, 31, rotation=30)
    slope = [float((turned[0, channel, 15, 25] - turned[0, channel, 15, 15]) * 6) for channel in (0, 1)]
    assert slope == pytest.approx([math.sin(math.radians(30 * turn)), math.cos(math.radians(30 * turn))], abs=1e-3)


# --- errors -------------------------------------------------------------------------------------------------------


def test_what_cannot_be_drawn_is_said_clearly() -> None:
    count = NET.layers["3b"].channels
    for objectives, options, says in (
        ([], {}, "nothing to draw"),
        ("3b:8", {"steps": 0}, "steps must be at least 1, not 0"),
        ("3b:8", {"pictures": 0}, "pictures must be at least 1"),
        ("3b:8", {"rate": 0}, "rate must be above 0"),
        ("3b:8", {"canvas": 0}, "canvas must be at least 1"),
        (Excite("3b:8", at=None), {}, "only in a picture of a given size; give a canvas"),
        (Excite("3b:8", at=(9, 0)), {"canvas": 96}, "12 x 12 places in a picture of 96 px.*give a larger canvas"),
        ("conv2d0:1", {"pictures": 2}, "no layer before conv2d0 tells its pictures apart"),
        (Direction("3b", torch.ones(7)), {}, f"3b has {count} units, the direction is of 7"),
    ):
        with pytest.raises(CurvesError, match=says):
            visualize(NET, objectives, **options)
    with pytest.raises(UnknownUnitError, match="out of range"):
        visualize(NET, "3b:9999")
    for vector in (torch.zeros(5), torch.full((5,), torch.nan), torch.ones(5, 2), torch.ones(5, dtype=torch.int64)):
        with pytest.raises(CurvesError, match="direction"):
            Direction("3b", vector)
    with pytest.raises(CurvesError, match="cannot be everywhere"):
        Direction("3b", torch.ones(5, 2, 2), at=None)
    for ranges in ({"jitter": -1}, {"scale": 1}, {"rotation": 200}):
        with pytest.raises(CurvesError, match="jitter is 0 px or more"):
            Robustness(**ranges)


def test_it_is_public() -> None:
    assert circuits.visualize is visualize
    assert len(visualize(NET, "3a:0", steps=1)) == 1
