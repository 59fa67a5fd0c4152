"""The articles' figures on any network: `gallery.plates` has a module for each, all else is what they share.

Importing this does not load matplotlib; drawing does.
"""

from evals.gallery.registry import Plate, draw_figure, find_plate, plates, save_figure
from evals.gallery.setting import Setting
from evals.gallery.subject import Subject

__all__ = ["Plate", "Setting", "Subject", "draw_figure", "find_plate", "plates", "save_figure"]
