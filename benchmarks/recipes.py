"""The models that are compared, each by the name it has in the results."""

from functools import partial

from resnet18 import ResNet18
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from skorch.callbacks import LRScheduler

from skblood import BloodCNNClassifier, BloodFNNClassifier

# Of "Optimizing Blood Cell Classification with Convolutional Neural Networks", 2024.
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


def medmnist_resnet18(random_state, max_epochs=3):
    """MedMNIST's recipe, but for its 100 epochs, which take two cores hours.

    Three epochs take about as long as the default's whole training. Adam at 1e-3,
    batches of 128, pixels in [-1, 1]; a tenth of the learning rate after half of the
    epochs, and again after three quarters.
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


def on_rows(*steps):
    """Return a pipeline of scikit-learn's that sees images as standardised rows."""
    rows = FunctionTransformer(lambda X: X.reshape(len(X), -1))
    return make_pipeline(rows, StandardScaler(), *steps)


def logistic_regression(random_state):
    return on_rows(LogisticRegression(C=0.01, max_iter=200))


def svc(random_state):
    calibrated = CalibratedClassifierCV(SVC(C=10), ensemble=False)
    return on_rows(PCA(100, random_state=random_state), calibrated)


def mlp(random_state):
    return on_rows(MLPClassifier(early_stopping=True, random_state=random_state))


def hist_gradient_boosting(random_state):
    return on_rows(HistGradientBoostingClassifier(random_state=random_state))


RECIPES = {
    "report_cnn": partial(BloodCNNClassifier, max_epochs=30, **REPORT_CNN),
    "report_fnn": partial(BloodFNNClassifier, max_epochs=50, **REPORT),
    "default": BloodCNNClassifier,
    "fnn": BloodFNNClassifier,
    "medmnist_resnet18": medmnist_resnet18,
    "logistic_regression": logistic_regression,
    "svc": svc,
    "mlp": mlp,
    "hist_gradient_boosting": hist_gradient_boosting,
}
