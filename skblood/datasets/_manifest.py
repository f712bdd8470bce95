"""What medmnist knows about its data sets: addresses, checksums, names and counts."""

import ast
import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

# INFO writes the keys of the original size without a suffix.
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
    """A data set of medmnist, such as BloodMNIST."""

    title: str
    description: str
    license: str
    n_channels: int
    n_samples: dict[str, int]
    target_names: list[str]
    archives: dict[int, Archive]


@functools.cache
def medmnist_info():
    """Return what medmnist says of all its data sets."""
    return _read_info(_find_info_file())


def names():
    """Return the names of the sets of single images with one label each."""
    return [name for name, info in medmnist_info().items() if _is_one_label(name, info)]


def collection(name):
    """Return a data set by its name in medmnist."""
    info = medmnist_info()[name]
    return Collection(
        title=info["python_class"],
        description=info["description"],
        license=info["license"],
        n_channels=info["n_channels"],
        n_samples=info["n_samples"],
        target_names=[info["label"][key] for key in sorted(info["label"], key=int)],
        archives=_archives(name, info),
    )


def _is_one_label(name, info):
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
    # `find_spec` locates a top-level package without running it. Importing medmnist
    # would import torch and torchvision, which takes seconds and fails where the two
    # do not match, and its info module creates ~/.medmnist as it is imported.
    spec = importlib.util.find_spec("medmnist")
    if spec is None:
        raise ImportError(
            "Addresses and checksums come from the medmnist package, which is not "
            "installed: `pip install medmnist`, or use load_bloodmnist_sample(), which "
            "does without it."
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
