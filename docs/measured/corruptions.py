"""Corrupted images: what the corruptions look like, and the accuracy on them."""

import sys
from statistics import mean

import numpy as np

from measured.results import BENCHMARKS, decimal, literal, load, mean_and_std
from measured.smears import beside_target
from measured.style import MARKERS, PALETTE, new_figure
from skblood import load_bloodmnist_sample

# benchmarks/ is not a package: its scripts import from each other by this path.
sys.path.insert(0, str(BENCHMARKS))
from common.corruptions import KINDS, corrupt

RECIPES = {
    "default": "default",
    "robust": "robust",
    "report_cnn": "CNN of the 2024 report",
}
MODELS = {
    "default": "``BloodCNNClassifier()``",
    "robust": '``BloodCNNClassifier(augmentation="robust")``',
    "report_cnn": "CNN of the 2024 report",
    "bloodmnist-28": "``bloodmnist-28``",
    "bloodmnist-28-robust": "``bloodmnist-28-robust``",
}
SHOWN_SEVERITIES = [1, 3, 5]
SHOWN_IMAGE = 10


def add_to(output):
    """Add the figures, the tables and the numbers of the page."""
    figures = load("corruptions")
    command = figures["command"].split(" --")[0]
    output.number("corruptions command", literal(f"{command} --models FOLDER"))
    output.number("corruption seeds", figures["models"]["robust"]["n_seeds"])
    for name in ("default", "report_cnn"):
        accuracy = figures["models"][name]["mean"]["corrupted_balanced_accuracy"]
        output.number(f"corrupted {name}", decimal(accuracy, 3))
    output.figure("corruption_kinds", draw_kinds())
    output.figure("corruptions", draw_accuracies(figures["models"]))
    add_targets(output, figures["compared"]["robust / default"], figures["targets"])
    add_models(output, figures["models"])
    add_kinds(output, figures["models"])
    add_changes(output, figures["pixel_change"])


def draw_kinds():
    """Draw a cell of the sample with each kind of corruption."""
    cell = load_bloodmnist_sample("test").images[SHOWN_IMAGE][None]
    shape = {"nrows": len(SHOWN_SEVERITIES) + 1, "ncols": len(KINDS)}
    figure, axes = new_figure(10, 4.2, **shape)
    for column, kind in zip(axes.T, KINDS, strict=True):
        column[0].imshow(cell[0])
        column[0].set_title(title_of(kind).replace(" ", "\n", 1), fontsize=8)
        for ax, severity in zip(column[1:], SHOWN_SEVERITIES, strict=True):
            ax.imshow(corrupt(cell, kind, severity)[0])
    labels = ["unchanged", *(f"severity {severity}" for severity in SHOWN_SEVERITIES)]
    for ax, label in zip(axes[:, 0], labels, strict=True):
        ax.set_ylabel(label, fontsize=8)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
    return figure


def draw_accuracies(models):
    """Draw the balanced accuracy of three recipes against the severity of each kind."""
    figure, axes = new_figure(8, 7, nrows=3, ncols=4, sharex=True, sharey=True)
    severities = np.arange(6)
    for ax, kind in zip(axes.flat, KINDS, strict=False):
        for (name, label), color, marker in zip(
            RECIPES.items(), PALETTE, MARKERS, strict=False
        ):
            clean = models[name]["mean"]["balanced_accuracy"]
            accuracies = [clean, *models[name]["by_kind"][kind]]
            style = {"color": color, "marker": marker, "ms": 4, "label": label}
            ax.plot(severities, accuracies, **style)
        ax.set_title(title_of(kind), fontsize=10)
        ax.set(ylim=(0, 1.02), xticks=severities)
        ax.grid(alpha=0.3)
    axes[1, 3].tick_params(labelbottom=True)
    *_, unused = axes.flat
    unused.axis("off")
    unused.legend(*ax.get_legend_handles_labels(), loc="center", fontsize=9)
    figure.supxlabel("severity (0: no corruption)", fontsize=10)
    figure.supylabel("balanced accuracy", fontsize=10)
    return figure


def title_of(kind):
    return kind.replace("jpeg", "JPEG").replace("_", " ")


def with_interval(value, ends, format_value):
    low, high = map(format_value, ends)
    return f"{format_value(value)} ({low} to {high})"


def points(difference):
    return f"{100 * difference:+.2f}".replace("-", "−")


def add_targets(output, compared, targets):
    ratio, difference = compared["error_ratio"], compared["clean_balanced_difference"]
    ratio_text = with_interval(
        ratio, compared["error_ratio_interval"], lambda value: decimal(value, 2)
    )
    difference_text = with_interval(
        difference, compared["clean_balanced_difference_interval"], points
    )
    largest_ratio, largest_difference = (
        targets["error_ratio"],
        targets["clean_difference"],
    )
    rows = [
        [
            "mean balanced error with corruptions, relative to the default recipe",
            f"≤ {decimal(largest_ratio, 2)}",
            beside_target(ratio_text, ratio, largest_ratio, at_least=False),
        ],
        [
            "balanced error without corruptions, minus that of the default recipe, in "
            "percentage points",
            f"≤ {points(largest_difference)}",
            beside_target(
                difference_text, difference, largest_difference, at_least=False
            ),
        ],
    ]
    output.table("corruption_targets", ["", "target", "reached"], rows)
    output.number("robust error ratio", decimal(ratio, 2))
    output.number("robust clean difference", points(difference))


def add_models(output, models):
    rows = [
        [
            title,
            models[name]["n_seeds"],
            mean_and_std(models[name]),
            mean_and_std(models[name], "balanced_accuracy"),
            with_interval(
                models[name]["mean"]["corrupted_balanced_accuracy"],
                models[name]["interval"],
                lambda value: decimal(value, 3),
            ),
        ]
        for name, title in MODELS.items()
    ]
    header = [
        "model",
        "seeds",
        "accuracy without corruptions",
        "balanced accuracy without corruptions",
        "balanced accuracy with corruptions",
    ]
    output.table("corruptions", header, rows)


def add_kinds(output, models):
    rows = [
        [
            title_of(kind),
            *(decimal(mean(models[name]["by_kind"][kind]), 3) for name in MODELS),
        ]
        for kind in KINDS
    ]
    title = "Table: mean balanced accuracy over the severities, by kind"
    output.table("corruption_kinds", ["kind", *MODELS.values()], rows, folded=title)


def add_changes(output, changes):
    rows = [
        [title_of(kind), *(f"{change:.1f}" for change in changes[kind])]
        for kind in KINDS
    ]
    header = ["kind", *(f"severity {i + 1}" for i in range(5))]
    title = "Table: mean change of a pixel value, from 0 to 255"
    output.table("corruption_changes", header, rows, folded=title)
