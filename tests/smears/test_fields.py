"""The white cells in photographs of another laboratory are found."""

import csv
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skblood import find_cells

FOLDER = os.environ.get("SKBLOOD_FIELDS")
N_PHOTOGRAPHS = 12


def choose_photographs():
    """Return paths of photographs on which no parameter was chosen.

    The parameters were chosen on those whose number is divisible by 4.
    """
    paths = sorted(Path(FOLDER).glob("BloodImage_*.jpg"))
    others = [path for path in paths if int(path.stem.split("_")[1]) % 4 != 0]
    return others[:: len(others) // N_PHOTOGRAPHS][:N_PHOTOGRAPHS]


def read_boxes(names):
    """Return top, left, bottom and right of the white cells in each photograph."""
    boxes = {name: [] for name in names}
    with Path(FOLDER, "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            if row["file"] in boxes and row["kind"] == "white":
                box = [int(row[side]) for side in ("ymin", "xmin", "ymax", "xmax")]
                boxes[row["file"]].append(box)
    return boxes


def box_iou(one, other):
    """Return the intersection over union of two boxes."""
    sides = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    both = np.prod(np.clip(sides, 0, None))
    areas = [np.prod(np.subtract(box[2:], box[:2])) for box in (one, other)]
    return both / (sum(areas) - both)


@pytest.fixture(scope="module")
def photographs():
    """Return the true boxes and the found cells of each photograph."""
    paths, pairs = choose_photographs(), []
    boxes = read_boxes([path.name for path in paths])
    for path in paths:
        pixels = np.asarray(Image.open(path))
        with warnings.catch_warnings():
            # Some of the photographs show fewer than two red cells that lie alone.
            warnings.filterwarnings("ignore", "The scale could not be measured")
            pairs.append((boxes[path.name], find_cells(pixels)))
    return pairs


pytestmark = pytest.mark.skipif(not FOLDER, reason="needs the folder in SKBLOOD_FIELDS")


def test_white_cells_are_found(photographs):
    best = [
        max(box_iou(box, found) for found in cells.boxes[cells.kinds == "nucleated"])
        for boxes, cells in photographs
        for box in boxes
    ]
    assert len(best) >= N_PHOTOGRAPHS
    assert np.mean(np.array(best) >= 0.3) >= 0.9
    assert min(best) > 0


def test_few_other_cells_are_taken_for_white_cells(photographs):
    n_true = sum(len(boxes) for boxes, _ in photographs)
    n_found = sum((cells.kinds == "nucleated").sum() for _, cells in photographs)
    assert n_true <= n_found <= n_true + 2


def test_red_cells_give_the_same_scale_for_all(photographs):
    scales = [cells.pixels_per_um for _, cells in photographs if cells.n_red_cells]
    assert len(scales) >= 6
    assert np.std(scales) < 0.15 * np.mean(scales)
