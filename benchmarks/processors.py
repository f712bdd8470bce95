"""Measure how long the main jobs take on the processor of this machine.

    python benchmarks/processors.py

The results file has a part for each set of vector instructions. A run replaces the part
of its own processor and keeps the others.
"""

from functools import partial
from statistics import median

from common.command_line import make_parser
from common.quickstart import ONE_CORE_PER_THREAD, fit_quickstart
from common.recipes import REPORT
from common.recording import instructions, update_results
from common.timing import seconds_of

from skblood import (
    BloodCNNClassifier,
    BloodFNNClassifier,
    load_bloodmnist,
    load_pretrained,
)
from skblood.pretrained import pretrained_names

N_TIMINGS = 3


def seconds_of_an_epoch(X, y):
    """Return the seconds of an epoch of the default, and how many it trains for."""
    # The first epoch is longer, since torch then chooses and loads its functions.
    clf = BloodCNNClassifier(max_epochs=2, random_state=0).fit(X, y)
    return clf.history_[-1]["dur"], BloodCNNClassifier()._count_epochs(len(X))


def images_per_second(name, images):
    clf = load_pretrained(name)
    clf.predict(images[:100])
    return len(images) / median(seconds_of_calls(partial(clf.predict, images)))


def seconds_of_calls(function):
    return [seconds_of(function) for _ in range(N_TIMINGS)]


def main():
    make_parser(__doc__).parse_args()
    images = load_bloodmnist(split="test").data
    rates = {name: images_per_second(name, images) for name in pretrained_names()}
    fits = [fit_quickstart(seed, ONE_CORE_PER_THREAD) for seed in range(N_TIMINGS)]
    train = load_bloodmnist(split="train", return_X_y=True)
    epoch_seconds, n_epochs = seconds_of_an_epoch(*train)
    fnn = BloodFNNClassifier(max_epochs=20, random_state=0, **REPORT)
    figures = {
        "default_seconds_an_epoch": epoch_seconds,
        "default_epochs": n_epochs,
        # As in the speed table. This network hardly uses the vector instructions, so it
        # shows how fast the machine is without them.
        "report_fnn_seconds": seconds_of_calls(partial(fnn.fit, *train)),
        "quickstart_seconds": [seconds for seconds, _ in fits],
        "images_per_second": rates,
    }
    print(instructions(), figures)
    update_results("processors", {instructions(): figures})


if __name__ == "__main__":
    main()
