"""Feature visualisation: objectives, decorrelated Fourier pictures, transformation robustness, diversity, ascent."""

from circuits.visualization.objectives import Direction, Excite, Objective, Sum
from circuits.visualization.optimize import Visualization, visualize
from circuits.visualization.robustness import Robustness

__all__ = ["Direction", "Excite", "Objective", "Robustness", "Sum", "Visualization", "visualize"]
