"""The benchmarks' arithmetic: what is counted, compared and refused, without measuring anything that must be fast."""

import json
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import environments, results, session
from benchmarks.contract import DOCUMENTED, HANDED, OURS, Job, Options, Way, difference, spread_pieces
from benchmarks.environments import TOOLS, EnvironmentFailed, python_of
from benchmarks.items import ITEMS, load_jobs
from benchmarks.limit import least_seconds, multiply_adds
from benchmarks.plain_torch import PlainTorch, knowing
from benchmarks.results import Row, Times, about_limit, markdown, summary
from benchmarks.worker import Worker, timed
from circuits import Network
from circuits.execution import execute
from circuits.ops import LocalResponseNorm
from circuits.regions import INPUT, Box, compile_program
from tests import small
from tests.networks import random_networks


def flops(net: Network, program, size: tuple[int, int]) -> int:
    """Multiply-adds that torch counts in convolutions and dense layers of a run on one picture."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        execute(program, {INPUT: torch.rand(1, 3, *size)}, net.tensors)
    counted = counter.get_flop_counts()["Global"]
    return sum(counted.values()) // 2


@settings(deadline=None, max_examples=30)
@given(random_networks(), st.integers(30, 50), st.integers(30, 50))
def test_multiply_adds_of_whole_images_are_those_that_torch_counts(net: Network, height: int, width: int) -> None:
    program = compile_program(net.ops, dict.fromkeys(op.name for op in net.ops), (height, width))
    assert multiply_adds(net, program) == flops(net, program, (height, width))


def test_multiply_adds_of_patches_are_those_that_torch_counts(bvlc: Network) -> None:
    program = compile_program(bvlc.ops, {bvlc.layer("3b").pre: Box(0, 1, 0, 1)})
    assert multiply_adds(bvlc, program) == flops(bvlc, program, (91, 91)) == 64_669_888


def test_the_limit_is_the_sum_of_the_convolutions_of_a_program() -> None:
    net = small.network()
    whole, part = (
        least_seconds(net, compile_program(net.ops, {net.layers[name].pre: None}, (64, 64)), seconds=0.001)
        for name in (list(net.layers)[-1], next(iter(net.layers)))
    )
    assert 0 < part < whole


@settings(deadline=None, max_examples=30)
@given(random_networks(), st.data())
def test_plain_modules_that_keep_some_tensors_give_the_same(net: Network, data: st.DataObject) -> None:
    kept = data.draw(st.lists(st.sampled_from([op.name for op in net.ops]), min_size=1, max_size=3, unique=True))
    x = torch.rand(1, 3, 33, 36)
    whole, part = PlainTorch(net)(x), PlainTorch(net, kept)(x)
    assert list(part) == kept
    assert all(torch.equal(part[name], whole[name]) for name in kept)


def test_modules_that_are_handed_all_that_we_know_give_the_same(bvlc: Network) -> None:
    assert any(isinstance(op, LocalResponseNorm) for op in bvlc.ops)
    name, x = bvlc.layer("3a").pre, torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        assert difference(knowing(bvlc, [name])(x)[name], PlainTorch(bvlc, [name])(x)[name]) < 1e-5


def test_pieces_are_spread_over_all() -> None:
    assert list(spread_pieces(10, None)) == list(range(10))
    assert list(spread_pieces(10, 20)) == list(range(10))
    assert list(spread_pieces(10, 3)) == [0, 3, 6]
    assert all(len(spread_pieces(count, some)) == some for count in range(3, 40) for some in range(1, 4))


def test_a_difference_is_a_share_of_the_largest_right_answer() -> None:
    right = torch.tensor([0.0, 2.0, -4.0])
    assert difference(right + torch.tensor([0.0, 0.0, 1.0]), right) == pytest.approx(0.25)
    assert difference(torch.tensor([1.0, 9.0]), torch.tensor([1.0, torch.nan])) == 0  # what is not known says nothing
    for wrong in (right[:2], torch.full((3,), torch.nan)):
        assert difference(wrong, right) == float("inf")
    assert difference(right, torch.full((3,), torch.nan)) == float("inf")  # nothing was compared


def job(answers: dict[str, torch.Tensor], **options) -> Job:
    """Six pieces; peers answer three."""
    ways = [Way(OURS, "", lambda _pieces: lambda: answers[OURS])]
    ways += [
        Way(tool, column, lambda _pieces, t=tool: lambda: answers[t], pieces=3)
        for tool in answers
        if tool != OURS
        for column in (DOCUMENTED, HANDED)
    ]
    return Job("a job", "piece", 6, tuple(ways), {DOCUMENTED: 15}, **options)


def row(way: Way, pieces: int, *turns: list[float], **found) -> Row:
    return Row(way, pieces, turns=[Times(turn, turn) for turn in turns], **{"difference": 0.0} | found)


def test_times_are_of_a_piece_and_ratios_of_the_same_turn() -> None:
    told = job({OURS: torch.ones(6), "torch": torch.ones(3)})
    ours, documented, _ = told.ways
    rows = [row(ours, 6, [6.0, 12.0], [60.0]), row(documented, 3, [30.0], [300.0, 300.0, 600.0])]
    found = summary("x", told, rows)["rows"]
    assert found[0]["wall"] == 2.0  # of 1, 2 and 10 seconds a piece
    assert found[0]["wall_iqr"] == pytest.approx(4.5)
    assert found[1]["ratio"] == pytest.approx((10 / 1.5 + 100 / 10) / 2)
    assert found[1]["target"] == 15


def test_the_share_of_a_tool_that_does_more_than_the_pieces_is_taken_off() -> None:
    way = Way("captum", DOCUMENTED, lambda _pieces: torch.ones, pieces=3, share=0.5)
    assert row(way, 3, [6.0]).seconds("wall") == [[1.0]]


def run_in_this_process(monkeypatch: pytest.MonkeyPatch, told: Job, turns: int = 1):
    """The rows of a job whose tools are all done here."""

    class Here:
        versions = {"torch": "2"}  # noqa: RUF012

        def __init__(self, *_arguments) -> None:
            self.worker = Worker([told])

        def ask(self, **order):
            try:
                return self.worker.do(order)
            except Exception as error:
                raise session.Failed(str(error)) from None

        def end(self) -> None:
            pass

    monkeypatch.setattr(session, "Process", Here)
    monkeypatch.setattr(session, "load_jobs", lambda *_: [told])
    (found,) = session.run_item("x", Options(), turns, 0.0, say=lambda _: None)
    return found["rows"]


def test_answers_that_differ_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = torch.arange(1.0, 7.0)
    answers = {OURS: ours, "torch": ours[::2] * (1 + 1e-7), "captum": ours[::2] * (1 + 1e-4), "nnsight": ours[:3]}
    rows = run_in_this_process(monkeypatch, job(answers), turns=2)
    agrees = {(each["tool"], each["column"]): each["agrees"] for each in rows}
    assert agrees == {
        (OURS, ""): True,
        **{(tool, c): tool == "torch" for tool in ("torch", "captum", "nnsight") for c in (DOCUMENTED, HANDED)},
    }
    assert all(each["ratio"] > 0 and each["pieces"] == (6 if each["tool"] == OURS else 3) for each in rows)


def test_a_tool_that_fails_is_a_row_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_pieces):
        raise RuntimeError("it has no such layer")

    told = job({OURS: torch.ones(6)})
    told = Job(told.name, told.piece, told.count, (*told.ways, Way("captum", DOCUMENTED, fails)))
    rows = run_in_this_process(monkeypatch, told)
    assert rows[1] == {
        "tool": "captum", "label": "", "column": DOCUMENTED, "pieces": 6, "failed": "it has no such layer",
    }  # fmt: skip
    assert "wall" in rows[0]


def test_nothing_is_compared_where_ours_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_pieces):
        raise RuntimeError("broken")

    ways = Way(OURS, "", fails), Way("torch", DOCUMENTED, lambda _pieces: lambda: torch.ones(6))
    rows = run_in_this_process(monkeypatch, Job("a job", "piece", 6, ways))
    assert [each["failed"] for each in rows] == ["broken", "ours failed, so there is nothing to compare with"]


def test_a_process_answers_orders_and_says_what_failed() -> None:
    process = session.Process("g", OURS, Options(quick=True))
    try:
        assert set(process.ask(do="time", job=0, way=1, seconds=0.0)) == {"wall", "cpu"}
        assert set(process.versions) == set(TOOLS[OURS].packages)
        with pytest.raises(session.Failed, match="IndexError"):
            process.ask(do="time", job=9, way=0, seconds=0.0)
        assert process.ask(do="time", job=0, way=1, seconds=0.0)["cpu"]
    finally:
        process.end()


def test_a_peer_that_cannot_be_installed_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(environments, "FOLDER", tmp_path)
    monkeypatch.setitem(TOOLS, "nothing", environments.Tool(("nothing",), "./no-such-package"))
    with pytest.raises(EnvironmentFailed, match="nothing cannot be installed: ERROR: .*no-such-package"):
        python_of("nothing")
    assert not (tmp_path / "nothing" / "installed").exists()
    process = session.Process("g", "nothing", Options())
    for _ in range(2):  # the second time without trying again
        with pytest.raises(session.Failed, match="cannot be installed"):
            process.ask(do="time", job=0, way=0, seconds=0.0)


def test_tools_of_our_own_environment_need_no_other() -> None:
    assert str(python_of("torch")) == sys.executable


def test_runs_are_timed_one_by_one() -> None:
    calls = []
    found = timed(lambda: calls.append(sum(range(20000))), 0.01)
    assert len(found["cpu"]) == len(calls)
    assert min(found["wall"]) > 0


@pytest.mark.parametrize("letter", ITEMS)
def test_items_name_known_tools_and_ours_first(letter: str) -> None:
    for each in load_jobs(letter, Options()):
        assert each.ways[0].tool == OURS
        assert {way.tool for way in each.ways} <= set(TOOLS)
        assert len({way.name for way in each.ways}) == len(each.ways)


def test_the_table_tells_times_losses_failures_and_the_limit() -> None:
    told = job({OURS: torch.ones(6), "torch": torch.ones(3), "captum": torch.ones(3)})
    ours, documented, handed, failed, other = told.ways
    rows = [
        row(ours, 6, [6.0]),
        row(documented, 3, [60.0]),
        row(handed, 3, [1.5], difference=1.0),
        row(failed, 3, failed="cannot be installed"),
        row(other, 3, [3.0]),
    ]
    found = summary("x", told, rows) | {"limit": {"seconds": 0.4, "multiply_adds": 10**9}}
    run = {
        "machine": results.machine(2), "network": "n", "jobs": [found], "versions": {"torch": {"torch": "2.9"}},
    }  # fmt: skip
    text = markdown(json.loads(json.dumps(run)))
    assert "| | torch | 20 s, 0%, 20x (target 15x) | 500 ms, 0%, 0.5x | 1e+00 | 3 of 6 |" in text
    assert "| | captum | not run: cannot be installed | 1 s, 0%, 1x | 0e+00 | 3 of 6 |" in text
    assert "| | ours | 1 s, 0% |  | 0e+00 | all |" in text
    assert about_limit(found).endswith("40% of the limit")
    assert "TOO FAR" in "".join(results.cells(found, found["rows"][2]))
