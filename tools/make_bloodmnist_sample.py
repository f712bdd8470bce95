"""Draw the sample of BloodMNIST that is part of the package.

    python -m tools.make_bloodmnist_sample

The script reads the full data set from the folder that `load_bloodmnist` uses by
default. It writes the images and their index to skblood/datasets/data. The random draw
is seeded, so each run selects the same images.
"""

import json
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

import skblood.datasets
from skblood._io import atomic_write
from skblood.datasets import _manifest, load_bloodmnist
from skblood.datasets._sample import INDEX, SHEET, pack_tiles

FOLDER = Path(skblood.datasets.__file__).parent / "data"
IMAGES_PER_CLASS = {"train": 200, "test": 50}
SEED = 0
# The 2,000 images become 40 x 50 tiles: a nearly square image, which compresses well.
N_COLUMNS = 40


def main():
    bunches = {name: load_bloodmnist(split=name) for name in ("train", "val", "test")}
    drawn = draw(bunches)
    images = [bunches[name].images[drawn[name]] for name in drawn]
    write_sheet(np.concatenate(images), FOLDER / SHEET)
    write_index(make_index(bunches, drawn), FOLDER / INDEX)


def draw(bunches):
    """Return a dict with the sorted indices of the images drawn from each split."""
    copies = Counter(image.tobytes() for b in bunches.values() for image in b.images)
    # NumPy guarantees that RandomState gives the same numbers in all future versions.
    # It gives no such guarantee for Generator.
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
    """Return the names of the classes, and the origin and label of each image."""
    return {
        "size": bunches["train"].images.shape[1],
        "target_names": bunches["train"].target_names,
        "long_names": _manifest.collection("bloodmnist").long_names,
        "splits": {
            name: {
                "indices": indices.tolist(),
                "target": bunches[name].target[indices].tolist(),
            }
            for name, indices in drawn.items()
        },
    }


def write_sheet(images, path):
    sheet = Image.fromarray(pack_tiles(images, N_COLUMNS))
    content = BytesIO()
    sheet.save(content, format="WEBP", lossless=True, quality=100, method=6)
    atomic_write(path, content.getvalue())


def write_index(index, path):
    content = json.dumps(index, separators=(",", ":")) + "\n"
    atomic_write(path, content.encode())


if __name__ == "__main__":
    main()
