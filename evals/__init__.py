"""One harness for real, edited and hand-built networks: stimuli, tests, scorecards, comparison, report."""

from circuits.images import PHOTOGRAPHS, ImageSet
from evals.classification import Classification, class_labels
from evals.comb_calibration import comb_calibration
from evals.combing import Combing
from evals.combs import Comb, CombGrid, render_combs
from evals.compare import compare
from evals.curve_kinds import Criteria, CurveCriteria, DoubleCurveCriteria, EarlyCurveCriteria
from evals.damage import damage
from evals.damage_result import MEASURES, Damage, Recovered, Variant
from evals.families import find_curve_family, find_families, measure_family
from evals.grid import CurveGrid
from evals.harness import TESTS, NetworkTest, Test, run
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
    "MEASURES",
    "PHOTOGRAPHS",
    "TESTS",
    "Classification",
    "Comb",
    "CombGrid",
    "Combing",
    "ComplexGaborCriteria",
    "Criteria",
    "Curve",
    "CurveCriteria",
    "CurveGrid",
    "Damage",
    "Definition",
    "DoubleCurveCriteria",
    "EarlyCurveCriteria",
    "GaborCriteria",
    "ImageSet",
    "Kind",
    "LineCriteria",
    "NetworkTest",
    "PublishedGroup",
    "Recovered",
    "Report",
    "Scorecard",
    "SyntheticCurves",
    "Test",
    "TestResult",
    "Variant",
    "class_labels",
    "comb_calibration",
    "compare",
    "curve_layer",
    "damage",
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
