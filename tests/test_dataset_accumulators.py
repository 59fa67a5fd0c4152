"""Accumulators of the dataset test: exact, and the same in whatever order things are added and merged."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from circuits import CurvesError
from evals.dataset import groups
from evals.dataset.floats import codes, fixed, floats, middles, unfixed
from evals.dataset.groups import Groups
from evals.dataset.histogram import Histogram
from evals.dataset.smallest import Smallest

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
VALUES = hnp.arrays(np.float32, st.tuples(st.just(2), st.integers(1, 20)), elements=FINITE)


@given(hnp.arrays(np.float32, 30, elements=FINITE))
def test_codes_are_in_the_order_of_the_numbers_and_give_them_back(values):
    found = codes(values)
    assert np.array_equal(floats(found), values)
    order = np.argsort(values, kind="stable")
    assert (np.diff(found[order].astype(np.int64)) >= 0).all()
    assert np.array_equal(found[:, None] == found[None], values[:, None] == values[None])


def histogram(*batches):
    made = Histogram(2)
    for batch in batches:
        made.add(codes(batch))
    return made


def same(one, other):
    first, second = one.to_arrays(), other.to_arrays()
    return all(np.array_equal(first[name], second[name]) for name in first)


@given(VALUES)
def test_moments_are_exact(values):
    made = histogram(values)
    for unit, row in enumerate(values):
        exact = [Fraction(float(v)) for v in row]
        mean = sum(exact) / len(exact)
        variance = sum(v * v for v in exact) / len(exact) - mean**2
        assert made.moments(unit) == (float(mean), float(variance) ** 0.5)
        zero = Histogram.bin_of(0.0)
        assert made.sum_above(unit, zero) == float(sum(v for v in exact if v >= 0))
    assert made.total == values.shape[1]


@given(VALUES, VALUES, VALUES)
@settings(max_examples=40, deadline=None)
def test_histograms_merge_in_any_order(a, b, c):
    whole = histogram(np.concatenate([a, b, c], axis=1))
    for order in ((a, b, c), (c, a, b), (b, c, a)):
        first, second, third = (histogram(batch) for batch in order)
        second.merge(third)  # (1, (2, 3))
        first.merge(second)
        assert same(first, whole)
        assert same(histogram(*order), whole)
        back = Histogram.from_arrays(2, first.to_arrays())
        assert same(back, whole)


def test_quantiles_are_right_to_half_a_bin():
    values = np.random.default_rng(0).normal(-3, 5, (1, 20000)).astype(np.float32)
    made = Histogram(1)
    made.add(codes(values))
    for share in (0, 0.01, 0.25, 0.5, 0.9, 0.999, 1):
        exact = float(np.sort(values[0])[max(math.ceil(share * 20000), 1) - 1])
        assert abs(made.quantile(0, share) - exact) <= abs(exact) / 256
    for value in (0.0, 1.5, -1.5, 3e-40, -2e38):
        number = Histogram.bin_of(value)
        assert Histogram.lower_edge(number) <= value < Histogram.lower_edge(number + 1)
        assert abs(middles()[number] - value) <= max(abs(value) / 128, 1e-40)


def test_more_than_can_be_counted_is_refused():
    one, other = histogram(np.ones((2, 1), np.float32)), histogram(np.ones((2, 1), np.float32))
    other.counts[0, Histogram.bin_of(1.0)] = 2**33
    one.merge(other)
    with pytest.raises(CurvesError, match="survey fewer images"):
        one.moments(0)


RECORDS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 3), st.integers(0, 3)), max_size=30, unique=True
)


def smallest(records, size=2):
    made = Smallest(size, 3)
    for group, key, image, place in records:
        columns = np.array([group]), np.array([key], np.uint64), image, np.array([place], np.uint32)
        made.add(*columns, np.array([[group + key]], np.float32))
    return made


def plainly(records, size=2):
    groups = [sorted(r for r in records if r[0] == group)[:size] for group in range(3)]
    return [record for group in groups for record in group]


def listed(found):
    return [(int(r["group"]), int(r["key"]), int(r["image"]), int(r["place"])) for r in found.rows]


@given(RECORDS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_smallest_are_the_smallest_in_any_order(records, random):
    expected = plainly(records)
    assert listed(smallest(records)) == expected
    shuffled = random.sample(records, len(records))
    a, b, c = (smallest(shuffled[start::3]) for start in range(3))
    b.merge(c)
    a.merge(b)
    assert listed(a) == expected
    d, e, f = (smallest(shuffled[start::3]) for start in (2, 0, 1))
    d.merge(e)
    d.merge(f)
    assert np.array_equal(d.rows, a.rows)
    assert listed(Smallest.from_rows(2, 3, d.rows)) == expected


def test_what_cannot_be_kept_is_not_wanted_and_nothing_else():
    random = np.random.default_rng(0)
    keys, groups = random.integers(0, 2**64, 20000, np.uint64), random.integers(0, 3, 20000)
    made, offered = Smallest(50, 3), 0
    for start in range(0, 20000, 500):
        part = slice(start, start + 500)
        wanted = made.wanted(groups[part], keys[part])
        offered += len(wanted)
        at = wanted.astype(np.uint32)
        made.add(groups[part][wanted], keys[part][wanted], start, at, np.zeros((len(wanted), 1), np.float32))
        _ = made.rows
    for group in range(3):
        expected = np.sort(keys[groups == group])[:50]
        assert np.array_equal(made.rows["key"][made.rows["group"] == group], expected)
    assert offered < 4000, "most records should be passed over without being sorted"


SUMS = st.lists(st.floats(-(2.0**99), 2.0**99, width=32), min_size=1, max_size=30)


@given(SUMS, st.randoms(use_true_random=False))
def test_fixed_sums_are_exact_in_any_order(numbers, random):
    total = sum(fixed(np.array(numbers)))
    assert Fraction(total, 2**149) == sum(map(Fraction, numbers))
    assert sum(fixed(np.array(random.sample(numbers, len(numbers))))) == total
    assert unfixed(np.array([total], dtype=object))[0] == float(sum(map(Fraction, numbers)))


TALLIES = st.dictionaries(st.integers(0, 2**64 - 1), st.integers(-(2**200), 2**200), min_size=1, max_size=40)


def grouped(tallies):
    made = Groups()
    for image, amount in tallies:
        made.add(image, np.array([1, 2, 3, 4, amount, -amount], dtype=object))
    return made


@given(TALLIES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_groups_are_bounded_and_the_same_in_any_order(tallies, random):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "MOST", 6)
        check_groups(tallies, random)


def check_groups(tallies, random):
    items = list(tallies.items())
    whole = grouped(items)
    assert len(whole) <= 6
    places = whole.places(np.array([image for image, _ in items], dtype=np.uint64))
    assert np.array_equal(np.bincount(places, minlength=len(whole)), whole.counts()[0]), "each is where it is counted"
    assert sorted(set(places)) == list(range(len(whole)))
    if len(items) <= 6:
        assert len(whole) == len(items), "few pictures are groups of their own"
    shuffled = random.sample(items, len(items))
    a, b, c = (grouped(shuffled[start::3]) for start in range(3))
    b.merge(c)
    a.merge(b)
    back = Groups.from_arrays(a.to_arrays())
    expected = whole.to_arrays()
    for found in (a, back):
        assert all(np.array_equal(array, expected[name]) for name, array in found.to_arrays().items())
    assert float(sum(tallies.values())) == pytest.approx(
        np.ldexp(whole.sums()[:, 0].sum(), 149), rel=1e-9, abs=2.0**160
    )
