"""Arguments that several commands have, and the values that arguments can have."""

import argparse


def add_images(command):
    command.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="an image file, or a folder: all files in it and in its sub-folders are "
        "read",
    )


def add_folder(command):
    command.add_argument(
        "folder",
        metavar="FOLDER",
        help="folder with one sub-folder of images for each class; the name of a "
        "sub-folder is the name of the class. Or a folder that `skblood convert` wrote",
    )


def add_model(command, default=None, described=None):
    command.add_argument(
        "--model",
        default=default,
        help="a file that `skblood train` wrote, or the name of a pretrained model "
        f"(default: {described or default})",
    )


def add_crop(command):
    command.add_argument(
        "--crop",
        type=_crop,
        metavar="PIXELS",
        help="side of the square that is cut from the centre of each image before the "
        "image is resized, or auto: a side for which the cells look as large as in the "
        "training images of the model; in `skblood train`, auto needs --start "
        "(default: the largest possible square)",
    )


def add_adapt(command):
    command.add_argument(
        "--adapt",
        action="store_true",
        help="for images of another microscope or stain: match the colours of all "
        "images together to those of the training images. This needs at least 20 "
        "images. It improves the predictions, but the images stay unfamiliar",
    )
    command.add_argument(
        "--classes",
        type=_names,
        metavar="CLASS,CLASS,...",
        help="with --adapt: the classes that can occur in the images; no others are "
        "predicted (default: all classes of the model)",
    )


def _names(text):
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise argparse.ArgumentTypeError(
            f"expected names of classes with commas between them, got {text!r}"
        )
    return names


def _crop(text):
    return text if text == "auto" else positive_integer(text)


def fraction(text):
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            f"expected a number between 0 and 1, such as 0.99, got {text!r}"
        )
    return value


def positive_integer(text):
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return value


def number_of_folds(text):
    value = positive_integer(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"expected at least 2 folds, got {text!r}")
    return value


def scale(text):
    from skblood.smears._scale import MAX_SCALE, MIN_SCALE

    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not MIN_SCALE <= value <= MAX_SCALE:
        raise argparse.ArgumentTypeError(
            f"expected a number from {MIN_SCALE} to {MAX_SCALE}, got {text!r}"
        )
    return value
