"""The models that are compared, and the recipe of the 2024 report.

A recipe is a model with all of its parameters. `RECIPES` holds each by the name that it
has in the results.
"""

from functools import partial

from references.resnet18 import ResNet18
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from skorch.callbacks import LRScheduler

from skblood import BloodCNNClassifier, BloodFNNClassifier

# The next six constants are those of "Optimizing Blood Cell Classification with
# Convolutional Neural Networks", 2024. The accuracy is the published one of its CNN.
REPORT = {
    "optimizer": "adam",
    "lr": 1e-3,
    "lr_schedule": "constant",
    "batch_size": 128,
    "weight_decay": 0.0,
    "scaling": "minmax",
    "n_iter_no_change": 5,
    "device": "cpu",
}
REPORT_CNN = {
    **REPORT,
    "architecture": "report",
    "augmentation": None,
    "data_pruning": 0.0,
    "precision": "float32",
}
REPORT_ACCURACY = 0.914
REPORT_GRID = {
    "batch_size": [64, 128, 256],
    "max_epochs": [30, 50],
    "lr": [1e-3, 1e-2, 1e-1],
}
REPORT_SEED = 42
REPORT_FOLDS = StratifiedKFold(5, shuffle=True, random_state=REPORT_SEED)


def medmnist_resnet18(random_state, max_epochs=3):
    """Return MedMNIST's ResNet-18 with its recipe, except for the number of epochs.

    The recipe is Adam with a learning rate of 1e-3, batches of 128 and pixels in
    [-1, 1]. The learning rate is divided by 10 after half of the epochs, and again
    after three quarters. MedMNIST's 100 epochs take hours on two cores. Three epochs
    take about as long as the whole training of the default classifier.
    """
    milestones = [max_epochs // 2, max_epochs * 3 // 4]
    schedule = LRScheduler("MultiStepLR", milestones=milestones, gamma=0.1)
    return BloodCNNClassifier(
        architecture=ResNet18,
        augmentation=None,
        data_pruning=0.0,
        optimizer="adam",
        lr=1e-3,
        lr_schedule="constant",
        batch_size=128,
        weight_decay=0.0,
        scaling="minmax",
        max_epochs=max_epochs,
        callbacks=[("milestones", schedule)],
        random_state=random_state,
    )


def on_pixels(*steps):
    """Return a scikit-learn pipeline on flattened images with standardised pixels."""
    flatten = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    return make_pipeline(flatten, StandardScaler(), *steps)


def logistic_regression(random_state):
    return on_pixels(LogisticRegression(C=0.01, max_iter=200))


def svc(random_state):
    calibrated = CalibratedClassifierCV(SVC(C=10), ensemble=False)
    return on_pixels(PCA(100, random_state=random_state), calibrated)


def mlp(random_state):
    return on_pixels(MLPClassifier(early_stopping=True, random_state=random_state))


def hist_gradient_boosting(random_state):
    return on_pixels(HistGradientBoostingClassifier(random_state=random_state))


RECIPES = {
    "report_cnn": partial(BloodCNNClassifier, max_epochs=30, **REPORT_CNN),
    "report_fnn": partial(BloodFNNClassifier, max_epochs=50, **REPORT),
    "default": BloodCNNClassifier,
    "robust": partial(BloodCNNClassifier, augmentation="robust"),
    "fnn": BloodFNNClassifier,
    "medmnist_resnet18": medmnist_resnet18,
    "logistic_regression": logistic_regression,
    "svc": svc,
    "mlp": mlp,
    "hist_gradient_boosting": hist_gradient_boosting,
}
