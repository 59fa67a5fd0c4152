"""Labels that a rule makes up from the activation, for tests alone: nobody ever looked at these crops."""

import numpy as np

from evals.human import LABELS, save_sample
from evals.human.reading import COLUMNS

LABELLER = "made up by a test"


def write_labels(sample, folder, labeller=LABELLER, noise=0.2, share=1.0):
    """A folder as `curves label page` and its page leave it, without the page."""
    save_sample(sample, folder)
    random = np.random.default_rng(sum(labeller.encode()))
    rows = [COLUMNS]
    for crop in sample.crops:
        strong = crop.value > 1.5
        label = 0 if strong else 1 if crop.value > 0 else 2 if crop.value > -1.5 else 3
        if random.random() < noise:
            label = int(random.integers(len(LABELS)))
        if random.random() < share:
            rows.append((sample.identity, crop.name, LABELS[label].name, f'"{labeller}"', "2026-01-01T00:00:00Z"))
    text = "".join(",".join(row) + "\n" for row in rows)
    (folder / f"labels-{labeller.replace(' ', '-')}.csv").write_text(text, encoding="utf-8")
    return folder
