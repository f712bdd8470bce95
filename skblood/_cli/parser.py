"""The commands of the command line with their arguments and help."""

import argparse

from skblood import __version__
from skblood._cli.arguments import (
    add_adapt,
    add_crop,
    add_folder,
    add_images,
    add_model,
    fraction,
    number_of_folds,
    positive_integer,
    scale,
)
from skblood._cli.audit import SUSPECT_FORMATS, audit
from skblood._cli.commands import calibrate, evaluate, predict, suggest, train
from skblood._cli.convert import convert
from skblood._cli.count import FORMATS, count
from skblood._cli.inputs import DEFAULT_MODEL, DEFAULT_SIZE, ROBUST_MODEL
from skblood._cli.parts import parse_part
from skblood._cli.writers import WRITERS

PREDICT_EPILOG = """\
examples:
  skblood predict cells/ --format csv > cells.csv
  skblood predict foreign/ --crop auto --adapt

The pretrained models are bloodmnist-28, bloodmnist-28-robust (better on images
of other microscopes) and bloodmnist-28-tiny (small and fast). They distinguish
basophil, eosinophil, erythroblast, immature granulocytes, lymphocyte, monocyte,
neutrophil and platelet. Each image must show one cell in its middle.

A model is accurate only on images like those it was trained on: of the same
microscope, stain and magnification. An image that does not resemble them is
called unfamiliar, and a prediction with a probability below 0.85 unsure. A
kind of cells that the model does not know is often, but not always, found.
For photographs of a smear with many cells, use skblood count.
"""

COUNT_EPILOG = """\
examples:
  skblood count smear/*.jpg
  skblood count smear/ -o report

The photographs must show a stained smear in colour, sharp, with background
between the cells, at the same magnification and without overlap. The scale is
measured from the red cells. Cells that the edge of a photograph cuts are not
counted. The pretrained models know only one microscope and stain. If most cells
are unfamiliar, do not rely on the count, and train a model of your own.
"""


def make_parser():
    """Return the parser. Its result has the command's function in the attribute `run`.

    Returns
    -------
    argparse.ArgumentParser
    """
    parser = argparse.ArgumentParser(
        prog="skblood",
        description="Classify images of blood cells, and count the kinds of white "
        "cells in photographs of a smear. For research and teaching, not for "
        "diagnosis.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_count(commands)
    _add_predict(commands)
    _add_suggest(commands)
    _add_train(commands)
    _add_calibrate(commands)
    _add_evaluate(commands)
    _add_audit(commands)
    _add_convert(commands)
    return parser


def _add_count(commands):
    command = _add_command(
        commands,
        count,
        "Count the white cells of each kind in photographs of a smear.",
        epilog=COUNT_EPILOG,
    )
    command.add_argument(
        "photographs",
        nargs="+",
        metavar="PHOTO",
        help="a photograph of a smear, or a folder: all files in it and in its "
        "sub-folders are read. All photographs are of one smear",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="REPORT",
        help="a new or empty folder for the report: the tables, the photographs with "
        "the kinds of the cells, a contact sheet, and an image of each cell",
    )
    add_model(command, described=f"{DEFAULT_MODEL}, or {ROBUST_MODEL} with --adapt")
    add_adapt(command)
    command.add_argument(
        "--pixels-per-um",
        type=scale,
        metavar="NUMBER",
        help="number of pixels per micrometre (default: measured by the red cells)",
    )
    command.add_argument(
        "--format",
        choices=FORMATS,
        default="table",
        help="format of the output; json has each cell too (default: %(default)s)",
    )


def _add_predict(commands):
    command = _add_command(
        commands,
        predict,
        "Print the predicted class of each image, its probability, and whether the "
        "prediction is doubtful.",
        epilog=PREDICT_EPILOG,
    )
    add_images(command)
    add_model(command, described=f"{DEFAULT_MODEL}, or {ROBUST_MODEL} with --adapt")
    add_crop(command)
    add_adapt(command)
    command.add_argument(
        "--sets",
        type=fraction,
        metavar="COVERAGE",
        help="give each image a set of classes instead of one: on average, at least "
        "this fraction of the sets contain the true class, such as 0.99. Needs a "
        "calibrated model; the pretrained models are calibrated. The guarantee does "
        "not hold for another microscope",
    )
    command.add_argument(
        "--format",
        choices=WRITERS,
        help="format of the output; csv and json contain the probabilities of all "
        "classes (default: table)",
    )
    command.add_argument(
        "--bare",
        action="store_true",
        help="print the most probable class in the table, also if it is doubtful",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the predictions to this file, whose name ends in .csv or .parquet. "
        "It appears when it is complete",
    )
    command.add_argument(
        "--part",
        type=parse_part,
        metavar="K/N",
        help="divide the list of files into N parts of about the same length, and "
        "predict the part K (from 1 to N) only. All parts in order give the output of "
        "a single run",
    )
    command.add_argument(
        "--resume",
        action="store_true",
        help="with -o: continue a run that was stopped. If the file is complete, do "
        "nothing",
    )


def _add_suggest(commands):
    command = _add_command(
        commands,
        suggest,
        "Copy the images that are worth labelling first to a new folder.",
    )
    add_images(command)
    command.add_argument(
        "-n",
        "--number",
        type=positive_integer,
        default=50,
        metavar="N",
        help="number of images to choose (default: %(default)s)",
    )
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FOLDER",
        help="the chosen images are copied to this folder, which must be new or empty",
    )
    add_model(command, ROBUST_MODEL)
    add_crop(command)


def _add_train(commands):
    command = _add_command(
        commands,
        train,
        "Train a model on images that are sorted into one sub-folder for each class.",
    )
    add_folder(command)
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="the model is written to this file, whose name usually ends in "
        ".safetensors",
    )
    command.add_argument(
        "--start",
        metavar="MODEL",
        help="start from the weights of this model: a model file, or the name of a "
        "pretrained model. This usually gives a better model if there are few images "
        "(default: start from random weights)",
    )
    command.add_argument(
        "--size",
        type=positive_integer,
        metavar="PIXELS",
        help="width and height to which the images are resized (default: those of the "
        f"model of --start, otherwise {DEFAULT_SIZE})",
    )
    add_crop(command)
    command.add_argument(
        "--epochs",
        type=positive_integer,
        metavar="N",
        help="number of epochs: how often the training uses each image (default: "
        "depends on the number of images)",
    )
    command.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="random seed: training twice on the same computer with the same seed and "
        "the same number of threads gives the same model (default: each training gives "
        "a different model)",
    )


def _add_calibrate(commands):
    command = _add_command(
        commands,
        calibrate,
        "Calibrate a model: learn how its probabilities have to change, so that they "
        "can be relied on. The labels that it predicts stay the same. The folder needs "
        "a few hundred images on which the model was not trained.",
    )
    add_folder(command)
    add_model(command, DEFAULT_MODEL)
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="FILE",
        help="the calibrated model is written to this file",
    )
    add_crop(command)


def _add_evaluate(commands):
    command = _add_command(
        commands,
        evaluate,
        "Print precision and recall of a model for each class, on images that are "
        "sorted into one sub-folder for each class.",
    )
    add_folder(command)
    add_model(command, described=f"{DEFAULT_MODEL}, or {ROBUST_MODEL} with --adapt")
    add_crop(command)
    add_adapt(command)


def _add_audit(commands):
    command = _add_command(
        commands,
        audit,
        "List images whose labels are probably wrong, images that occur twice, and "
        "images unlike all others. No image is moved or changed.",
    )
    add_folder(command)
    command.add_argument(
        "-o",
        "--output",
        metavar="REPORT",
        help="a new or empty folder for the report: the list of all suspects, the list "
        "of duplicates, and a contact sheet",
    )
    command.add_argument(
        "--model",
        default=ROBUST_MODEL,
        help="the model whose embeddings are used: a file that `skblood train` wrote, "
        "or the name of a pretrained model. It must not be a model that was trained "
        "on these images, because it can hide their errors (default: %(default)s)",
    )
    add_crop(command)
    command.add_argument(
        "--folds",
        type=number_of_folds,
        default=5,
        metavar="N",
        help="number of parts of the images: each part is predicted by a model that "
        "was fitted to the other parts (default: %(default)s)",
    )
    command.add_argument(
        "--format",
        choices=SUSPECT_FORMATS,
        default="table",
        help="format of the output; csv and json list all suspects, and table the "
        "first 20 (default: %(default)s)",
    )


def _add_convert(commands):
    command = _add_command(
        commands,
        convert,
        "Write a folder of pictures as arrays (shards) that training reads from the "
        "disk, for more images than fit into memory.",
    )
    command.add_argument(
        "folder",
        metavar="FOLDER",
        help="folder with one sub-folder of images for each class, or with images "
        "without labels",
    )
    command.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="SHARDS",
        help="a new or empty folder for the arrays and the table files.csv",
    )
    command.add_argument(
        "--size",
        type=positive_integer,
        default=DEFAULT_SIZE,
        metavar="PIXELS",
        help="width and height to which the images are resized (default: %(default)s)",
    )
    command.add_argument(
        "--crop",
        type=positive_integer,
        metavar="PIXELS",
        help="side of the square that is cut from the centre of each image before the "
        "image is resized (default: the largest possible square)",
    )
    command.add_argument(
        "--shard-size",
        type=positive_integer,
        metavar="N",
        help="number of images in each array; the images of one array are in memory at "
        "a time (default: at most 65,536 images and 256 MiB)",
    )
    command.add_argument(
        "--shuffle",
        action="store_true",
        help="write the images in a random order, the same each time, instead of "
        "sorted by class; the table says which is which",
    )


def _add_command(commands, run, description, epilog=None):
    command = commands.add_parser(
        run.__name__,
        help=description,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command
