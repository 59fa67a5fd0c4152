"""Which tests there are: the modules of `evals.battery`, and what other packages offer by entry point."""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

import evals.battery
from circuits import CurvesError
from evals.testing import Test

__all__ = ["ALL", "GROUP", "find_test", "known_tests", "make_tests"]

GROUP = "curve_circuits.tests"
"""The group of entry points in which a package names its tests: `name = "package.module:Class"`."""


ALL = "all"
"""Among tests, or in the place of them: all others that can be run on the network and images at hand."""


def known_tests() -> tuple[str, ...]:
    """The names of all tests, in order; nothing is imported for it."""
    return tuple(sorted({*_own(), *_offered()}))


def find_test(name: str) -> type[Test]:
    """The test of that name.

    Raises:
        CurvesError: there is none, two packages offer it, or what is there is no test of that name.
    """
    if name in _own():
        return _own_test(name)
    offers = _offered().get(name, [])
    if len(offers) == 1:
        return _offered_test(offers[0])
    if offers:
        packages = " and ".join(sorted(_package(offer) for offer in offers))
        raise CurvesError(f"{packages} both offer a test {name!r}; uninstall one of them")
    near = get_close_matches(name, known_tests(), n=2, cutoff=0.6)
    hint = f"; perhaps {' or '.join(near)}" if near else ""
    raise CurvesError(f"there is no test {name!r}; there are {', '.join(known_tests())}{hint}")


def make_tests(tests: str | Sequence[str | Test], *, quick: bool = False) -> list[Test]:
    """The tests, those given by name with their usual settings; `quick` ones show less.

    Args:
        tests: names or tests, or one name; `ALL` stands for all that are not named.
        quick: whether they show less.

    Raises:
        CurvesError: there are none, one is unknown or cannot be loaded, or two have one name.
    """
    named = [tests] if isinstance(tests, str) else tests
    chosen = [find_test(test)() if isinstance(test, str) else test for test in named if test != ALL]
    if ALL in named:
        given = {test.name for test in chosen}
        chosen += [find_test(name)() for name in known_tests() if name not in given]
    if not chosen:
        raise CurvesError(f"there is nothing to test; name at least one of {', '.join(known_tests())}")
    names = [test.name for test in chosen]
    if twice := [name for name in names if names.count(name) > 1]:
        raise CurvesError(f"{twice[0]} is there twice, and its scores have one name; run it on two cards")
    return [test.quick() for test in chosen] if quick else chosen


def _own() -> list[str]:
    return [module.name for module in pkgutil.iter_modules(evals.battery.__path__)]


def _offered() -> dict[str, list[EntryPoint]]:
    """What other packages offer; a name of our own is ours."""
    found: dict[str, list[EntryPoint]] = {}
    for offer in entry_points(group=GROUP):
        if offer.name not in _own():
            found.setdefault(offer.name, []).append(offer)
    return found


@cache
def _own_test(name: str) -> type[Test]:
    module = import_module(f"{evals.battery.__name__}.{name}")
    every = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Test)]
    tests = [test for test in every if test.__module__ == module.__name__ and getattr(test, "name", None) == name]
    if len(tests) != 1:
        raise CurvesError(f"{module.__name__} has {len(tests)} tests named {name!r}; define one class with that name")
    return tests[0]


def _offered_test(offer: EntryPoint) -> type[Test]:
    try:
        found = offer.load()
    except Exception as error:  # whatever another package does while it is imported
        raise CurvesError(
            f"the test {offer.name!r} of {_package(offer)} cannot be loaded ({error}); mend or uninstall it"
        ) from error
    if not (isinstance(found, type) and issubclass(found, Test) and getattr(found, "name", None) == offer.name):
        raise CurvesError(
            f"{offer.value} of {_package(offer)} is no test named {offer.name!r}; let it name a subclass of evals.Test"
        )
    return found


def _package(offer: EntryPoint) -> str:
    return offer.dist.name if offer.dist else offer.value
