"""scikit-learn classifiers and data loaders for blood-cell images.

Each public name is imported when it is first used. ``import skblood`` therefore takes
almost no time, and loading data does not import torch.
"""

import os
from importlib import import_module

__version__ = "0.1.0"

# OpenMP's threads spin while they wait for each other, by default for milliseconds. If
# other processes need the processor, that slows a training down many times. libgomp
# reads this number when torch is imported; afterwards it has no effect.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

_MODULE_OF = {
    "AdaptedClassifier": "skblood.adaptation",
    "BloodCNNClassifier": "skblood.cnn",
    "BloodFNNClassifier": "skblood.fnn",
    "FamiliarityDetector": "skblood.familiarity",
    "assess": "skblood.assessment",
    "audit_labels": "skblood.auditing",
    "count_cells": "skblood.counting",
    "crop_cells": "skblood.smears",
    "find_cells": "skblood.smears",
    "load_bloodmnist": "skblood.datasets",
    "load_bloodmnist_sample": "skblood.datasets",
    "load_cell_images": "skblood.datasets",
    "load_model": "skblood.persistence",
    "load_pretrained": "skblood.pretrained",
    "model_card": "skblood.model_cards",
    "prediction_sets": "skblood.calibration",
    "save_model": "skblood.persistence",
    "suggest_crop": "skblood.suggestion",
    "suggest_images": "skblood.suggestion",
    "to_onnx": "skblood.export",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__():
    return sorted([*globals(), *__all__])
