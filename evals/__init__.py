"""One harness for real, edited and hand-built networks: stimuli, tests, scorecards, comparison, report."""

from circuits.images import PHOTOGRAPHS, ImageSet
from evals.circuit_likeness import CircuitLikeness, FamilyPair, circuit_likeness
from evals.classification import Classification, class_labels
from evals.comb_calibration import comb_calibration
from evals.combing import Combing
from evals.combs import Comb, CombGrid, render_combs
from evals.compare import compare
from evals.curve_kinds import Criteria, CurveCriteria, DoubleCurveCriteria, EarlyCurveCriteria
from evals.damage import damage
from evals.damage_result import MEASURES, Damage, Recovered, Variant
from evals.families import find_curve_family, find_families, measure_family, searchable
from evals.gallery import Plate, Setting, Subject, draw_figure, find_plate, plates, save_figure
from evals.grid import CurveGrid
from evals.harness import TESTS, NetworkTest, Test, run
from evals.kinds import KINDS, Kind
from evals.likeness import likeness
from evals.likeness_result import Agreement, Likeness, Pair
from evals.orientation_kinds import ComplexGaborCriteria, GaborCriteria, LineCriteria
from evals.published import PublishedGroup, published_families, published_groups
from evals.published_tuning import TuningCurves, read_tuning_curves
from evals.report import Report
from evals.scorecard import Definition, Scorecard, TestResult
from evals.stimuli import Curve, render_curves
from evals.sweep import curve_layer, measure_scale, sweep
from evals.synthetic import SyntheticCurves
from evals.tuning_likeness import TunedPair, TuningLikeness, tuning_likeness

__all__ = [
    "KINDS",
    "MEASURES",
    "PHOTOGRAPHS",
    "TESTS",
    "Agreement",
    "CircuitLikeness",
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
    "FamilyPair",
    "GaborCriteria",
    "ImageSet",
    "Kind",
    "Likeness",
    "LineCriteria",
    "NetworkTest",
    "Pair",
    "Plate",
    "PublishedGroup",
    "Recovered",
    "Report",
    "Scorecard",
    "Setting",
    "Subject",
    "SyntheticCurves",
    "Test",
    "TestResult",
    "TunedPair",
    "TuningCurves",
    "TuningLikeness",
    "Variant",
    "circuit_likeness",
    "class_labels",
    "comb_calibration",
    "compare",
    "curve_layer",
    "damage",
    "draw_figure",
    "find_curve_family",
    "find_families",
    "find_plate",
    "likeness",
    "measure_family",
    "measure_scale",
    "plates",
    "published_families",
    "published_groups",
    "read_tuning_curves",
    "render_combs",
    "render_curves",
    "run",
    "save_figure",
    "searchable",
    "sweep",
    "tuning_likeness",
]
