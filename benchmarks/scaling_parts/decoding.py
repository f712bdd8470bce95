"""Images per second from JPEG files, and whether decoding or prediction limits them.

The files are made from the images of the sample, enlarged to the sides of two sets of
real files: 224 pixels, and the 360×363 pixels of the images from which BloodMNIST was
made. Enlarged images are smooth, so the files are small. Their size is recorded,
because files of real photographs are larger and take longer to decode.
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from common.timing import seconds_of
from PIL import Image

from skblood import assess, load_bloodmnist_sample, load_pretrained
from skblood._cli.parts import MAX_IMAGES
from skblood.datasets._decode import read_cells

SIDES = {"224×224": (224, 224), "360×363": (360, 363)}
THREADS = (1, 2)
N_FILES, N_REPEATS = 2_000, 3
N_FILES_SHORT, N_REPEATS_SHORT = 300, 1
QUALITY = 90


def measure(short=False):
    """Return images per second of decoding, of prediction, and of the whole command."""
    n_files = N_FILES_SHORT if short else N_FILES
    n_repeats = N_REPEATS_SHORT if short else N_REPEATS
    images = load_bloodmnist_sample("train").images
    images = images[[i % len(images) for i in range(n_files)]]
    prediction = {
        str(n): n_files / _seconds_of_prediction(images, n, n_repeats) for n in THREADS
    }
    files = {}
    for name, side in SIDES.items():
        with TemporaryDirectory() as folder:
            paths = _write_files(images, side, Path(folder, "cells"))
            files[name] = _measure_files(paths, n_repeats)
            files[name]["kilobytes_per_file"] = _mean_size(paths) / 1e3
    for figures in files.values():
        figures["limit"] = {
            n: "decoding" if speed < prediction[n] else "prediction"
            for n, speed in figures["decoding_images_per_s"].items()
        }
    return {
        "n_files": n_files,
        "jpeg_quality": QUALITY,
        "prediction_images_per_s": prediction,
        "files": files,
    }


def _write_files(images, side, folder):
    folder.mkdir()
    paths = [folder / f"cell{i}.jpg" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        enlarged = Image.fromarray(image).resize(side, Image.Resampling.BICUBIC)
        enlarged.save(path, quality=QUALITY)
    return paths


def _mean_size(paths):
    return sum(path.stat().st_size for path in paths) / len(paths)


def _measure_files(paths, n_repeats):
    decoding = {str(n): _seconds_of_decoding(paths, n, n_repeats) for n in THREADS}
    # A run of one file shows how long Python, torch and the model take to load.
    start_up = _seconds_of_command(paths[:1], n_repeats)
    command = _seconds_of_command([paths[0].parent], n_repeats)
    return {
        "decoding_images_per_s": {n: len(paths) / s for n, s in decoding.items()},
        "command_images_per_s": len(paths) / command,
        "command_s": command,
        "start_up_s": start_up,
        "command_images_per_s_without_start_up": (len(paths) - 1)
        / (command - start_up),
        "command_threads": os.cpu_count(),
    }


def _seconds_of_decoding(paths, n_threads, n_repeats):
    def decode():
        # As many files at a time as the command reads.
        for start in range(0, len(paths), MAX_IMAGES):
            block = paths[start : start + MAX_IMAGES]
            read_cells(block, size=28, crop=None, n_jobs=n_threads)

    return median(seconds_of(decode) for _ in range(n_repeats))


def _seconds_of_prediction(images, n_threads, n_repeats):
    clf, before = load_pretrained(), torch.get_num_threads()

    def predict():
        for start in range(0, len(images), MAX_IMAGES):
            assess(clf, images[start : start + MAX_IMAGES])

    torch.set_num_threads(n_threads)
    try:
        predict()  # The first call includes the imports of torch.
        return median(seconds_of(predict) for _ in range(n_repeats))
    finally:
        torch.set_num_threads(before)


def _seconds_of_command(paths, n_repeats):
    """Return the seconds of ``skblood predict -o``, in a process of its own."""
    with TemporaryDirectory() as folder:
        output = Path(folder, "out.csv")
        command = [sys.executable, "-m", "skblood", "predict", *paths, "-o", output]

        def predict():
            subprocess.run(command, check=True, capture_output=True)

        return median(seconds_of(predict) for _ in range(n_repeats))
