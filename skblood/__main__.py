"""The command line: ``skblood predict``, ``skblood train``, ``skblood evaluate``."""

import argparse
import gc
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np

from skblood import __version__
from skblood._prediction_writers import WRITERS, printable

# Files that are read, classified and printed before the next ones are: as many, or as
# many as make so many pixels.
CHUNK, CHUNK_PIXELS = 256, 2**24
DEFAULT_MODEL = "bloodmnist-28"
DEFAULT_SIZE = 28


def run():
    """Run the command line as a process of its own, from start to end."""
    # With torch come half a million objects that stay. To look through them for garbage
    # again and again, and once more at the end, takes a quarter of the time.
    gc.set_threshold(100_000)
    status = main()
    gc.freeze()
    sys.exit(status)


def main(arguments=None):
    """Run the command line; return the exit status."""
    options = _make_parser().parse_args(arguments)
    # A name that the terminal cannot show must not end the work.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
    except BrokenPipeError:
        # Who reads has seen enough; without this Python complains at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, ImportError) as error:
        print(f"skblood: {printable(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def predict(options):
    """Print the class of each image, and how probable it is."""
    paths = _find_files(options.images)
    classifier = _load(options.model)
    n_at_a_time = max(1, min(CHUNK, CHUNK_PIXELS // _side_of(classifier) ** 2))
    n_failed = 0
    with (
        WRITERS[options.format](classifier.classes_) as writer,
        _progress_bar(len(paths)) as bar,
    ):
        for start in range(0, len(paths), n_at_a_time):
            part = paths[start : start + n_at_a_time]
            readable, cells = _read(part, classifier, options.crop)
            if readable:
                writer.write(readable, classifier.predict_proba(cells))
                sys.stdout.flush()
            n_failed += len(part) - len(readable)
            bar.update(len(part))
    return int(n_failed > 0)


def train(options):
    """Learn from a folder with one sub-folder a class, and write a model."""
    from skblood import load_cell_images, save_model

    _check_can_write(options.output)
    classifier, size = _start(options)
    cells = load_cell_images(options.folder, size=size, crop=options.crop)
    labels = _labels_of(cells, options.folder)
    with redirect_stdout(sys.stderr):
        classifier.fit(cells.images, labels)
    # How it was called is no business of the model's.
    classifier.set_params(warm_start=False, verbose=0)
    save_model(classifier, options.output)
    print(f"{options.output}: {len(cells.target_names)} classes, {len(labels)} images")
    return 0


def evaluate(options):
    """Print how well a model does on a folder with one sub-folder a class."""
    from sklearn.metrics import classification_report

    from skblood import load_cell_images

    classifier = _load(options.model)
    cells = load_cell_images(
        options.folder, size=_side_of(classifier), crop=options.crop
    )
    labels = _labels_of(cells, options.folder)
    known = classifier.classes_.astype(str)
    unknown = np.setdiff1d(labels, known)
    if len(unknown):
        raise ValueError(
            f"{options.folder} has the classes {', '.join(unknown)}, which the model "
            f"does not know; it knows {', '.join(known)}."
        )
    predicted = classifier.predict(cells.images).astype(str)
    print(classification_report(labels, predicted, digits=3, zero_division=0))
    return 0


def _find_files(names):
    """Return the files that were named, and those in folders that were named."""
    from skblood.datasets._folder import files_below

    paths = []
    for path in map(Path, names):
        if not path.exists():
            raise FileNotFoundError(f"there is no file or folder {path}.")
        found = files_below(path) if path.is_dir() else [path]
        if not found:
            raise ValueError(f"{path} is empty: no images were found.")
        paths += found
    return paths


def _load(model):
    """Return a pretrained model by its name, or one from its file."""
    from skblood import load_model, load_pretrained
    from skblood.pretrained import pretrained_names

    if model in pretrained_names():
        return load_pretrained(model)
    if not Path(model).exists():
        raise FileNotFoundError(
            f"there is no model file {model}, and no pretrained model of that name; "
            f"there are {', '.join(pretrained_names())}."
        )
    return load_model(model)


def _start(options):
    """Return the classifier that is to be fitted, and the side of its images."""
    from skblood import BloodCNNClassifier

    if options.start is None:
        classifier, size = BloodCNNClassifier(), options.size or DEFAULT_SIZE
    else:
        classifier = _load(options.start)
        size = _side_of(classifier)
        if options.size not in (None, size):
            raise ValueError(
                f"--size {options.size}: the model of --start takes images of "
                f"{size}×{size} pixels."
            )
    classifier.set_params(
        warm_start=options.start is not None,
        max_epochs=options.epochs or "auto",
        random_state=options.seed,
        verbose=int(sys.stderr.isatty()),
    )
    return classifier, size


def _side_of(classifier):
    height, width, n_channels = classifier.image_shape_
    if height != width or n_channels != 3:
        raise ValueError(
            f"the model takes images of {height}×{width} pixels and {n_channels} "
            "channels; the command line reads square images in colour."
        )
    return height


def _read(paths, classifier, crop):
    """Return the files that could be read, and their pixels; tell of the others."""
    from skblood.datasets._decode import read_cells

    cells = read_cells(paths, size=_side_of(classifier), crop=crop, n_jobs=-1)
    for path, cell in zip(paths, cells, strict=True):
        if isinstance(cell, Exception):
            print(f"skblood: {printable(path)}: {cell}", file=sys.stderr)
    readable = [i for i, cell in enumerate(cells) if isinstance(cell, np.ndarray)]
    return [paths[i] for i in readable], np.array([cells[i] for i in readable])


def _labels_of(cells, folder):
    if cells.target is None:
        raise ValueError(f"{folder} has no sub-folders, whose names are the classes.")
    return np.array(cells.target_names)[cells.target]


def _check_can_write(path):
    """Before hours of training rather than after them."""
    folder = Path(path).absolute().parent
    if Path(path).is_dir():
        raise IsADirectoryError(f"{path} cannot be written: it is a folder.")
    if not folder.is_dir():
        raise FileNotFoundError(f"{path} cannot be written: there is no {folder}.")
    if not os.access(folder, os.W_OK):
        raise PermissionError(f"{path} cannot be written: {folder} is read-only.")


def _progress_bar(n_images):
    from tqdm import tqdm

    # Where the predictions themselves scroll by, they show the progress.
    hidden = sys.stdout.isatty() or not sys.stderr.isatty()
    return tqdm(total=n_images, unit=" images", file=sys.stderr, disable=hidden)


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="skblood",
        description="Tell blood cells apart: for research, not for diagnosis.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    crop = argparse.ArgumentParser(add_help=False)
    crop.add_argument(
        "--crop",
        type=_positive,
        metavar="PIXELS",
        help="side of the square that is cut from the middle of each image before it "
        "is resized (default: the largest there is)",
    )
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model",
        default=DEFAULT_MODEL,
        metavar="FILE",
        help="of `skblood train`, or the name of a pretrained model (default: "
        "%(default)s)",
    )
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument("folder", metavar="FOLDER", help="one sub-folder a class")

    command = _add_command(commands, predict, [model, crop])
    command.add_argument("images", nargs="+", metavar="IMAGE", help="a file or folder")
    command.add_argument("--format", choices=WRITERS, default="table")

    command = _add_command(commands, train, [folder, crop])
    command.add_argument("-o", "--output", required=True, metavar="FILE")
    command.add_argument(
        "--start",
        metavar="MODEL",
        help="a file, or a pretrained model, whose features are trained further: "
        "better where there are few images",
    )
    command.add_argument(
        "--size",
        type=_positive,
        help="side in pixels that images are resized to (default: that of --start, or "
        f"{DEFAULT_SIZE})",
    )
    command.add_argument(
        "--epochs",
        type=_positive,
        help="passes over the images (default: as many as they need)",
    )
    command.add_argument("--seed", type=int, help="the same seed, the same model")

    _add_command(commands, evaluate, [folder, model, crop])
    return parser


def _add_command(commands, run, parents):
    command = commands.add_parser(
        run.__name__, parents=parents, help=run.__doc__, description=run.__doc__
    )
    command.set_defaults(run=run)
    return command


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not a positive number")
    return value


if __name__ == "__main__":
    run()
