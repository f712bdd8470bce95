"""Knowledge distillation: a network also learns from the predictions of others."""

import copy

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

# The fraction of a training target that is the teachers' prediction. The rest is the
# label.
DISTILLATION_WEIGHT = 0.5


class Teachers:
    """The mean probabilities that fitted classifiers predict for training images [1]_.

    Parameters
    ----------
    classifiers : list of BaseBloodClassifier
        Fitted. They are not changed.
    network : NetworkSpec
        That of the student, which scales the images.
    device : str
        Device of the student.

    References
    ----------
    .. [1] Beyer et al., "Knowledge Distillation: A Good Teacher Is Patient and
       Consistent", CVPR 2022, arXiv:2106.05237.
    """

    def __init__(self, classifiers, network, device):
        self.modules = []
        for classifier in classifiers:
            module = copy.deepcopy(classifier.net_.module_).to(device).eval()
            calibration = classifier.calibration_
            temperature = 1.0 if calibration is None else calibration.temperature
            self.modules.append((module, temperature))
        self.center, self.scale = (
            torch.tensor(values, dtype=network.dtype, device=device)
            for values in (network.center, network.scale)
        )

    @torch.no_grad()
    def __call__(self, images):
        """Return the probabilities for images (n, C, H, W) as the student sees them."""
        pixels = images.permute(0, 2, 3, 1) * self.scale + self.center
        probabilities = [
            (module(pixels).to(images.dtype) / temperature).softmax(dim=1)
            for module, temperature in self.modules
        ]
        return torch.stack(probabilities).mean(dim=0)


def check_teachers(teachers, classes, image_shape, base_class):
    """Raise an error unless these classifiers can teach a new one.

    Parameters
    ----------
    teachers : object
        What the user passed.
    classes : ndarray of shape (n_classes,)
    image_shape : tuple (H, W, C)
    base_class : type
        `BaseBloodClassifier`.

    Raises
    ------
    TypeError
        If it is not a list of skblood's classifiers.
    NotFittedError, ValueError
        If there is none, or if one is not fitted, or is for other classes or images.
    """
    if not isinstance(teachers, list | tuple):
        raise TypeError(
            "Expected teachers to be a list of fitted classifiers, got "
            f"{type(teachers).__name__}."
        )
    if not teachers:
        raise ValueError(
            "Expected teachers to be a list with at least one classifier, got an empty "
            "one. Leave the argument out to train without teachers."
        )
    for teacher in teachers:
        name = type(teacher).__name__
        if not isinstance(teacher, base_class):
            raise TypeError(
                "Expected teachers to be a list of BloodCNNClassifier or "
                f"BloodFNNClassifier, got a list with an element of type {name}."
            )
        check_is_fitted(teacher)
        if teacher.image_shape_ != image_shape:
            raise ValueError(
                f"Expected teachers for images of shape {image_shape}, got one for "
                f"{teacher.image_shape_}."
            )
        if not np.array_equal(teacher.classes_, classes):
            raise ValueError(
                f"Expected teachers for the classes {classes.tolist()}, got one for "
                f"{teacher.classes_.tolist()}."
            )
