"""The data sets of medmnist: URLs, checksums, class names and numbers of images."""

import ast
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

# In medmnist's INFO, the keys of this image size have no suffix.
ORIGINAL_SIZE = 28


@dataclass(frozen=True)
class Archive:
    """One downloadable file: all splits of a data set at one image size."""

    title: str
    filename: str
    url: str
    md5: str
    size: int


@dataclass(frozen=True)
class Collection:
    """A data set of medmnist, such as BloodMNIST.

    `target_names` are the short names of the classes; `long_names` are those of
    medmnist.
    """

    title: str
    description: str
    license: str
    n_channels: int
    n_samples: dict[str, int]
    target_names: list[str]
    long_names: list[str]
    archives: dict[int, Archive]


@functools.cache
def medmnist_info():
    """Return medmnist's information about its data sets, a dict for each name."""
    return _read_info(_find_info_file())


def names():
    """Return the names of the data sets of 2D images with one label for each image."""
    return [
        name for name, info in medmnist_info().items() if _has_single_labels(name, info)
    ]


def collection(name):
    """Return the data set that has this name in medmnist."""
    info = medmnist_info()[name]
    long_names = [info["label"][key] for key in sorted(info["label"], key=int)]
    return Collection(
        title=info["python_class"],
        description=info["description"],
        license=info["license"],
        n_channels=info["n_channels"],
        n_samples=info["n_samples"],
        target_names=[short_name(name) for name in long_names],
        long_names=long_names,
        archives=_archives(name, info),
    )


def short_name(name):
    """Return the part of a class name before the first bracket.

    Parameters
    ----------
    name : str
        A class name of medmnist, such as "immature granulocytes(myelocytes,
        metamyelocytes and promyelocytes)".

    Returns
    -------
    str
        Without spaces at either end. A name that begins with a bracket is returned
        unchanged.
    """
    return name.partition("(")[0].strip() or name


def _has_single_labels(name, info):
    return not name.endswith("3d") and not info["task"].startswith("multi-label")


def _archives(name, info):
    suffixes = [key.removeprefix("url") for key in info if key.startswith("url")]
    archives = [
        Archive(
            title=info["python_class"],
            filename=f"{name}{suffix}.npz",
            url=info[f"url{suffix}"],
            md5=info[f"MD5{suffix}"],
            size=int(suffix.removeprefix("_") or ORIGINAL_SIZE),
        )
        for suffix in suffixes
    ]
    return {archive.size: archive for archive in archives}


def _find_info_file():
    # `find_spec` finds a top-level package without importing it. Importing medmnist
    # would import torch and torchvision, which takes seconds and fails if their
    # versions do not match. Importing medmnist.info would create ~/.medmnist.
    spec = importlib.util.find_spec("medmnist")
    if spec is None:
        raise ImportError(
            "The medmnist package, which provides the URLs and checksums, is not "
            "installed. Run `pip install medmnist`, or use load_bloodmnist_sample(), "
            "which does not need this package."
        )
    return Path(spec.submodule_search_locations[0]) / "info.py"


def _read_info(path):
    """Return the literal that the module at `path` assigns to INFO."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and _assigns(node, "INFO"):
            return ast.literal_eval(node.value)
    raise ImportError(
        f"Expected an assignment to INFO in {path}, got none. This version of medmnist "
        "is not supported. Install another version."
    )


def _assigns(node, name):
    return any(getattr(target, "id", None) == name for target in node.targets)
