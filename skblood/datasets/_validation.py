"""Check the arguments of the loaders before anything is read or downloaded."""

import os
from numbers import Integral

import numpy as np


def check_splits(split, available):
    """Return `split`, a name or a sequence of names, as a tuple of valid names."""
    if not isinstance(split, str | tuple | list):
        raise TypeError(
            f"split must be a str, or a tuple or list of str, got {split!r} "
            f"of type {type(split).__name__}."
        )
    splits = (split,) if isinstance(split, str) else tuple(split)
    if not splits:
        raise ValueError(
            f"split must name at least one of {_join(available)}, got {split!r}."
        )
    for name in splits:
        check_option("split", name, available, of_type=str)
    if len(set(splits)) < len(splits):
        raise ValueError(f"split must name each split only once, got {split!r}.")
    return splits


def check_option(name, value, options, *, of_type):
    """Raise an error unless `value` is of the given type and one of the options."""
    if not isinstance(value, of_type) or isinstance(value, bool):
        kind = "an int" if of_type is Integral else f"a {of_type.__name__}"
        raise TypeError(
            f"{name} must be {kind} that is one of {_join(options)}, got {value!r} "
            f"of type {type(value).__name__}."
        )
    if value not in options:
        raise ValueError(f"{name} must be one of {_join(options)}, got {value!r}.")


def check_labels(labels):
    """Raise an error unless `labels` is "numbers" or "names"."""
    check_option("labels", labels, ("numbers", "names"), of_type=str)


def check_flags(**flags):
    """Raise an error unless every flag is a bool."""
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise TypeError(
                f"{name} must be a bool, got {value!r} of type {type(value).__name__}."
            )


def check_folder(folder):
    """Raise an error unless `folder` can be a path."""
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(
            f"folder must be a str or a path-like object, got {folder!r} of type "
            f"{type(folder).__name__}."
        )


def check_mmap_mode(mmap_mode, splits):
    """Raise an error unless `mmap_mode` is None, or "r" with a single split."""
    if mmap_mode is None:
        return
    check_option("mmap_mode", mmap_mode, (None, "r"), of_type=str)
    if len(splits) > 1:
        raise ValueError(
            f"mmap_mode='r' needs one split, got split={splits!r}. Load each split on "
            "its own: joining them would copy the images into memory."
        )


def check_data_home(data_home):
    """Raise an error unless `data_home` is a path or None."""
    if data_home is not None and not isinstance(data_home, str | os.PathLike):
        raise TypeError(
            f"data_home must be a str, a path-like object or None, got {data_home!r} "
            f"of type {type(data_home).__name__}."
        )


def _join(options):
    return ", ".join(map(repr, options))
