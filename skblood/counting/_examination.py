"""From a photograph to named cells: the steps of a count, one photograph at a time."""

import numpy as np
from sklearn.utils import Bunch
from sklearn.utils.validation import check_is_fitted

from ..assessment import MIN_PROBABILITY, assess
from ..smears import crop_cells
from ..smears._finding import MAX_EDGE_WIDTH, describe_blur, find_cells_unchecked
from ..smears._photograph import check_photograph
from ..smears._scale import measure_scale
from ._table import PLATELET, find_platelet

# Largest number of photographs whose scale is measured. More would hardly change the
# median.
N_MEASURED = 32


def image_side(classifier):
    """Return the height and width of the images that a classifier takes.

    Parameters
    ----------
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier

    Returns
    -------
    int

    Raises
    ------
    TypeError
        If it is another classifier.
    ValueError
        If it does not take square colour images.
    NotFittedError
        If it is not fitted.
    """
    # `check_is_fitted` of an AdaptedClassifier does not look at its classifier.
    check_is_fitted(getattr(classifier, "classifier", classifier))
    check_is_fitted(classifier)
    if not hasattr(classifier, "image_shape_"):
        raise TypeError(
            "Expected a BloodCNNClassifier, a BloodFNNClassifier or an "
            f"AdaptedClassifier, got {type(classifier).__name__}. For other "
            "classifiers, use find_cells, crop_cells and assess."
        )
    height, width, n_channels = classifier.image_shape_
    if height != width or n_channels != 3:
        raise ValueError(
            "Expected a classifier for square images with 3 channels, got one for "
            f"images of shape {tuple(classifier.image_shape_)}."
        )
    return height


def choose_for_scale(photographs):
    """Return the photographs whose scale is measured, evenly spaced.

    Parameters
    ----------
    photographs : list
        Photographs or their paths.

    Returns
    -------
    list
    """
    n = min(N_MEASURED, len(photographs))
    indices = np.linspace(0, len(photographs) - 1, n).astype(int)
    return [photographs[i] for i in indices]


def measure_common_scale(photographs):
    """Return the median scale of photographs that show red cells.

    A single photograph may show few red cells, and the median is more accurate.

    Parameters
    ----------
    photographs : iterable of array-like
        Those that are invalid are left out.

    Returns
    -------
    float or "auto"
        Pixels per micrometre; "auto" if no photograph shows red cells.
    """
    scales = []
    for photograph in photographs:
        try:
            scale, _ = measure_scale(check_photograph(photograph))
        except (TypeError, ValueError):
            continue
        if scale is not None:
            scales.append(scale)
    return float(np.median(scales)) if scales else "auto"


def examine(photograph, pixels_per_um, size):
    """Find the cells in a photograph, and cut them out.

    Parameters
    ----------
    photograph : array-like of shape (H, W, 3), dtype uint8
    pixels_per_um : float or "auto"
    size : int
        Height and width of the crops in pixels.

    Returns
    -------
    Bunch
        As `find_cells` returns it, without the label image and with "crops".

    Raises
    ------
    TypeError, ValueError
        If the photograph is invalid or out of focus.
    """
    found = find_cells_unchecked(check_photograph(photograph), pixels_per_um)
    if found.edge_width > MAX_EDGE_WIDTH:
        raise ValueError(
            f"{describe_blur(found.edge_width)} Focus, and take the photograph again."
        )
    # A label image is as large as the photograph. The count does not need it.
    del found["labels"]
    found["crops"] = crop_cells(photograph, found, size=size)
    return found


def name_cells(examined, classifier, min_probability=MIN_PROBABILITY):
    """Name the cells of several photographs.

    Parameters
    ----------
    examined : list of Bunch
        From `examine`.
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier
    min_probability : float, default=0.85

    Returns
    -------
    Bunch of str to ndarray
        The arrays "photograph", "box", "area", "kind", "probability", "familiarity" and
        "state"; see `count_cells`.
    """
    boxes = np.concatenate([found.boxes for found in examined])
    crops = np.concatenate([found.crops for found in examined])
    is_platelet = np.concatenate([found.kinds for found in examined]) == PLATELET
    is_cut = np.concatenate([found.is_cut for found in examined])
    kind, probability, familiarity, is_unfamiliar = _classify(
        crops, is_platelet, classifier
    )
    states = [is_cut, is_unfamiliar, probability < min_probability]
    # A part of a cell can look like another kind.
    probability = np.where(is_cut, np.nan, probability)
    familiarity = np.where(is_cut, np.nan, familiarity)
    return Bunch(
        photograph=np.repeat(
            np.arange(len(examined)), [len(found.boxes) for found in examined]
        ),
        box=boxes,
        area=np.concatenate([found.areas for found in examined]),
        kind=kind,
        probability=probability,
        familiarity=familiarity,
        state=np.select(states, ["cut", "unfamiliar", "unsure"], default="sure"),
    )


def _classify(crops, is_platelet, classifier):
    """Return kind, probability and familiarity, and whether a cell is unfamiliar."""
    n, classes = len(crops), classifier.classes_.astype(str)
    if n == 0:
        return np.empty(0, str), np.empty(0), np.empty(0), np.empty(0, bool)
    named = assess(classifier, crops)
    kind = named.labels.astype(str)
    probability = named.probabilities.max(axis=1)
    # A cell that is small and has no nucleus is a platelet, whatever the classifier
    # predicts. If it has such a class, its probability decides whether the cell is
    # doubtful.
    column = find_platelet(classes)
    if column is None:
        name, of_platelet = PLATELET, np.full(n, np.nan)
    else:
        name, of_platelet = classes[column], named.probabilities[:, column]
    kind = np.where(is_platelet, name, kind)
    probability = np.where(is_platelet, of_platelet, probability)
    familiarity = named.familiarity
    if familiarity is None:
        familiarity = np.full(n, np.nan)
    return kind, probability, familiarity, named.is_unfamiliar
