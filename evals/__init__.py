"""One harness for real, edited and hand-built networks: stimuli, tests, scorecards, comparison, report."""

from circuits.images import PHOTOGRAPHS, ImageSet
from evals.comb_calibration import comb_calibration
from evals.combing import Combing
from evals.combs import Comb, CombGrid, render_combs
from evals.compare import compare
from evals.curve_kinds import Criteria, CurveCriteria, DoubleCurveCriteria, EarlyCurveCriteria
from evals.families import find_curve_family, find_families, measure_family
from evals.grid import CurveGrid
from evals.harness import TESTS, Test, run
from evals.kinds import KINDS, Kind
from evals.orientation_kinds import ComplexGaborCriteria, GaborCriteria, LineCriteria
from evals.published import PublishedGroup, published_families, published_groups
from evals.report import Report
from evals.scorecard import Definition, Scorecard, TestResult
from evals.stimuli import Curve, render_curves
from evals.sweep import curve_layer, measure_scale, sweep
from evals.synthetic import SyntheticCurves

__all__ = [
    "KINDS",
    "PHOTOGRAPHS",
    "TESTS",
    "Comb",
    "CombGrid",
    "Combing",
    "ComplexGaborCriteria",
    "Criteria",
    "Curve",
    "CurveCriteria",
    "CurveGrid",
    "Definition",
    "DoubleCurveCriteria",
    "EarlyCurveCriteria",
    "GaborCriteria",
    "ImageSet",
    "Kind",
    "LineCriteria",
    "PublishedGroup",
    "Report",
    "Scorecard",
    "SyntheticCurves",
    "Test",
    "TestResult",
    "comb_calibration",
    "compare",
    "curve_layer",
    "find_curve_family",
    "find_families",
    "measure_family",
    "measure_scale",
    "published_families",
    "published_groups",
    "render_combs",
    "render_curves",
    "run",
    "sweep",
]
