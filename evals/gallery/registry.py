"""Which figures there are. Each is a module of `evals.gallery.plates`, found by being there."""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from circuits import CurvesError
from circuits.files import replacing
from evals.gallery.setting import Setting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Plate", "draw_figure", "find_plate", "picture_suffix", "plate", "plates", "save_figure"]


@dataclass(frozen=True)
class Plate:
    """A figure that can be drawn.

    Attributes:
        name: as in `curves figure NAME`.
        about: what it shows, in a line.
        section: the article and its section that has it.
        compares: whether it shows networks beside each other; otherwise it shows one.
        labelled: whether there is nothing to show without human labels.
        draw: makes it; called through `draw_figure`, which sets the gallery's style.
    """

    name: str
    about: str
    section: str
    compares: bool
    labelled: bool
    draw: Callable[[Setting], Figure]


def plate(
    name: str, about: str, section: str, *, compares: bool = False, labelled: bool = False
) -> Callable[[Callable[[Setting], Figure]], Plate]:
    """Make a function a `Plate`: to be written above the function that draws a figure."""
    return lambda draw: Plate(name, about, section, compares, labelled, draw)


@cache
def plates() -> Mapping[str, Plate]:
    """All figures by name, in order of name."""
    package = import_module("evals.gallery.plates")
    modules = (import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__))
    every = [value for module in modules for value in vars(module).values() if isinstance(value, Plate)]
    return MappingProxyType({found.name: found for found in sorted(every, key=lambda found: found.name)})


def find_plate(name: str) -> Plate:
    """The figure of that name.

    Raises:
        CurvesError: there is none; the message names near ones.
    """
    known = plates()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=3, cutoff=0.5) or list(known)
    raise CurvesError(f"there is no figure {name!r}; nearest are {', '.join(near)}; `curves figure --list` has all")


def draw_figure(name: str, setting: Setting) -> Figure:
    """Draw a figure.

    Args:
        name: of the figure.
        setting: the networks, pictures and results that it shows.

    Returns:
        A matplotlib figure that no global state knows of.

    Raises:
        CurvesError: there is no such figure, it makes no sense for these networks, it shows one and several are
            given, or it shows human labels and there are none.
    """
    from matplotlib import rc_context

    from evals.gallery.style import RC

    found = find_plate(name)
    if not found.compares and len(setting.subjects) > 1:
        raise CurvesError(f"the figure {name} shows one network; draw it once for each of {len(setting.subjects)}")
    if found.labelled and setting.human is None:
        raise CurvesError(
            f"the figure {name} shows what people labelled; `curves label page NET -o DIR` makes a page to label on, "
            f"and `curves figure {name} NET --human DIR` takes the folder"
        )
    with rc_context(RC):
        return found.draw(setting)


def picture_suffix(path: str | os.PathLike[str]) -> str:
    """The ending of a figure's file, in small letters.

    Raises:
        CurvesError: it is of no kind of picture that can be written.
    """
    from circuits.graph.painting import SUFFIXES

    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise CurvesError(f"cannot write {path}: a figure is one of {', '.join(SUFFIXES)}")
    return suffix


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as .svg, .pdf or .png, by the ending, whole or not at all; the same figure gives the same bytes.

    Raises:
        CurvesError: the ending is of no kind of picture that can be written, or the place cannot be written to.
    """
    from matplotlib import rc_context

    from circuits.graph.painting import SUFFIXES
    from evals.gallery.style import RC

    suffix = picture_suffix(path)
    with rc_context(RC), replacing(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], metadata=SUFFIXES[suffix])
