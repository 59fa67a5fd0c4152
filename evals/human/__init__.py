"""Comparison with people: crops drawn by lot, a page to label them blindly, and what the labels say of a unit."""

from evals.human.labels import LABELS, Label
from evals.human.page import label_page, save_page
from evals.human.published import PublishedLabels, distances, published_labels
from evals.human.raters import cohen_kappa, krippendorff_alpha
from evals.human.reading import Labelled, read_folder, read_labels
from evals.human.sample import LabelBin, LabelCrop, LabelSample, draw_sample, load_sample, save_sample
from evals.human.shares import Shares, intervals, label_scores, shares

__all__ = [
    "LABELS",
    "Label",
    "LabelBin",
    "LabelCrop",
    "LabelSample",
    "Labelled",
    "PublishedLabels",
    "Shares",
    "cohen_kappa",
    "distances",
    "draw_sample",
    "intervals",
    "krippendorff_alpha",
    "label_page",
    "label_scores",
    "load_sample",
    "published_labels",
    "read_folder",
    "read_labels",
    "save_page",
    "save_sample",
    "shares",
]
