"""Images of other microscopes: familiarity, doubts, adaptation, few labels."""

from measured.results import (
    decimal,
    literal,
    load,
    mean_and_std,
    without_description,
)
from measured.style import PALETTE, draw_bars, draw_points, new_figure

SETS = {"tecom": "Tecom", "cellavision": "CellaVision"}
ADAPTATIONS = [
    "unchanged",
    "five classes",
    "matched colours",
    "matched colours, five classes",
]
DOUBT_MEASURES = {
    "accuracy": "accuracy",
    "mean_probability": "mean probability",
    "doubtful": "doubtful",
    "wrong_and_not_doubtful": "wrong and not doubtful",
    "errors_doubtful": "fraction of the errors that is doubtful",
}
N_LABELS = {"tecom": 100, "cellavision": 50}
BEST_START = "bloodmnist-28-robust"


def add_to(output):
    """Add the figures of each part of the benchmark."""
    figures = load("microscopes")
    command = figures["unlike"]["command"].split(" --")[0]
    output.number("microscopes command", literal(command))
    output.figure("microscopes", draw_steps(figures))
    add_unlike(output, figures["unlike"])
    add_doubts(output, figures["doubts"])
    add_without_labels(output, figures["without labels"])
    add_robust(output, figures["robust"], figures["fit time"])
    add_few_labels(output, figures["few labels"])
    add_unseen_kinds(output, figures["unseen kinds"])


def draw_steps(figures):
    """Draw the accuracy on foreign cells from the unchanged model to fifty labels."""
    figure, axes = new_figure(7.5, 5, nrows=2, sharex=True)
    for ax, (name, title) in zip(axes, SETS.items(), strict=True):
        robust = figures["without labels"][BEST_START][name]
        trained = figures["few labels"][name][f"{BEST_START}, suggested cells"]
        steps = {
            "default model": figures["without labels"]["bloodmnist-28"][name][
                "unchanged"
            ],
            "robust model": robust["unchanged"],
            "robust model, adapted, five classes": robust[ADAPTATIONS[-1]],
            f"trained further with {N_LABELS[name]} labelled cells": trained["mean"][
                "accuracy"
            ],
        }
        draw_bars(ax, list(steps), list(steps.values()), colors=PALETTE[:4])
        ax.invert_yaxis()
        ax.set(title=title, xlim=(0, 1.05))
    axes[1].set_xlabel("accuracy")
    return figure


def title_of(name):
    first, *rest = name.split(", ")
    titles = {**SETS, "test": "BloodMNIST, test split"}
    return ", ".join([titles.get(first, first), *rest])


def add_unlike(output, unlike):
    rows = [
        [
            title_of(name),
            decimal(values["auroc"], 3) if "auroc" in values else "–",
            decimal(values["marked_at_false_alarms"], 3),
            decimal(values["marked_by_default"], 3),
        ]
        for name, values in without_description(unlike).items()
    ]
    header = ["images", "AUROC", "marked at 1 % false alarms", "marked by default"]
    output.table("unlike", header, rows, folded="Table: images unlike BloodMNIST")


def add_doubts(output, doubts):
    rows = [
        [title_of(name), *(decimal(values[m], 3) for m in DOUBT_MEASURES)]
        for name, values in without_description(doubts).items()
    ]
    header = ["images", *DOUBT_MEASURES.values()]
    output.table("doubts", header, rows)
    test = doubts["test"]
    errors = round(test["n"] * (1 - test["accuracy"]))
    output.number("doubtful", f"{test['doubtful']:.1%}".replace("%", " %"))
    output.number("unfamiliar", f"{test['unfamiliar']:.1%}".replace("%", " %"))
    output.number("errors", errors)
    output.number("doubtful errors", round(errors * test["errors_doubtful"]))
    darker = doubts["test, a little darker"]
    missed = f"{darker['wrong_and_not_doubtful']:.0%}".replace("%", " %")
    output.number("missed in other light", missed)
    output.number("accuracy in other light", decimal(darker["accuracy"], 2))
    foreign = [doubts[name] for name in SETS]
    output.number("foreign cells", sum(d["n"] for d in foreign))
    wrong = sum(round(d["n"] * (1 - d["accuracy"])) for d in foreign)
    output.number("foreign errors", wrong)


def add_without_labels(output, without):
    rows = [
        [
            f"``{model}``",
            title_of(name),
            *(decimal(accuracy, 2) for accuracy in values.values()),
        ]
        for model, sets in without_description(without).items()
        for name, values in sets.items()
    ]
    header = ["model", "cells", *ADAPTATIONS, "with test-time augmentation"]
    title = "Table: accuracy without labels"
    output.table("without_labels", header, rows, folded=title)
    for name, title in SETS.items():
        unchanged = without["bloodmnist-28"][name]["unchanged"]
        output.number(f"{title} unchanged", decimal(unchanged, 2))
        for suffix, images in (("", name), (" crop", f"{name}, suggested crop")):
            adapted = without[BEST_START][images][ADAPTATIONS[-1]]
            output.number(f"{title} adapted{suffix}", decimal(adapted, 2))


def add_robust(output, robust, fit_time):
    rows = [
        [title_of(name), *(mean_and_std(summary, way, 2) for way in ADAPTATIONS)]
        for name, summary in without_description(robust).items()
        if name != "test"
    ]
    title = "Table: the robust recipe with five seeds"
    output.table("robust", ["cells", *ADAPTATIONS], rows, folded=title)
    output.number("robust accuracy", mean_and_std(robust["test"]))
    output.number("robust fit time", decimal(fit_time["robust over auto"], 2))


def add_few_labels(output, labels):
    rows = [
        [
            title_of(name),
            method,
            mean_and_std(summary, "accuracy", 3),
            mean_and_std(summary, "accuracy_of_eight_views", 3),
            decimal(summary["mean"]["unfamiliar"], 3),
        ]
        for name, methods in without_description(labels).items()
        for method, summary in methods.items()
    ]
    header = [
        "cells",
        "start, and choice of the cells",
        "accuracy on the other cells",
        "the same with test-time augmentation",
        "of them unfamiliar",
    ]
    output.figure("few_labels", draw_few_labels(labels))
    output.table("few_labels", header, rows, folded="Table: accuracy with few labels")
    for name, title in SETS.items():
        for choice in ("suggested", "random"):
            summary = labels[name][f"{BEST_START}, {choice} cells"]
            output.number(f"{title} {choice}", mean_and_std(summary, "accuracy", 2))


def draw_few_labels(labels):
    figure, axes = new_figure(7.5, 6, nrows=2, sharex=True)
    for ax, (name, title) in zip(axes, SETS.items(), strict=True):
        methods = labels[name]
        draw_points(
            ax,
            list(methods),
            [summary["mean"]["accuracy"] for summary in methods.values()],
            errors=[summary["std"]["accuracy"] for summary in methods.values()],
            texts=[mean_and_std(summary, digits=3) for summary in methods.values()],
        )
        ax.set(title=f"{title}, {N_LABELS[name]} labelled cells", xlim=(0.6, 1))
    axes[1].set_xlabel("accuracy on the other cells")
    return figure


def add_unseen_kinds(output, kinds):
    areas = {
        name: summary["mean"]["auroc"]
        for name, summary in without_description(kinds).items()
    }
    figure, ax = new_figure(7, 3.8)
    texts = [decimal(area, 3) for area in areas.values()]
    draw_points(ax, list(areas), list(areas.values()), texts=texts)
    ax.set(xlim=(0.5, 1), xlabel="AUROC (.5 is chance)")
    output.figure("unseen_kinds", figure)
    output.number("mean of kinds", decimal(sum(areas.values()) / len(areas), 3))
