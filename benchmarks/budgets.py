"""Measure the accuracy that the default classifier reaches in a given training time.

The numbers of epochs are those that take about 10, 30, 60, 180 and 600 s on two cores.
Each classifier is trained on its own, with all cores, and scored on the test split.

The same run measures how long the recipe of the 2024 report takes until its network
reaches the accuracy in the report, on the validation split.

    python benchmarks/budgets.py
"""

from functools import partial

import numpy as np
from common.command_line import make_parser
from common.recipes import REPORT_ACCURACY, REPORT_CNN
from common.recording import write_results
from common.scoring import summarize_predictions
from common.timing import seconds_of
from skorch.callbacks import Callback

from skblood import BloodCNNClassifier, load_bloodmnist

EPOCHS = {10: 1, 30: 3, 60: 5, 180: 16, 600: 52}


def time_fit(seed, train, **parameters):
    model = BloodCNNClassifier(random_state=seed, **parameters)
    return model, {"seed": seed, "fit_seconds": seconds_of(partial(model.fit, *train))}


class StopAtAccuracy(Callback):
    """Stop a training as soon as its validation accuracy is high enough."""

    def __init__(self, accuracy):
        self.accuracy = accuracy

    def on_epoch_end(self, net, **kwargs):
        if net.history[-1, "valid_acc"] >= self.accuracy:
            raise KeyboardInterrupt  # skorch catches it and ends the training


def seconds_until_report_accuracy(seed, train, valid):
    """Return the training time of the report's recipe until it reaches its accuracy."""
    model = BloodCNNClassifier(
        max_epochs=50,
        callbacks=[("stop", StopAtAccuracy(REPORT_ACCURACY))],
        random_state=seed,
        **REPORT_CNN,
    )
    model.fit(*train, X_val=valid[0], y_val=valid[1])
    return sum(epoch["dur"] for epoch in model.history_)


def measure_budget(epochs, seeds, train, X, y):
    probas, costs = [], []
    for seed in range(seeds):
        model, cost = time_fit(seed, train, max_epochs=epochs)
        probas.append(model.predict_proba(X))
        costs.append(cost)
    return {"epochs": epochs, **summarize_predictions(y, probas, costs)}


def main():
    parser = make_parser(__doc__)
    parser.add_argument(
        "--seeds",
        type=int,
        default=5,
        help="largest number of random seeds for each budget (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=int,
        default=600,
        help="training time for all seeds of a budget together; long budgets get "
        "fewer seeds, but at least one (default: %(default)s)",
    )
    options = parser.parse_args()
    train, valid, test = (
        load_bloodmnist(split=split, return_X_y=True)
        for split in ("train", "val", "test")
    )
    report = [seconds_until_report_accuracy(seed, train, valid) for seed in range(3)]
    print(f"The report's recipe reaches {REPORT_ACCURACY} after {report} s", flush=True)
    default = time_fit(0, train)[1]["fit_seconds"]
    print(f"The default classifier trains in {default:.0f} s", flush=True)

    budgets = {}
    for budget, epochs in EPOCHS.items():
        seeds = max(1, min(options.seeds, options.seconds // budget))
        figures = measure_budget(epochs, seeds, train, *test)
        mean = figures["mean"]
        print(
            f"{budget} s: {epochs} epochs, {mean['fit_seconds']:.1f} s, "
            f"accuracy {mean['accuracy']:.4f}",
            flush=True,
        )
        budgets[budget] = figures
        # Written after every budget, so that an interrupted run keeps the short ones.
        write_results(
            "accuracy_budgets",
            {
                "report_accuracy": REPORT_ACCURACY,
                "seconds_of_report_to_its_accuracy": report,
                "seconds_of_default": default,
                "default_over_report": float(default / np.mean(report)),
                "budgets": budgets,
            },
        )


if __name__ == "__main__":
    main()
