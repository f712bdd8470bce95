"""Draw the sample of BloodMNIST that is part of the package.

    python -m tools.make_bloodmnist_sample

It reads the full data (see `load_bloodmnist` for where) and writes the images and their
index to skblood/datasets/data. The draw is seeded: it gives the same files again.
"""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

import skblood.datasets
from skblood.datasets import load_bloodmnist
from skblood.datasets._contact_sheet import pack
from skblood.datasets._sample import INDEX, SHEET

FOLDER = Path(skblood.datasets.__file__).parent / "data"
IMAGES_PER_CLASS = {"train": 200, "test": 50}
SEED = 0
N_COLUMNS = 40  # 40 x 50 tiles: a nearly square sheet, which compresses well


def main():
    bunches = {name: load_bloodmnist(split=name) for name in ("train", "val", "test")}
    drawn = draw(bunches)
    images = [bunches[name].images[drawn[name]] for name in drawn]
    write_sheet(np.concatenate(images), FOLDER / SHEET)
    write_index(make_index(bunches, drawn), FOLDER / INDEX)


def draw(bunches):
    """Return the sorted indices of the images drawn from each split, by its name."""
    copies = Counter(image.tobytes() for b in bunches.values() for image in b.images)
    # RandomState, since its stream of numbers is frozen; that of Generator is not.
    random_state = np.random.RandomState(SEED)
    drawn = {}
    for name, n_images in IMAGES_PER_CLASS.items():
        bunch = bunches[name]
        unique = np.array([copies[image.tobytes()] == 1 for image in bunch.images])
        drawn[name] = draw_classes(bunch.target, unique, n_images, random_state)
    return drawn


def draw_classes(target, allowed, n_images, random_state):
    """Return the sorted indices of `n_images` allowed images of each class."""
    candidates = [np.flatnonzero(allowed & (target == i)) for i in np.unique(target)]
    chosen = [random_state.choice(c, n_images, replace=False) for c in candidates]
    return np.sort(np.concatenate(chosen))


def make_index(bunches, drawn):
    """Return what the sample needs to know besides the pixels."""
    return {
        "size": bunches["train"].images.shape[1],
        "target_names": bunches["train"].target_names,
        "splits": {
            name: {
                "indices": indices.tolist(),
                "target": bunches[name].target[indices].tolist(),
            }
            for name, indices in drawn.items()
        },
    }


def write_sheet(images, path):
    sheet = Image.fromarray(pack(images, N_COLUMNS))
    part = path.with_suffix(".part")
    sheet.save(part, format="WEBP", lossless=True, quality=100, method=6)
    os.replace(part, path)


def write_index(index, path):
    part = path.with_suffix(".part")
    part.write_text(json.dumps(index, separators=(",", ":")) + "\n", encoding="utf-8")
    os.replace(part, path)


if __name__ == "__main__":
    main()
