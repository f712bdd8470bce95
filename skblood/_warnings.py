"""Warnings that point at the line of the user's code that caused them."""

import sys
import warnings

# Stack frames of these packages can lie between the user's call and the warning:
# scikit-learn and skorch wrap methods, and contextlib enters context managers.
LIBRARIES = {"skblood", "sklearn", "skorch", "contextlib"}


def warn(message, category=UserWarning):
    """Issue a warning that points at the innermost caller outside of this package.

    A fixed `stacklevel` would depend on how many functions, decorators and context
    managers lie between the public function and the warning.

    Parameters
    ----------
    message : str
    category : type, default=UserWarning
    """
    stacklevel, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_library(frame):
        stacklevel, frame = stacklevel + 1, frame.f_back
    # `stacklevel` counts from `warnings.warn`, whose caller (this function) is 1.
    warnings.warn(message, category, stacklevel=stacklevel)


def warn_deprecated(old, new):
    """Warn about an argument with a deprecated name or value.

    Parameters
    ----------
    old, new : str
        The deprecated argument, and the argument that replaces it.
    """
    warn(
        f"{old} is deprecated and will be removed in skblood 0.3; use {new}.",
        FutureWarning,
    )


def _is_library(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES
