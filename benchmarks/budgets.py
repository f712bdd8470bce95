"""What does more time buy?

The default classifier at numbers of epochs that take about 10, 30, 60, 180 and 600 s
on two cores: accuracy on the test split against the seconds of `fit`, one fit at a time
with every core. In the same run, the seconds that the 2024 report's recipe needs until
its network is as good, on the validation split, as the report says.

    python benchmarks/budgets.py
"""

import argparse
import time

import numpy as np
from recipes import REPORT_CNN
from recording import write_results
from scoring import summarize_predictions
from skorch.callbacks import Callback

from skblood import BloodCNNClassifier, load_bloodmnist

EPOCHS = {10: 1, 30: 3, 60: 5, 180: 16, 600: 52}
REPORT_ACCURACY = 0.914


def time_fit(seed, train, **parameters):
    start = time.perf_counter()
    model = BloodCNNClassifier(random_state=seed, **parameters).fit(*train)
    return model, {"seed": seed, "fit_seconds": time.perf_counter() - start}


class StopAt(Callback):
    """Stop a training as soon as its validation accuracy is high enough."""

    def __init__(self, accuracy):
        self.accuracy = accuracy

    def on_epoch_end(self, net, **kwargs):
        if net.history[-1, "valid_acc"] >= self.accuracy:
            raise KeyboardInterrupt  # which is how skorch's callbacks stop a training


def time_report(seed, train, valid):
    """Return the seconds of the report's recipe until it reaches its accuracy."""
    stop = [("stop", StopAt(REPORT_ACCURACY))]
    model = BloodCNNClassifier(
        max_epochs=50, callbacks=stop, random_state=seed, **REPORT_CNN
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="of a budget, at most")
    parser.add_argument(
        "--seconds", type=int, default=600, help="for all the seeds of a budget"
    )
    options = parser.parse_args()
    train, valid, test = (
        load_bloodmnist(split=split, return_X_y=True)
        for split in ("train", "val", "test")
    )
    report = [time_report(seed, train, valid) for seed in range(3)]
    print(f"The report's recipe reaches {REPORT_ACCURACY} after {report} s", flush=True)
    default = time_fit(0, train)[1]["fit_seconds"]
    print(f"The default fits in {default:.0f} s", flush=True)

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
        # After each, since the last ones take long.
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
