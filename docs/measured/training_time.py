"""The accuracy after short trainings, with few images, and on larger images."""

import numpy as np

from measured.accuracy import MODELS, OF_SKBLOOD, SHORT_NAMES
from measured.results import decimal, literal, load, mean_and_std
from measured.style import MARKERS, OTHERS, PALETTE, SKBLOOD, new_figure

# The vertical alignment of labels that would otherwise overlap with another label.
LABEL_ALIGNMENT = {
    "default": "top",
    "svc": "bottom",
    "mlp": "top",
    "fnn": "bottom",
    "report_fnn": "top",
}
SMALL_DATA_MODELS = ["default", "mlp", "logistic_regression"]


def add_to(output):
    """Add the figures about training time, few images and larger images."""
    budgets = load("accuracy_budgets")
    output.figure("training_time", draw_training_time(budgets))
    add_budgets(output, budgets)
    add_small_data(output)
    add_short_trainings(output)
    add_image_sizes(output)


def draw_training_time(budgets):
    """Draw the accuracy against the training time, with published accuracies."""
    figure, ax = new_figure(7, 4.5)
    runs = [figures["mean"] for figures in budgets["budgets"].values()]
    cores = budgets["machine"]["cores"]
    ax.plot(
        [mean["fit_seconds"] * cores for mean in runs],
        [mean["accuracy"] for mean in runs],
        "o-",
        color=SKBLOOD,
        label="BloodCNNClassifier(max_epochs=…)",
    )
    for name in MODELS:
        mark_model(ax, name)
    mark_published(ax)
    ax.set(
        xscale="log",
        xlim=(6, 9000),
        xlabel="training time × cores used, in seconds",
        ylabel="accuracy on the test split",
    )
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    return figure


def mark_model(ax, name):
    mean = load(f"accuracy_{name}")["mean"]
    point = (mean["fit_seconds"] * mean["threads"], mean["accuracy"])
    color = SKBLOOD if name in OF_SKBLOOD else OTHERS
    ax.plot(*point, "*" if name == "default" else "s", color=color, ms=9)
    ax.annotate(
        SHORT_NAMES[name],
        point,
        (9, 0),
        textcoords="offset points",
        va=LABEL_ALIGNMENT.get(name, "center"),
        fontsize=9,
    )


def mark_published(ax):
    """Draw the published accuracies at 28 pixels as lines, without their times."""
    for row in load("published")["models"]:
        if "line" in row:
            ax.axhline(row["accuracy"], color=OTHERS, lw=0.8, ls="--")
            ax.annotate(
                f"{row['line']} {decimal(row['accuracy'], row['digits'])}",
                (0.99, row["accuracy"]),
                xycoords=("axes fraction", "data"),
                va="top",
                ha="right",
                fontsize=8,
                color=OTHERS,
            )


def add_budgets(output, budgets):
    rows = [
        [
            f"{budget} s",
            figures["epochs"],
            f"{figures['mean']['fit_seconds']:.0f}",
            mean_and_std(figures),
            decimal(figures["mean"]["nll"]),
            len(figures["runs"]),
        ]
        for budget, figures in budgets["budgets"].items()
    ]
    header = ["budget", "max_epochs", "fit, s", "accuracy", "NLL", "seeds"]
    output.table("budgets", header, rows, folded="Table: accuracy for each budget")
    report_seconds = np.mean(budgets["seconds_of_report_to_its_accuracy"])
    output.number("budgets command", literal(budgets["command"]))
    output.number("report seconds", f"{report_seconds:.0f}")
    output.number("report accuracy", decimal(budgets["report_accuracy"], 3))
    output.number("default seconds", f"{budgets['seconds_of_default']:.0f}")
    output.number("default over report", f"{budgets['default_over_report']:.1f}")


def add_small_data(output):
    small = load("accuracy_small_data")
    results = {name: small["results"][name] for name in SMALL_DATA_MODELS}
    figure, ax = new_figure(7, 4.5)
    lines = zip(results.items(), PALETTE, MARKERS, strict=False)
    for (name, by_count), color, marker in lines:
        counts = [int(n) for n in by_count]
        mean = [figures["mean"]["accuracy"] for figures in by_count.values()]
        std = [figures["std"]["accuracy"] for figures in by_count.values()]
        style = {"color": color, "marker": marker, "capsize": 3}
        ax.errorbar(counts, mean, std, label=SHORT_NAMES[name], **style)
    ax.set(
        xscale="log",
        xlabel="training images of each class",
        ylabel="accuracy on the test split",
    )
    ax.set_xticks(counts, counts)
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    output.figure("small_data", figure)

    rows = [
        [n, *(mean_and_std(results[name][n]) for name in results)]
        for n in results["default"]
    ]
    full = [mean_and_std(load(f"accuracy_{name}")) for name in results]
    header = ["images per class", *(MODELS[name] for name in results)]
    rows.append(["all (849 to 2,330)", *full])
    output.table("small_data", header, rows, folded="Table: accuracy with few images")
    output.number("small data command", literal(small["command"]))


def add_short_trainings(output):
    short = load("short_trainings")
    rows = [
        [
            row["n_images"],
            row["n_epochs"],
            mean_and_std(row["running averages"]),
            mean_and_std(row["recomputed"]),
        ]
        for row in short["results"]
    ]
    header = ["images", "epochs", "running averages", "recomputed statistics"]
    output.table("short_trainings", header, rows)
    output.number("short trainings command", literal(short["command"]))


def add_image_sizes(output):
    sizes = load("accuracy_image_sizes")
    rows = [
        [
            f"{run['size']}×{run['size']}",
            run["epochs"],
            f"{run['seconds_an_epoch']:.1f}",
            decimal(run["accuracy"]),
        ]
        for run in sizes["runs"]
    ]
    title = f"accuracy, {sizes['n_train']:,} images, one run"
    header = ["pixels", "epochs", "seconds per epoch", title]
    output.table("image_sizes", header, rows)
    output.number("image sizes command", literal(sizes["command"]))
    for name in ("pixel_ratio", "time_ratio", "time_over_linear"):
        output.number(name.replace("_", " "), f"{sizes[name]:.2f}")
