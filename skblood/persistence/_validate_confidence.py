"""Checks of what a model file says about familiarity and calibration."""

import numpy as np

from .._input.images import is_tabular
from .._sklearn_compat import validate_parameter_constraints
from ..calibration import MAX_TEMPERATURE, MIN_TEMPERATURE
from ..familiarity._appearance import count_measures
from ..familiarity._detector import (
    FITTED,
    N_PROTOTYPES,
    UNKNOWN_COLORS_AND_SIZE,
    FamiliarityDetector,
)


def require(condition, problem):
    if not condition:
        raise ValueError(problem)


def check_familiarity(fitted, image_shape, n_embedding, classifier_class):
    """Check the fitted attributes of a `FamiliarityDetector`.

    `n_embedding` is None for a custom network, whose embeddings can have any length.
    """
    names = {"contamination", "cell_radius_", *FITTED}
    fitted = UNKNOWN_COLORS_AND_SIZE | fitted
    require(
        set(fitted) == names,
        f"expected the familiarity entries {sorted(names)}, got {sorted(fitted)}",
    )
    validate_parameter_constraints(
        FamiliarityDetector._parameter_constraints,
        {"contamination": fitted["contamination"]},
        caller_name=classifier_class.__name__,
    )
    radius = fitted["cell_radius_"]
    require(
        radius is None or (isinstance(radius, float) and 0 < radius <= 0.5),
        f"cell_radius_ must be a float up to 0.5, got {radius!r}",
    )
    arrays = [fitted[name] for name in FITTED]
    require(
        all(isinstance(a, np.ndarray) and a.dtype.kind == "f" for a in arrays)
        and all(np.isfinite(a).all() for a in arrays),
        "the familiarity entries must be arrays of finite floats",
    )
    prototypes, mean, precision, densities, covariance, *scores = arrays
    n_prototypes = len(prototypes) if prototypes.ndim == 2 else 0
    require(
        0 < n_prototypes <= N_PROTOTYPES
        and (n_embedding is None or prototypes.shape[1] == n_embedding),
        f"prototypes_ must have the shape (n, {n_embedding or 'n_embedding'}) with n "
        f"from 1 to {N_PROTOTYPES}, got {prototypes.shape}",
    )
    n_measures = 0 if is_tabular(image_shape) else count_measures(image_shape[2])
    require(
        mean.shape == (n_measures,) and precision.shape == (n_measures, n_measures),
        f"the appearance must have {n_measures} measures, got {mean.shape} and "
        f"{precision.shape}",
    )
    n_channels = 0 if densities.shape == (0,) else image_shape[2]
    require(
        densities.shape == (n_channels,) and covariance.shape == (n_channels,) * 2,
        f"the optical densities must have {image_shape[2]} channels, got "
        f"{densities.shape} and {covariance.shape}",
    )
    require(
        len({a.shape for a in scores}) == 1
        and scores[0].ndim == 1
        and len(scores[0]) > 0
        and all((np.diff(a) >= 0).all() for a in scores),
        "the familiarity scores must be sorted and of the same length",
    )


def check_calibration(fitted, n_classes):
    """Check the attributes of a `Calibration`."""
    names = {"temperature", "scores", "counts", "test_time_augmentation"}
    require(
        set(fitted) == names,
        f"expected the calibration entries {sorted(names)}, got {sorted(fitted)}",
    )
    temperature, has_views = fitted["temperature"], fitted["test_time_augmentation"]
    scores, counts = fitted["scores"], fitted["counts"]
    require(
        isinstance(temperature, float)
        and MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE,
        f"the temperature must be a float from {MIN_TEMPERATURE} to {MAX_TEMPERATURE}, "
        f"got {temperature!r}",
    )
    require(
        isinstance(scores, np.ndarray)
        and scores.dtype == np.float16
        and scores.ndim == 1
        and ((scores >= 0) & (scores <= 1)).all(),
        "the calibration scores must be float16 values from 0 to 1",
    )
    require(
        isinstance(counts, np.ndarray)
        and counts.dtype == np.int64
        and counts.shape == (n_classes,)
        and ((counts >= 0) & (counts <= len(scores))).all()
        and counts.sum() == len(scores),
        "the calibration counts must be numbers of scores, one for each class",
    )
    require(
        isinstance(has_views, bool),
        f"test_time_augmentation must be True or False, got {has_views!r}",
    )
