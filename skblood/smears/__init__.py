"""Photographs of smears: find the cells, and cut them out."""

from ._crops import crop_cells
from ._finding import find_cells

__all__ = ["crop_cells", "find_cells"]
