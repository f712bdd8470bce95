"""Measure how well cells are found in photographs of smears, cut out and counted.

The folder in the environment variable SKBLOOD_FIELDS has photographs of one microscope,
BloodImage_00000.jpg and so on, and the boxes of their cells in boxes.csv, with the
columns file, kind (white, red or platelet), xmin, ymin, xmax and ymax in pixels. The
parameters of `find_cells` were chosen on the photographs whose number is divisible by 4
("tune"). The figures of the others are "reported".

The folder in SKBLOOD_MICROSCOPES has single cells of two other microscopes in the
sub-folders tecom and cellavision, and their outlines, which the authors drew, in
tecom_masks and cellavision_masks.

fields
    Recall and precision of the white cells, at an intersection over union (IoU) of the
    boxes of at least .5, and their recall at .3; recall and precision of the platelets
    at .3; the fraction of photographs with the right number of white cells. Found and
    true boxes are matched one to one, those with the largest IoU first. With Wilson
    intervals of 95 %.
scale
    In which fraction of the photographs the scale was measured by red cells, and the
    median and the spread (standard deviation / mean) of these scales, and of all with
    those that were measured by nuclei. All photographs have the same magnification.
unfamiliar
    Which fraction of the white cells that are found and not cut is unfamiliar to each
    pretrained model, in the photographs that are reported.
masks
    IoU of the drawn outline of each cell with that of the cell found there; 0 if none
    is found.
made
    `make_smear` makes fields of 40 cells each from the test split of BloodMNIST, and
    `count_cells` finds and names the cells again: the fraction that gets the right
    name, the fraction that is found, the number of other cells for each true one, the
    fraction of all that is unfamiliar, and the largest error of the differential count.
    Beside it, the accuracy of the same model on the same images. With 10 pixels in a
    micrometre for all images, and with 6 and 14 for 1,000 of them.
intervals
    Coverage of the intervals of `count_cells` in 2,000 simulations each: how often all
    true fractions lie in their intervals (simultaneous), and how often that of the kind
    for which this is rarest. With one and with several photographs, of which some
    differ more than by chance: their fractions have a Dirichlet distribution.
scale of BloodMNIST
    The side in micrometres of what an image of BloodMNIST shows, from the diameters of
    the whole red cells in the train split, which are taken for 7.5 µm.
time
    Seconds of `find_cells` and `crop_cells` together, for the photographs that are
    reported, and for three of about 20 megapixels: a mosaic of photographs, and fields
    that `make_smear` makes at a high and at a low magnification. The large ones are
    measured in new processes, with the peak memory of the two calls beyond that before
    them. Run this part while nothing else runs.

    python benchmarks/fields.py
    python benchmarks/fields.py --parts fields scale
"""

import csv
import json
import os
import warnings
from collections import defaultdict
from functools import cache, partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from common.command_line import make_parser
from common.processes import run_in_new_process
from common.recording import update_results
from common.timing import seconds_of
from PIL import Image

from skblood import (
    assess,
    count_cells,
    crop_cells,
    find_cells,
    load_bloodmnist,
    load_pretrained,
)
from skblood.counting._intervals import multinomial_intervals
from skblood.counting._table import find_white
from skblood.datasets import make_smear
from skblood.datasets._made_smear import _enlarge
from skblood.model_cards._intervals import wilson_interval
from skblood.pretrained import pretrained_names
from skblood.smears._scale import _find_diameters, _weighted_median
from skblood.smears._sizes import PIXELS_PER_UM, RED_CELL_UM

# What is to be reached, by part and figure.
TARGETS = {
    "fields": {
        "white recall": 0.96,
        "white precision": 0.95,
        "white recall at .3": 0.995,
        "platelet recall": 0.80,
        "platelet precision": 0.80,
        "right number": 0.93,
    },
    "scale": {"spread": 0.10},
    "masks": {"median": 0.80},
    "made": {"right": 0.97},
    "time": {"field": 0.3, "mosaic": 5},
}
SETS = ["tune", "reported"]
KINDS = {"white": "nucleated", "platelet": "platelet"}
MIN_IOU, LOW_IOU = 0.5, 0.3
# In the drawn masks, 127 is cytoplasm and 254 is the nucleus.
DRAWN = 60
CELLS_PER_FIELD, NEAR_UM = 40, 6
# The number of images for each scale in pixels per micrometre. None stands for all.
MADE = {10: None, 6: 1_000, 14: 1_000}
N_SIMULATIONS = 2_000
FRACTIONS = np.array([0.60, 0.28, 0.06, 0.03, 0.01, 0.02])
# Numbers of photographs and of cells in each, and the concentration of the Dirichlet
# distribution of their fractions. None stands for the same fractions in all.
SIMULATED = [
    (1, 100, None),
    (1, 400, None),
    (5, 20, None),
    (10, 20, None),
    (2, 50, None),
    (10, 20, 15),
    (5, 40, 15),
    (20, 10, 15),
]
# The enlarged images have this side. Red cells have diameters within these limits, in
# pixels of the original images.
ENLARGED, DIAMETERS = 140, (5, 14)
MOSAIC_SIDE, N_TIMES = 8, 3
# Numbers of cells that make about 20 megapixels, by pixels per micrometre.
LARGE = {15: 69, 4.3: 841}
TIME_IT = """
import json, sys
import numpy as np
from common.processes import memory_in_bytes
from common.timing import seconds_of
from skblood import crop_cells, find_cells

photograph = np.load(sys.argv[1])
# Imports, and what is only done once.
find_cells(photograph[:600, :600], pixels_per_um=10)
before = memory_in_bytes("VmRSS")
found = []
def work():
    found.append(find_cells(photograph))
    crop_cells(photograph, found[0])
seconds = seconds_of(work)
print(json.dumps({
    "seconds": seconds,
    "peak_megabytes": (memory_in_bytes("VmHWM") - before) / 1e6,
    "pixels_per_um": found[0].pixels_per_um,
    "n_cells": len(found[0].kinds),
}))
"""


# -- photographs with boxes ------------------------------------------------------------


def folder_in(variable):
    if not os.environ.get(variable):
        raise SystemExit(f"Set {variable} to a folder; see --help.")
    return Path(os.environ[variable])


def load_pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


@cache
def load_photographs():
    """Return the photographs of each set, by the names of their files."""
    photographs = {name: {} for name in SETS}
    for path in sorted(folder_in("SKBLOOD_FIELDS").glob("BloodImage_*.jpg")):
        number = int(path.stem.split("_")[1])
        photographs[SETS[number % 4 != 0]][path.name] = load_pixels(path)
    return photographs


@cache
def find_in_photographs():
    """Return the cells of each photograph of each set."""
    return {
        name: {file: find_quietly(pixels) for file, pixels in photographs.items()}
        for name, photographs in load_photographs().items()
    }


def find_quietly(pixels):
    """Return the cells, without warnings of too few red cells or of blurred edges."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return find_cells(pixels)


def measure_fields():
    boxes = read_boxes()
    return {
        name: measure_set({file: boxes[file] for file in found}, found)
        for name, found in find_in_photographs().items()
    }


def read_boxes():
    """Return the boxes of each photograph, by kind: top, left, bottom and right."""
    boxes = defaultdict(lambda: defaultdict(list))
    with (folder_in("SKBLOOD_FIELDS") / "boxes.csv").open() as file:
        for row in csv.DictReader(file):
            box = [int(row[side]) for side in ("ymin", "xmin", "ymax", "xmax")]
            boxes[row["file"]][row["kind"]].append(box)
    return boxes


def measure_set(boxes, found):
    """Compare the boxes and the found cells of each photograph."""
    figures = {
        "n_photographs": len(found),
        "n_boxes": {
            kind: sum(len(of_kind[kind]) for of_kind in boxes.values())
            for kind in ("white", "platelet", "red")
        },
        "n_found": {},
    }
    for kind, found_kind in KINDS.items():
        true = [np.reshape(boxes[file][kind], (-1, 4)) for file in found]
        ours = [cells.boxes[cells.kinds == found_kind] for cells in found.values()]
        matched = np.concatenate(list(map(match, true, ours)))
        n_true, n_found = sum(map(len, true)), sum(map(len, ours))
        figures["n_found"][kind] = n_found
        n_hits = (matched >= (MIN_IOU if kind == "white" else LOW_IOU)).sum()
        figures[f"{kind} recall"] = proportion(n_hits, n_true)
        figures[f"{kind} precision"] = proportion(n_hits, n_found)
        if kind == "white":
            n_hits = (matched >= LOW_IOU).sum()
            figures["white recall at .3"] = proportion(n_hits, n_true)
            n_right = np.sum(
                [len(t) == len(o) for t, o in zip(true, ours, strict=True)]
            )
            figures["right number"] = proportion(n_right, len(found))
    return figures


def match(true, found):
    """Return the IoU of each pair of boxes: one to one, the largest IoU first."""
    iou, matched = box_iou(true, found), []
    while iou.size and iou.max() > 0:
        i, j = np.unravel_index(iou.argmax(), iou.shape)
        matched.append(iou[i, j])
        iou[i], iou[:, j] = 0, 0
    return np.array(matched)


def box_iou(true, found):
    """Return the IoU of all pairs of boxes (top, left, bottom, right)."""
    true, found = true[:, np.newaxis], found[np.newaxis]
    low = np.maximum(true[..., :2], found[..., :2])
    high = np.minimum(true[..., 2:], found[..., 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [
        np.prod(boxes[..., 2:] - boxes[..., :2], axis=2) for boxes in (true, found)
    ]
    return both / (areas[0] + areas[1] - both)


def proportion(n_hits, n):
    low, high = wilson_interval(n_hits, n)
    return {"value": float(n_hits / n), "low": float(low), "high": float(high), "n": n}


def measure_scale():
    figures = {}
    for name, found in find_in_photographs().items():
        scales = np.array([cells.pixels_per_um for cells in found.values()])
        n_red_cells = np.array([cells.n_red_cells for cells in found.values()])
        by_red_cells = scales[n_red_cells > 0]
        figures[name] = {
            "n_photographs": len(scales),
            "by_red_cells": float(np.mean(n_red_cells > 0)),
            "median_number_of_red_cells": float(np.median(n_red_cells)),
            **summarize_scales(by_red_cells),
            "all": summarize_scales(scales),
        }
    return figures


def summarize_scales(scales):
    return {
        "median": float(np.median(scales)),
        "spread": float(scales.std(ddof=1) / scales.mean()),
        "smallest": float(scales.min()),
        "largest": float(scales.max()),
    }


def measure_unfamiliar():
    photographs, found = load_photographs()["reported"], find_in_photographs()
    crops = np.concatenate(
        [
            crop_cells(photographs[file], cells)[
                (cells.kinds == "nucleated") & ~cells.is_cut
            ]
            for file, cells in found["reported"].items()
        ]
    )
    unfamiliar = {
        name: assess(load_pretrained(name), crops).is_unfamiliar
        for name in pretrained_names()
    }
    return {
        name: proportion(is_unfamiliar.sum(), len(crops))
        for name, is_unfamiliar in unfamiliar.items()
    }


# -- drawn outlines --------------------------------------------------------------------


def measure_masks():
    folder = folder_in("SKBLOOD_MICROSCOPES")
    figures = {}
    for name in ("tecom", "cellavision"):
        ious, n_by_red_cells = [], 0
        for path in sorted((folder / name).glob("*/*.png")):
            drawn_path = folder / f"{name}_masks" / path.relative_to(folder / name)
            drawn = np.asarray(Image.open(drawn_path).convert("L")) > DRAWN
            cells = find_quietly(load_pixels(path))
            ious.append(mask_iou(drawn, cells.labels))
            n_by_red_cells += cells.n_red_cells > 0
        figures[name] = {
            "n": len(ious),
            "median": float(np.median(ious)),
            "mean": float(np.mean(ious)),
            "above .5": float(np.mean(np.array(ious) > 0.5)),
            "by_red_cells": n_by_red_cells / len(ious),
        }
    return figures


def mask_iou(drawn, labels):
    """Return the IoU of a drawn mask with the cell that overlaps most with it."""
    overlap = np.bincount(labels[drawn], minlength=2)[1:]
    if overlap.max() == 0:
        return 0.0
    found = labels == overlap.argmax() + 1
    return float((drawn & found).sum() / (drawn | found).sum())


# -- made fields -----------------------------------------------------------------------


def measure_made():
    X, y = load_bloodmnist(split="test", labels="names", return_X_y=True)
    clf = load_pretrained()
    assert set(y) == set(clf.classes_), "The classes of the model have other names."
    order = np.random.default_rng(0).permutation(len(y))
    return {
        str(scale): measure_made_fields(clf, X[order[:n]], y[order[:n]], scale)
        for scale, n in MADE.items()
    }


def measure_made_fields(clf, X, y, scale):
    """Return the figures of fields with a scale, in pixels per micrometre."""
    kinds = clf.classes_.tolist()
    found, names, is_unfamiliar = [], [], []
    count = np.zeros(len(kinds), dtype=int)
    for start in range(0, len(y), CELLS_PER_FIELD):
        part = slice(start, start + CELLS_PER_FIELD)
        smear = make_smear(X[part], y[part], pixels_per_um=scale, random_state=start)
        counted = count_cells([smear.image], clf)
        cells = counted.cells
        middles = cells.box.reshape(-1, 2, 2).mean(axis=1)
        away = np.linalg.norm(smear.centers[:, np.newaxis] - middles, axis=2) / scale
        away[:, cells.state == "cut"] = np.inf
        # The true cells are 30 µm apart, so none can be matched with two of them.
        found += (away.min(axis=1) <= NEAR_UM).tolist()
        names += cells.kind[away.argmin(axis=1)].tolist()
        is_unfamiliar += (cells.state == "unfamiliar").tolist()
        count += counted.table["count"]
    found = np.array(found)
    is_right = found & (np.array(names) == y)
    is_white = find_white(kinds)
    true_count = np.array([(y == kind).sum() for kind in kinds])
    fractions = [
        counts[is_white] / counts[is_white].sum() for counts in (count, true_count)
    ]
    return {
        "n": len(y),
        "right": proportion(is_right.sum(), len(y)),
        "right_of_kind": {kind: float(is_right[y == kind].mean()) for kind in kinds},
        "found": float(found.mean()),
        "extra": float((len(is_unfamiliar) - found.sum()) / len(y)),
        "unfamiliar": float(np.mean(is_unfamiliar)),
        "accuracy_on_images": clf.score(X, y),
        "count": dict(zip(kinds, count.tolist(), strict=True)),
        "true_count": dict(zip(kinds, true_count.tolist(), strict=True)),
        "largest_difference": float(np.abs(fractions[0] - fractions[1]).max()),
    }


# -- intervals, and the scale of the images --------------------------------------------


def measure_intervals():
    return {
        f"{m}×{n}" + ("" if concentration is None else ", clustered"): {
            "n_photographs": m,
            "n_cells": n,
            "concentration": concentration,
            **simulate(m, n, concentration),
        }
        for m, n, concentration in SIMULATED
    }


def simulate(n_photographs, n_cells, concentration):
    rng = np.random.default_rng(0)
    is_covered, widths = [], []
    for _ in range(N_SIMULATIONS):
        fractions = FRACTIONS
        if concentration is not None:
            fractions = rng.dirichlet(concentration * FRACTIONS, n_photographs)
        counts = rng.multinomial(n_cells, fractions, n_photographs)
        low, high = multinomial_intervals(counts).T
        is_covered.append((low <= FRACTIONS) & (FRACTIONS <= high))
        widths.append(high[0] - low[0])
    return {
        "simultaneous": float(np.all(is_covered, axis=1).mean()),
        "smallest_of_a_kind": float(np.mean(is_covered, axis=0).min()),
        "mean_width_of_first": float(np.mean(widths)),
    }


def measure_scale_of_bloodmnist():
    X, _ = load_bloodmnist(split="train", return_X_y=True)
    side = X.shape[1]
    diameters = []
    for image in X:
        enlarged = np.clip(np.round(_enlarge(image, ENLARGED)), 0, 255)
        diameters.append(_find_diameters(enlarged.astype(np.uint8)))
    diameters = np.concatenate(diameters) * side / ENLARGED
    low, high = DIAMETERS
    kept = diameters[(low <= diameters) & (diameters <= high)]
    median = _weighted_median(kept, kept**2)
    return {
        "red_cells": {
            "n": len(kept),
            "median_diameter": median,
            "image_um": side / (median / RED_CELL_UM),
        }
    }


# -- time ------------------------------------------------------------------------------


def measure_time():
    photographs = list(load_photographs()["reported"].values())
    find_and_crop(photographs[0])
    seconds = [seconds_of(partial(find_and_crop, pixels)) for pixels in photographs]
    tune = islice(cycle(load_photographs()["tune"].values()), MOSAIC_SIDE**2)
    rows = np.array(list(tune)).reshape(MOSAIC_SIDE, MOSAIC_SIDE, *photographs[0].shape)
    figures = {
        "field": {
            "megapixels": photographs[0].shape[0] * photographs[0].shape[1] / 1e6,
            "median_seconds": float(np.median(seconds)),
            "largest_seconds": max(seconds),
            "n": len(seconds),
        },
        "mosaic": measure_large(np.hstack([np.vstack(row) for row in rows])),
    }
    X, _ = load_bloodmnist(split="test", return_X_y=True)
    for scale, n in LARGE.items():
        smear = make_smear(X[:n], pixels_per_um=scale, random_state=0)
        figures[f"made, {scale}"] = measure_large(smear.image)
    return figures


def find_and_crop(photograph):
    crop_cells(photograph, find_quietly(photograph))


def measure_large(photograph):
    """Return seconds and peak memory of a large photograph, in new processes."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "photograph.npy")
        np.save(path, photograph)
        runs = [json.loads(run_in_new_process(TIME_IT, path)) for _ in range(N_TIMES)]
    megapixels = photograph.shape[0] * photograph.shape[1] / 1e6
    scale = runs[0]["pixels_per_um"]
    return {
        "megapixels": megapixels,
        "reduced_megapixels": megapixels * (PIXELS_PER_UM / scale) ** 2,
        "pixels_per_um": scale,
        "n_cells": runs[0]["n_cells"],
        "seconds": [run["seconds"] for run in runs],
        "median_seconds": float(np.median([run["seconds"] for run in runs])),
        "peak_megabytes": max(run["peak_megabytes"] for run in runs),
    }


MEASURES = {
    "fields": measure_fields,
    "scale": measure_scale,
    "unfamiliar": measure_unfamiliar,
    "masks": measure_masks,
    "made": measure_made,
    "intervals": measure_intervals,
    "scale of BloodMNIST": measure_scale_of_bloodmnist,
    "time": measure_time,
}


def main():
    parser = make_parser(__doc__)
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=list(MEASURES),
        default=list(MEASURES),
        metavar="PART",
        help=f"parts to measure: {', '.join(MEASURES)} (default: all)",
    )
    for part in parser.parse_args().parts:
        figures = MEASURES[part]()
        for name, values in figures.items():
            print(part, name, values, flush=True)
        update_results("fields", {part: figures})


if __name__ == "__main__":
    main()
