"""The finished predictions of a run of ``skblood predict -o`` that may be killed.

The journal is a folder beside the output. It has one file for each chunk, a number of
image files, and a file with the arguments. Each file is written completely or not at
all. The folder is removed when the output is complete.
"""

import hashlib
import json
import os
import re
import shutil
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skblood import __version__
from skblood._io import atomic_write

ARGUMENTS = "arguments.json"
ARRAYS = ["probabilities", "familiarity", "is_unfamiliar", "is_doubtful", "sets"]


def find_journal(output):
    """Return the folder of the journal of an output file.

    Parameters
    ----------
    output : Path

    Returns
    -------
    Path
    """
    return output.with_name(f"{output.name}.partial")


def is_begun(folder):
    """Return whether there is a journal of an unfinished run.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    bool
    """
    return (folder / ARGUMENTS).exists()


def describe_run(options, paths, size):
    """Return what must be equal, so that a run can continue an earlier one.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments of ``skblood predict``, with the resolved crop and model.
    paths : list of Path
        All files, not only those of the part.
    size : int
        Height and width of the images in pixels. The blocks depend on it.

    Returns
    -------
    dict of str to object
        Values that JSON can hold, by their name in a message.
    """
    return {
        "version of skblood": __version__,
        "model": _identify_model(options.model),
        "images": [os.path.abspath(name) for name in options.images],
        "files in them": _identify_files(paths),
        "size": size,
        "--part": None if options.part is None else "/".join(map(str, options.part)),
        "--crop": options.crop,
        "--adapt": options.adapt,
        "--sets": options.sets,
        "--classes": options.classes,
    }


def _identify_model(model):
    path = Path(model)
    if not path.is_file():  # It is the name of a pretrained model.
        return model
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{path.absolute()} (SHA-256 {digest[:16]})"


def _identify_files(paths):
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path) + b"\0")
    return f"{len(paths)} (SHA-256 {digest.hexdigest()[:16]})"


class Journal:
    """The chunks of a run that are finished.

    Parameters
    ----------
    folder : Path
        It is created if it does not exist.
    run : dict of str to object
        From `describe_run`.

    Raises
    ------
    ValueError
        If the folder is from a run with other arguments.
    """

    def __init__(self, folder, run):
        self.folder = folder
        arguments = folder / ARGUMENTS
        if arguments.exists():
            _check_is_same(_read_arguments(arguments), run, folder)
        else:
            folder.mkdir(exist_ok=True)
            _remove_leftovers(folder)
            atomic_write(arguments, json.dumps(run, indent=1).encode())

    def has(self, number):
        """Return whether a chunk is finished."""
        return self._path(number).exists()

    def write(self, number, found, errors):
        """Keep the predictions of a chunk.

        Parameters
        ----------
        number : int
        found : Bunch or None
            The return value of `assess_images`. None if no file could be read.
        errors : dict of int to str
            The files that could not be read, see `read_images`.
        """
        arrays = {name: found[name] for name in ARRAYS} if found is not None else {}
        arrays = {name: x for name, x in arrays.items() if x is not None}
        buffer = BytesIO()
        np.savez(
            buffer,
            failed=np.array(list(errors), dtype=np.int64),
            reasons=np.array(list(errors.values()), dtype=str),
            **arrays,
        )
        atomic_write(self._path(number), buffer.getvalue())

    def read(self, number, classes):
        """Return the predictions of a finished chunk.

        Parameters
        ----------
        number : int
        classes : ndarray of shape (n_classes,)
            The labels in the order of the probabilities.

        Returns
        -------
        found : Bunch or None
        errors : dict of int to str
            As in `write`.
        """
        path = self._path(number)
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = dict(file)
            errors = dict(
                zip(arrays["failed"].tolist(), arrays["reasons"].tolist(), strict=True)
            )
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{path} is damaged. Delete this file, and run the command again with "
                "--resume."
            ) from error
        if "probabilities" not in arrays:
            return None, errors
        found = Bunch(**{name: arrays.get(name) for name in ARRAYS})
        found.labels = classes[found.probabilities.argmax(axis=1)]
        return found, errors

    def remove(self):
        """Delete the journal."""
        # A folder without the arguments is not a journal. So if the process is killed
        # here, a later run does not take the chunks that are left for its own.
        (self.folder / ARGUMENTS).unlink()
        shutil.rmtree(self.folder)

    def _path(self, number):
        return self.folder / f"{number:06d}.npz"


def _remove_leftovers(folder):
    """Empty a folder that a process left when it was killed at its begin or end."""
    names = [path.name for path in folder.iterdir()]
    ours = r"[0-9]{6,}\.npz|output|\..+\.part"
    others = [name for name in names if not re.fullmatch(ours, name)]
    if others:
        raise FileExistsError(
            f"Expected to write unfinished predictions to the folder {folder}, got a "
            f"folder with other files, such as {others[0]}. Move the folder, or choose "
            "another --output."
        )
    for name in names:
        (folder / name).unlink()


def _read_arguments(path):
    try:
        run = json.loads(path.read_text("utf-8"))
    except ValueError:
        run = None
    if not isinstance(run, dict):
        raise ValueError(
            f"{path} is damaged. Delete the folder {path.parent} to start again."
        )
    return run


def _check_is_same(earlier, run, folder):
    different = [name for name in run if run[name] != earlier.get(name)]
    if different:
        changes = "; ".join(
            f"{name}: {_show(earlier.get(name))} before, {_show(run[name])} now"
            for name in different
        )
        raise ValueError(
            f"Expected the arguments of the run that began {folder}, got others "
            f"({changes}). Repeat the command with the same arguments, or delete the "
            "folder to start again."
        )


def _show(value):
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "none" if value is None else str(value)
