"""The differential count: how many white cells are of which kind."""

from ._counting import count_cells

__all__ = ["count_cells"]
