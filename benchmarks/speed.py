"""How fast is it? Each row beside its reference, in one run on one machine.

    python benchmarks/speed.py                   # every row, about 90 minutes
    python benchmarks/speed.py fit-default grid-cnn
    python benchmarks/speed.py --short           # the rows that take seconds

The references are in benchmarks/references/. A row that is measured again replaces its
figures in benchmarks/results/speed.json; the others stay.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from recording import update_results
from speed_rows import (
    fitting,
    growth,
    memory,
    predicting,
    racing,
    searching,
    starting,
)


@dataclass
class Row:
    """A line of the table: which of its figures is held against which target."""

    title: str
    measure: Callable
    figure: str
    target: float
    at_least: bool = False
    n_pairs: int = 5
    short: bool = False

    def reached(self, value):
        return value >= self.target if self.at_least else value <= self.target


ROWS = {
    "fit-default": Row(
        "fit of the default over a loop by hand", fitting.default_cnn, "ratio", 1.05
    ),
    "fit-report-cnn": Row(
        "fit of the report's CNN over a loop by hand",
        fitting.report_cnn,
        "ratio",
        1.05,
    ),
    "fit-report-fnn": Row(
        "fit of the report's FNN over a loop by hand",
        fitting.report_fnn,
        "ratio",
        1.30,
        short=True,
    ),
    "skorch-cnn": Row(
        "plain skorch over ours, the report's CNN",
        fitting.report_cnn_skorch,
        "ratio",
        1.3,
        at_least=True,
    ),
    "skorch-fnn": Row(
        "plain skorch over ours, the report's FNN",
        fitting.report_fnn_skorch,
        "ratio",
        8,
        at_least=True,
        short=True,
    ),
    "time-to-report": Row(
        "the report's time to .914 on the test split over ours",
        racing.time_to_accuracy,
        "ratio",
        15,
        at_least=True,
    ),
    "accuracy-in-time": Row(
        "our accuracy in the report's time to .914",
        racing.accuracy_in_time,
        "ours_mean_accuracy",
        0.968,
        at_least=True,
    ),
    "predict-1": Row(
        "predict_proba of 1 image over torch's inference mode",
        partial(predicting.predict, n_images=1),
        "ratio",
        1.5,
        short=True,
    ),
    "predict-3421": Row(
        "predict_proba of 3,421 images over torch's inference mode",
        partial(predicting.predict, n_images=3_421),
        "ratio",
        1.05,
        short=True,
    ),
    "predict-100000": Row(
        "predict_proba of 100,000 images over torch's inference mode",
        partial(predicting.predict, n_images=100_000),
        "ratio",
        1.05,
    ),
    "onnx-3421": Row(
        "onnxruntime on 3,421 images over predict_proba",
        partial(predicting.predict_with_onnx, n_images=3_421),
        "ratio",
        1.0,
    ),
    "memory": Row(
        "peak memory of fit above torch and X, MB",
        memory.peak_of_fit,
        "most_megabytes",
        400,
        short=True,
        n_pairs=3,
    ),
    "growth-rows": Row(
        "growth of fit with rows, log-log slope",
        growth.with_rows,
        "slope",
        1.05,
        n_pairs=3,
    ),
    "growth-pixels": Row(
        "growth of fit with pixels, log-log slope",
        growth.with_pixels,
        "slope",
        1.05,
        n_pairs=3,
    ),
    "grid-cnn": Row(
        "the report's grid search with plain skorch over ours, its CNN",
        partial(searching.grid_search, network="cnn"),
        "ratio",
        2,
        at_least=True,
    ),
    "grid-fnn": Row(
        "the report's grid search with plain skorch over ours, its FNN",
        partial(searching.grid_search, network="fnn"),
        "ratio",
        2,
        at_least=True,
    ),
    "halving": Row(
        "the report's grid search over halving, both ours",
        searching.halving,
        "ratio",
        3,
        at_least=True,
    ),
    "import": Row(
        "import skblood beyond import numpy, s",
        starting.import_time,
        "seconds_more",
        0.15,
        n_pairs=9,
        short=True,
    ),
    "sample": Row(
        "load_bloodmnist_sample() in a new process imports torch",
        starting.sample_without_torch,
        "imports_torch",
        0,
        short=True,
    ),
    "read": Row(
        "reading the train split again, s",
        starting.read_again,
        "median_seconds",
        0.15,
        n_pairs=9,
        short=True,
    ),
    "terminal": Row(
        "skblood predict on 400 cells, from start to end, s",
        starting.predict_from_terminal,
        "most_seconds",
        3,
        short=True,
    ),
}


def run(name):
    """Measure a row, print it, and put it among the results."""
    row = ROWS[name]
    figures = row.measure(row.n_pairs)
    reached = figures[row.figure]
    sign = "≥" if row.at_least else "≤"
    verdict = "reached" if row.reached(reached) else "MISSED"
    summary = {"title": row.title, "target": f"{sign} {row.target}", "reached": reached}
    update_results("speed", {name: {**summary, **figures}})
    print(f"{row.title}: {reached:.4g} (target {sign} {row.target}: {verdict})")
    for who in ("ours_seconds", "reference_seconds"):
        if who in figures:
            print(f"    {who}: " + " ".join(f"{s:.3f}" for s in figures[who]))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--short", action="store_true", help="the rows of seconds")
    options = parser.parse_args()
    unknown = set(options.rows) - set(ROWS)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    wanted = options.rows or [
        n for n, row in ROWS.items() if row.short >= options.short
    ]
    for name in wanted:
        run(name)


if __name__ == "__main__":
    main()
