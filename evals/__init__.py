"""One harness for real, edited and hand-built networks: stimuli, tests, scorecards, comparison, report."""

from circuits.images import PHOTOGRAPHS, ImageSet
from evals.attribution_picture import draw_attribution
from evals.battery.angles import Angles
from evals.battery.attribution import AttributionTest
from evals.battery.causal import Causal
from evals.battery.classification import Classification
from evals.battery.combing import Combing
from evals.battery.cosmetic import Cosmetic
from evals.battery.dataset import DatasetSurvey
from evals.battery.echo import Echo
from evals.battery.equivariance import Equivariance
from evals.battery.human import HumanLabels
from evals.battery.lines import LineTolerance
from evals.battery.positions import Positions
from evals.battery.rotation import Rotation
from evals.battery.synthetic import SyntheticCurves
from evals.battery.visualization import Visualizations
from evals.catalogue import find_test, known_tests, make_tests
from evals.check import Check, Tolerance, Verdict, check
from evals.circuit_likeness import CircuitLikeness, FamilyPair, circuit_likeness
from evals.class_labels import class_labels
from evals.comb_calibration import comb_calibration
from evals.combs import Comb, CombGrid, render_combs
from evals.compare import compare
from evals.curve_kinds import Criteria, CurveCriteria, DoubleCurveCriteria, EarlyCurveCriteria
from evals.curve_table import CurveTable
from evals.damage import damage
from evals.damage_result import MEASURES, Damage, Recovered, Variant
from evals.dataset import Survey, survey_images
from evals.differences import Difference, difference
from evals.families import find_curve_family, find_families, measure_family, searchable
from evals.gallery import Plate, Setting, Subject, draw_figure, find_plate, plates, save_figure
from evals.grid import CurveGrid
from evals.harness import run
from evals.kinds import KINDS, Kind
from evals.likeness import likeness
from evals.likeness_result import Agreement, Likeness, Pair
from evals.natural import NaturalExamples, natural_examples
from evals.orientation_kinds import ComplexGaborCriteria, GaborCriteria, LineCriteria
from evals.published import PublishedGroup, published_families, published_groups
from evals.published_tuning import TuningCurves, read_tuning_curves
from evals.report import Report
from evals.resampling import Replicates, Spread
from evals.scorecard import Score, Scorecard
from evals.stimuli import Curve, render_curves
from evals.sweep import curve_layer, measure_scale, sweep
from evals.testing import Definition, Sample, Test, TestResult
from evals.tuning_likeness import TunedPair, TuningLikeness, tuning_likeness

__all__ = [
    "KINDS",
    "MEASURES",
    "PHOTOGRAPHS",
    "Agreement",
    "Angles",
    "AttributionTest",
    "Causal",
    "Check",
    "CircuitLikeness",
    "Classification",
    "Comb",
    "CombGrid",
    "Combing",
    "ComplexGaborCriteria",
    "Cosmetic",
    "Criteria",
    "Curve",
    "CurveCriteria",
    "CurveGrid",
    "CurveTable",
    "Damage",
    "DatasetSurvey",
    "Definition",
    "Difference",
    "DoubleCurveCriteria",
    "EarlyCurveCriteria",
    "Echo",
    "Equivariance",
    "FamilyPair",
    "GaborCriteria",
    "HumanLabels",
    "ImageSet",
    "Kind",
    "Likeness",
    "LineCriteria",
    "LineTolerance",
    "NaturalExamples",
    "Pair",
    "Plate",
    "Positions",
    "PublishedGroup",
    "Recovered",
    "Replicates",
    "Report",
    "Rotation",
    "Sample",
    "Score",
    "Scorecard",
    "Setting",
    "Spread",
    "Subject",
    "Survey",
    "SyntheticCurves",
    "Test",
    "TestResult",
    "Tolerance",
    "TunedPair",
    "TuningCurves",
    "TuningLikeness",
    "Variant",
    "Verdict",
    "Visualizations",
    "check",
    "circuit_likeness",
    "class_labels",
    "comb_calibration",
    "compare",
    "curve_layer",
    "damage",
    "difference",
    "draw_attribution",
    "draw_figure",
    "find_curve_family",
    "find_families",
    "find_plate",
    "find_test",
    "known_tests",
    "likeness",
    "make_tests",
    "measure_family",
    "measure_scale",
    "natural_examples",
    "plates",
    "published_families",
    "published_groups",
    "read_tuning_curves",
    "render_combs",
    "render_curves",
    "run",
    "save_figure",
    "searchable",
    "survey_images",
    "sweep",
    "tuning_likeness",
]
