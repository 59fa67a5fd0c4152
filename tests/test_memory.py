"""Memory: the peak that is computed is the one that is measured; a budget bounds it, and changes no result."""

import json
import multiprocessing
import re
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from circuits import CurvesError, Family, Member, Unit
from circuits.images import ImageSet
from circuits.memory import in_use, peak, program_peak
from circuits.regions import Box, compile_program
from curves.devices import opener
from editing import Ablate, Plan, ablation_effects
from evals import damage, measure_scale, sweep
from evals.class_scores import Classifier
from evals.dataset import Settings, survey_images
from evals.dataset.store import packed
from tests import small
from tests.classifiers import classifier
from tests.networks import small_network
from weights import load

MB = 10**6


class Pictures:
    """A grid of random pictures, as a sweep takes them; asked for in batches of at most `largest`."""

    def __init__(self, count: int, size: int) -> None:
        self.shape, self.size, self.largest = (count,), size, 0

    def spec(self):
        return {"kind": "random", "count": self.shape[0], "largest": id(self)}

    def batches(self, batch_size, device=None):  # noqa: ARG002 (as all stimuli)
        self.largest = batch_size
        random = torch.Generator().manual_seed(0)
        for start in range(0, self.shape[0], batch_size):
            count = min(batch_size, self.shape[0] - start)
            yield torch.stack([torch.rand(3, self.size, self.size, generator=random) for _ in range(count)])


def test_the_peak_is_of_what_is_alive_at_a_time():
    def run(x):
        a = x * 2
        b = a + 1  # three are alive
        del a
        return (b * b).view(-1)  # and three again; a view is no other

    assert peak(run, 1000) == 3 * 4000
    assert peak(lambda x: x[:10], 1000) == 4000


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_computed_peak_is_what_torchs_allocator_gives(bvlc, precision, tmp_path):
    net = bvlc.evolve(precision=precision)
    patches = torch.rand(8, 3, 91, 91)
    net.responses(patches, "3b")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as ledger, torch.inference_mode():
        net.responses(patches.clone(), "3b")
    ledger.export_chrome_trace(str(tmp_path / "trace.json"))
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    steps = torch.tensor([event["args"]["Bytes"] for event in events if event.get("name") == "[memory]"])
    measured = int(steps.cumsum(0).max())
    program = compile_program(net.ops, {net.layer("3b").pre: Box(0, 1, 0, 1)})
    assert program_peak(net, program, tuple(patches.shape)) == pytest.approx(measured, rel=0.05)


def grown(work, *arguments):
    """By how many bytes a process of its own has grown at most while it worked, after a warm-up."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def status(what):
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024


def peak_of(work):
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
    work()
    return status("VmHWM") - before


def real():
    torch.set_num_threads(1)
    return load("bvlc_googlenet")


def swept(memory):
    net = real()
    sweep(net, "3b", Pictures(1, 91))
    pictures = Pictures(256, 91)
    return peak_of(lambda: sweep(net.evolve(memory=memory), "3b", pictures)), pictures.largest


def ablated(memory, source):
    net, read = real(), ["3b:379", "3b:66"]
    ablation_effects(net, "3a", read, torch.rand(1, 3, 91, 91))
    stimuli = torch.rand(24, 3, 91, 91)
    return peak_of(lambda: ablation_effects(net.evolve(memory=memory), source, read, stimuli))


def surveyed(memory):
    net, images = real(), ImageSet.photographs()
    family = Family("curve", "3b", tuple(Member(Unit("3b", n), 22.5 * n) for n in range(16)))
    survey_images(net, family, images, shard=(0, 16))
    return peak_of(lambda: survey_images(net.evolve(memory=memory), family, images))


LINUX = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads /proc")


@LINUX
@pytest.mark.usefixtures("shared_weights")
@pytest.mark.parametrize("memory", [80 * MB, 200 * MB])
def test_a_sweep_stays_within_its_budget_and_uses_it(memory):
    took, at_once = grown(swept, memory)
    assert took <= memory
    assert at_once == (27 if memory == 80 * MB else 32)  # and with no budget 32


@LINUX
@pytest.mark.usefixtures("shared_weights")
@pytest.mark.parametrize("source", ["3a", "conv2d2"])  # from conv2d2 through normalisation
def test_ablations_stay_within_their_budget(source):
    assert grown(ablated, 100 * MB, source) <= 100 * MB


@LINUX
@pytest.mark.usefixtures("shared_weights")
def test_a_dataset_pass_stays_within_its_budget():
    assert grown(surveyed, 400 * MB) <= 400 * MB


def test_the_budget_changes_no_result(close, tmp_path):
    net = small.network()
    budget = net.evolve(memory=in_use(3 * MB))
    pictures = Pictures(20, 91)
    whole = sweep(net, "3b", Pictures(20, 91))
    close(sweep(budget, "3b", pictures), whole)
    assert 1 <= pictures.largest < 20
    read = [f"3b:{n}" for n in range(4)]
    stimuli, few, many = small.pictures(6), [], []
    ablated = ablation_effects(net.evolve(memory=in_use(4 * MB)), "3a", read, stimuli, progress=few.append)
    close(ablated, ablation_effects(net, "3a", read, stimuli, progress=many.append))
    assert (few, many) == ([1] * 6, [6])
    images = small.write_images(tmp_path)
    family = Family("curve", "3b", tuple(Member(Unit("3b", n), 45.0 * n) for n in range(8)))
    settings = Settings(places=500, top=4, per_stratum=3)
    surveys = [survey_images(each, family, images, settings=settings) for each in (net, net.evolve(memory=500 * MB))]
    assert packed(surveys[0]) == packed(surveys[1])
    told = classifier()
    few = told.evolve(memory=in_use(6 * MB))
    assert 1 <= Classifier(few).at_once < Classifier(told).at_once == 16
    pruned = {"pruned": Plan([Ablate("3b:1")]).apply(told)}
    one, other = (damage(each, pruned, images, layer="4a").variants[0] for each in (told, few))
    assert one.error.max() > 0
    assert one.error == pytest.approx(other.error)


def test_a_budget_too_small_for_one_picture_says_what_it_takes(tmp_path):
    net, images = small.network(), small.write_images(tmp_path)
    family = Family("curve", "3b", tuple(Member(Unit("3b", n), 45.0 * n) for n in range(8)))
    few = net.evolve(memory=33 * MB)
    for work in (
        lambda net: sweep(net, "3b", Pictures(20, 91)),
        lambda net: measure_scale(net, "3b", images),
        lambda net: survey_images(net, family, images),
        lambda net: ablation_effects(net, "3a", "3b", small.pictures(2)),
        lambda net: Classifier(net).at_once,
    ):
        of = classifier().evolve(memory=33 * MB) if work.__code__.co_names[0] == "Classifier" else few
        with pytest.raises(CurvesError, match=r"needs [\d,]+ MB of memory, and the budget is 33 MB") as error:
            work(of)
        needs = int(re.search(r"needs ([\d,]+) MB", str(error.value))[1].replace(",", ""))
        work(of.evolve(memory=needs * MB))  # and with that it goes
    with pytest.raises(CurvesError, match=r"0\.png, 96 x 96 px, needs"):
        survey_images(few, family, images)


def test_the_budget_goes_where_the_network_goes():
    net = small_network().evolve(memory=123)
    assert net.evolve(precision="bfloat16").memory == 123
    assert net.identity == small_network().identity


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("512MB", 512 * MB), ("1.5 GiB", 3 * 2**29), ("2g", 2 * 10**9), ("64 kib", 2**16), ("7B", 7)],
)
def test_sizes_are_read(text, size):
    assert opener("cpu", memory=text)("handbuilt").memory == size


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "1XB", "0", "0.1", "1e9", "nan"])
def test_what_is_no_size_is_an_error(text):
    with pytest.raises(CurvesError, match="no amount of memory"):
        opener("cpu", memory=text)


def test_the_command_line_keeps_to_a_budget(curves, tmp_path):
    code, _, err = curves("eval", "handbuilt", "-o", tmp_path, "--quick", "--memory", "20MB")
    assert code == 2
    assert re.search(r"needs \d+ MB of memory, and the budget is 20 MB; give a larger one \(--memory\)", err)
