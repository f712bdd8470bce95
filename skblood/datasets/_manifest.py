"""What medmnist knows about BloodMNIST: addresses, checksums, names and counts."""

import ast
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

# INFO writes the keys of the original size without a suffix.
ORIGINAL_SIZE = 28


@dataclass(frozen=True)
class Archive:
    """One downloadable file: all splits of BloodMNIST at one image size."""

    filename: str
    url: str
    md5: str
    size: int


@functools.cache
def bloodmnist_info():
    """Return medmnist's entry on BloodMNIST."""
    return _read_info(_find_info_file())["bloodmnist"]


def archives():
    """Return the `Archive` of each available image size, by size."""
    info = bloodmnist_info()
    suffixes = [key.removeprefix("url") for key in info if key.startswith("url")]
    found = [_archive(info, suffix) for suffix in suffixes]
    return {archive.size: archive for archive in found}


def target_names():
    """Return the class names, in the order of the labels."""
    labels = bloodmnist_info()["label"]
    return [labels[key] for key in sorted(labels, key=int)]


def n_samples():
    """Return the number of images in each split, by the split's name."""
    return bloodmnist_info()["n_samples"]


def _archive(info, suffix):
    return Archive(
        filename=f"bloodmnist{suffix}.npz",
        url=info[f"url{suffix}"],
        md5=info[f"MD5{suffix}"],
        size=int(suffix.removeprefix("_") or ORIGINAL_SIZE),
    )


def _find_info_file():
    # `find_spec` locates a top-level package without running it. Importing medmnist
    # would import torch and torchvision, which takes seconds and fails where the two
    # do not match, and its info module creates ~/.medmnist as it is imported.
    spec = importlib.util.find_spec("medmnist")
    if spec is None:
        raise ImportError(
            "load_bloodmnist takes addresses and checksums from the medmnist package, "
            "which is not installed: `pip install medmnist`, or use "
            "load_bloodmnist_sample(), which does without it."
        )
    return Path(spec.submodule_search_locations[0]) / "info.py"


def _read_info(path):
    """Return the literal that the module at `path` assigns to INFO."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and _assigns(node, "INFO"):
            return ast.literal_eval(node.value)
    raise ImportError(
        f"{path} assigns no INFO: this version of medmnist is not supported."
    )


def _assigns(node, name):
    return any(getattr(target, "id", None) == name for target in node.targets)
