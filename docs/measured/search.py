"""Which search for parameters wins, for one budget of computing time."""

import numpy as np

from measured.results import decimal, literal, load
from measured.style import PALETTE, new_figure

SEARCHES = {
    "grid": "whole grid, in a random order",
    "halving": "successive halving",
    "tpe": "TPE with pruning",
}


def add_to(output):
    """Add the figure of score against time, the table and the numbers."""
    figures = load("search")
    output.number("search command", literal(figures["command"]))
    output.number("search seeds", len(figures["searches"]["grid"]))
    output.number("search images", f"{figures['n_images']:,}")
    output.number("search valid images", f"{figures['n_valid']:,}")
    output.figure("search", draw(figures["searches"]))
    rows = [
        [SEARCHES[name], *describe(runs)] for name, runs in figures["searches"].items()
    ]
    header = [
        "search",
        "seconds",
        "epochs",
        "trainings that were finished",
        "best accuracy",
    ]
    output.table("search", header, rows)


def describe(runs):
    best = [run["best"]["accuracy"] for run in runs]
    return [
        f"{np.mean([run['seconds'] for run in runs]):.0f}",
        f"{np.mean([run['epochs'] for run in runs]):.0f}",
        f"{np.mean([len(run['trainings']) for run in runs]):.0f}",
        f"{decimal(np.mean(best))} ± {decimal(np.std(best, ddof=1))}",
    ]


def draw(searches):
    """Draw the mean of the seeds as a thick line, and each seed as a thin one."""
    figure, ax = new_figure(7, 4)
    end = min(run["seconds"] for run in searches["grid"])
    for (name, label), color in zip(SEARCHES.items(), PALETTE, strict=False):
        curves = [best_so_far(run) for run in searches[name]]
        for seconds, accuracies in curves:
            line = [*seconds, end], [*accuracies, accuracies[-1]]
            ax.step(*line, where="post", color=color, lw=0.6, alpha=0.5)
        times = np.linspace(max(seconds[0] for seconds, _ in curves), end, 500)
        mean = np.mean([at(times, *curve) for curve in curves], axis=0)
        ax.plot(times, mean, color=color, lw=2.5, label=label)
    ax.set(
        xlim=(0, end),
        xlabel="processor time of the search, in seconds",
        ylabel="best validation accuracy so far",
    )
    # The first trainings, which are much worse, would hide the differences.
    ax.set_ylim(bottom=lower_limit(searches))
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    return figure


def best_so_far(run):
    """Return when each training ended, and the best accuracy until then."""
    seconds = [training["seconds"] for training in run["trainings"]]
    accuracies = [training["accuracy"] for training in run["trainings"]]
    return np.array(seconds), np.maximum.accumulate(accuracies)


def at(times, seconds, accuracies):
    return accuracies[np.searchsorted(seconds, times, side="right") - 1]


def lower_limit(searches):
    return min(run["best"]["accuracy"] for run in searches["grid"]) - 0.08
