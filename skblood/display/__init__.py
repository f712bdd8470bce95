"""Figures of cells and trainings, with the conventions of scikit-learn's displays."""

from ._cell_grid import CellGridDisplay
from ._training_curve import TrainingCurveDisplay

__all__ = ["CellGridDisplay", "TrainingCurveDisplay"]
