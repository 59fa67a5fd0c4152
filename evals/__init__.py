"""One harness for real, edited and hand-built networks: stimuli, tests, scorecards, comparison, report."""

from evals.compare import compare
from evals.families import Criteria, find_curve_family
from evals.grid import CurveGrid
from evals.harness import TESTS, Test, run
from evals.images import ImageSet
from evals.report import Report
from evals.scorecard import Definition, Scorecard, TestResult
from evals.stimuli import Curve, render_curves
from evals.sweep import curve_layer, measure_scale, sweep
from evals.synthetic import SyntheticCurves

__all__ = [
    "TESTS",
    "Criteria",
    "Curve",
    "CurveGrid",
    "Definition",
    "ImageSet",
    "Report",
    "Scorecard",
    "SyntheticCurves",
    "Test",
    "TestResult",
    "compare",
    "curve_layer",
    "find_curve_family",
    "measure_scale",
    "render_curves",
    "run",
    "sweep",
]
