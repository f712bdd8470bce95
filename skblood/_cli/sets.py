"""The option ``--sets`` of ``skblood predict``: sets of classes with a guarantee."""

import numpy as np


def check_sets(options, classifier):
    """Raise ValueError before any work if the model cannot give the sets.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments of ``skblood predict``.
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier
    """
    if options.sets is None:
        return
    if options.adapt:
        raise ValueError(
            "Expected --sets without --adapt, got both. The guarantee of the sets "
            "holds only for images like those on which the model was calibrated."
        )
    if getattr(classifier, "calibration_", None) is None:
        raise ValueError(
            f"Expected a calibrated model for --sets, got {options.model}. Calibrate "
            "it with sorted images that it was not trained on: skblood calibrate "
            f"SORTED --model {options.model} -o calibrated.safetensors"
        )
    no_images = np.empty((0, len(classifier.classes_)))
    classifier.calibration_.find_sets(no_images, options.sets)


def assess_images(classifier, images, coverage):
    """Assess images, and find their sets.

    Parameters
    ----------
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier
    images : ndarray of shape (n, H, W, C)
    coverage : float or None
        With None, there are no sets.

    Returns
    -------
    Bunch
        The return value of `skblood.assess`, with `sets`: a bool array of shape
        (n, n_classes), or None.
    """
    from skblood import assess
    from skblood.calibration import find_calibration

    found = assess(classifier, images)
    found.sets = None
    if coverage is not None:
        calibration = find_calibration(classifier)
        found.sets = calibration.find_sets(found.probabilities, coverage)
    return found


def describe_sets(tally, coverage):
    """Return how many sets have several classes, and what is guaranteed.

    Parameters
    ----------
    tally : Tally
    coverage : float or None

    Returns
    -------
    str or None
    """
    if coverage is None or tally.n_images == 0:
        return None
    return (
        f"Sets with more than one class: {tally.n_ambiguous} of {tally.n_images}. On "
        f"average, at least {100 * coverage:g} % of the sets contain the true class, "
        "if the images come from the same source as those of the calibration."
    )
