"""What a family does on natural images: one pass of any size, in parts that merge, which a kill only interrupts."""

from evals.dataset.definitions import LEVEL
from evals.dataset.quilt import draw_quilt
from evals.dataset.records import Example, Piece, Settings
from evals.dataset.report import save_summary
from evals.dataset.store import load_survey, save_survey, survey_files
from evals.dataset.strata import Stratum, stratified
from evals.dataset.summary import result, tail
from evals.dataset.survey import Survey, merged
from evals.dataset.tails import LAWS, Comparison, Tail, fit_tail
from evals.dataset.walk import shard_path, survey_images

__all__ = [
    "LAWS",
    "LEVEL",
    "Comparison",
    "Example",
    "Piece",
    "Settings",
    "Stratum",
    "Survey",
    "Tail",
    "draw_quilt",
    "fit_tail",
    "load_survey",
    "merged",
    "result",
    "save_summary",
    "save_survey",
    "shard_path",
    "stratified",
    "survey_files",
    "survey_images",
    "tail",
]
