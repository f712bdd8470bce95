"""Messages, progress, and checks of the paths that are written to."""

import os
import sys
from pathlib import Path

from skblood._cli.writers import printable


def print_message(message, next_command=None):
    """Print a message on the standard error, and a command to type on its own line."""
    if message is not None:
        print(f"skblood: {printable(message)}", file=sys.stderr)
    if next_command is not None:
        print(f"  {printable(next_command)}", file=sys.stderr)


def check_is_new(folder):
    """Raise an error before any work if a folder cannot be created."""
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"Expected a new folder, got the file {folder}.")
    if folder.is_dir() and any(folder.iterdir()):
        raise FileExistsError(
            f"Expected a new or an empty folder, got {folder}, which contains files. "
            "Choose another folder."
        )
    check_can_write(folder / "image" if folder.is_dir() else folder)


def check_is_outside(output, inputs):
    """Raise ValueError if the output would be in a folder of images.

    A second run would read it as an image. The parts of a job array would be parts of
    different lists of files, because the outputs of other parts appear in the folder.
    """
    for path in map(Path, inputs):
        if path.is_dir() and output.resolve().is_relative_to(path.resolve()):
            raise ValueError(
                f"Expected an output outside of the images, got {output}, which is in "
                f"{path}: the next run would read it as an image. Choose another "
                "--output."
            )


def check_can_write(path):
    """Raise OSError before any work if a file cannot be written."""
    folder = Path(path).absolute().parent
    if Path(path).is_dir():
        raise IsADirectoryError(
            f"{path} cannot be written: it is a folder. Pass the path of a file."
        )
    if not folder.is_dir():
        raise FileNotFoundError(
            f"{path} cannot be written: the folder {folder} does not exist. Create "
            "the folder first."
        )
    if not os.access(folder, os.W_OK):
        raise PermissionError(
            f"{path} cannot be written: the folder {folder} is read-only. Choose "
            "another folder."
        )


def progress_bar(total, unit=" images", *, prints_meanwhile=True):
    """Return a progress bar on the standard error, if this is a terminal.

    If the command prints its results to the same terminal while it works, these show
    the progress, and the bar is hidden.
    """
    from tqdm import tqdm

    hidden = prints_meanwhile and sys.stdout.isatty()
    hidden = hidden or not sys.stderr.isatty()
    return tqdm(total=total, unit=unit, file=sys.stderr, disable=hidden)
