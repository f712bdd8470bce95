"""Boxes of the regions in a label image."""

import numpy as np
from scipy.ndimage import find_objects


def find_boxes(labels):
    """Return the box around each label from 1 to the largest.

    Parameters
    ----------
    labels : ndarray of int, of shape (H, W)
        Every label occurs.

    Returns
    -------
    ndarray of int, of shape (n, 4)
        Top, left, bottom and right; the last two are the first row and column after
        the region.
    """
    boxes = [(r.start, c.start, r.stop, c.stop) for r, c in find_objects(labels)]
    return np.array(boxes, dtype=int).reshape(-1, 4)


def find_middles(boxes):
    """Return the row and the column of the middle of each box.

    Parameters
    ----------
    boxes : ndarray of int, of shape (n, 4)

    Returns
    -------
    ndarray of shape (n, 2)
    """
    return boxes.reshape(-1, 2, 2).mean(axis=1)


def touches_edge(box, shape):
    """Return whether a box touches the edge of the photograph.

    Parameters
    ----------
    box : sequence of int (top, left, bottom, right)
    shape : tuple of int (height, width)

    Returns
    -------
    bool
    """
    top, left, bottom, right = box
    return bool(top == 0 or left == 0 or bottom == shape[0] or right == shape[1])
