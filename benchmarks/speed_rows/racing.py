"""Training until an accuracy is reached, compared with the recipe of the 2024 report.

Only the time of training counts. The reference is scored after each epoch, and the time
of scoring is left out.
"""

import time
from functools import partial
from statistics import mean

from common.recipes import REPORT_ACCURACY, REPORT_CNN
from common.timing import seconds_of
from skorch.callbacks import Callback

from skblood import BloodCNNClassifier, load_bloodmnist

from .declaration import speed_row

# Both settings were chosen on the validation split.
FASTEST = {
    "width": 16,
    "depth": 1,
    "stem_stride": 3,
    "stochastic_depth": 0.0,
    "augmentation": None,
    "batch_size": 192,
    "lr": 0.1,
    "max_epochs": 2,
}
AS_LONG_AS_THE_REPORT = {
    "width": 16,
    "stochastic_depth": 0.0,
    "data_pruning": 0.5,
    "batch_size": 128,
    "lr": 0.06,
    "max_epochs": 8,
}


@speed_row(
    "time-to-report",
    "training to accuracy .914 on the test split: the report's recipe / skblood's "
    "fastest setting",
    at_least=15,
)
def time_to_accuracy(n_seeds):
    return _race(FASTEST, n_seeds)


@speed_row(
    "accuracy-in-time",
    "test accuracy in the time that the report's recipe takes to .914",
    figure="ours_mean_accuracy",
    at_least=0.968,
)
def accuracy_in_time(n_seeds):
    return _race(AS_LONG_AS_THE_REPORT, n_seeds)


def _race(setting, n_seeds):
    """Train a setting and the report's recipe in turn, with each seed."""
    train = load_bloodmnist(split="train", return_X_y=True)
    test = load_bloodmnist(split="test", return_X_y=True)
    BloodCNNClassifier(max_epochs=1).fit(train[0][:640], train[1][:640])
    ours, report = [], []
    for seed in range(n_seeds):
        model = BloodCNNClassifier(random_state=seed, **setting)
        seconds = seconds_of(partial(model.fit, *train))
        ours.append({"seconds": seconds, "accuracy": model.score(*test)})
        report.append(train_report_network(seed, train, test))
    figures = {"setting": setting}
    for who, runs in (("ours", ours), ("reference", report)):
        figures[f"{who}_seconds"] = [run["seconds"] for run in runs]
        figures[f"{who}_accuracies"] = [run["accuracy"] for run in runs]
        figures[f"{who}_mean_accuracy"] = mean(figures[f"{who}_accuracies"])
    return {
        **figures,
        "reference_epochs": [run["epochs"] for run in report],
        "ratio_is": "mean reference_seconds / mean ours_seconds",
        "ratio": mean(figures["reference_seconds"]) / mean(figures["ours_seconds"]),
        "is_in_time": mean(figures["ours_seconds"])
        <= mean(figures["reference_seconds"]),
    }


def train_report_network(seed, train, test):
    """Train the report's CNN until it reaches the report's accuracy on the test split.

    The network and its training are skblood's, which are faster than a plain PyTorch
    training loop with torch's own layers.
    """
    stop = StopAtReportAccuracy(*test)
    model = BloodCNNClassifier(
        max_epochs=50, random_state=seed, callbacks=[stop], **REPORT_CNN
    )
    model.fit(*train)
    # `fit` trains a copy of the callback.
    stop = dict(model.net_.callbacks_)["StopAtReportAccuracy"]
    return {
        "seconds": stop.seconds_,
        "accuracy": stop.accuracy_,
        "epochs": model.n_iter_,
    }


class StopAtReportAccuracy(Callback):
    """Score a network after each epoch, and add up the time between the scorings."""

    def __init__(self, images, targets):
        self.images = images
        self.targets = targets

    def on_train_begin(self, net, **kwargs):
        self.seconds_ = 0.0
        self.start_ = time.perf_counter()

    def on_epoch_end(self, net, **kwargs):
        self.seconds_ += time.perf_counter() - self.start_
        logits = net.predict_batches(self.images, net.module_)
        self.accuracy_ = float((logits.argmax(axis=1) == self.targets).mean())
        self.start_ = time.perf_counter()
        if self.accuracy_ >= REPORT_ACCURACY:
            raise KeyboardInterrupt  # skorch's way for a callback to stop training
