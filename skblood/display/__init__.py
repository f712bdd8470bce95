"""Figures of cells and trainings, with the conventions of scikit-learn's displays."""

from ._cell_grid import CellGridDisplay
from ._reliability import ReliabilityDisplay
from ._risk_coverage import RiskCoverageDisplay
from ._saliency import SaliencyDisplay
from ._smear import SmearDisplay
from ._training_curve import TrainingCurveDisplay

__all__ = [
    "CellGridDisplay",
    "ReliabilityDisplay",
    "RiskCoverageDisplay",
    "SaliencyDisplay",
    "SmearDisplay",
    "TrainingCurveDisplay",
]
