"""The experiments from which the default parameters were chosen."""

from measured.results import decimal, literal, load, mean_and_std
from measured.style import OTHERS, SKBLOOD, draw_points, new_figure

NAMES = {"as it is": "default", "no flips and turns": "no flips and rotations"}
# Differences between single runs below this value count as noise.
NOISE = 0.004
SEARCH_COLUMNS = {
    "accuracy": "accuracy",
    "nll": "NLL",
    "tta_accuracy": "accuracy with TTA",
    "tta_nll": "NLL with TTA",
}


def add_to(output):
    """Add the ablation, and the search for the recipe."""
    ablation = load("accuracy_ablation")
    output.figure("ablation", draw_ablation(ablation["variants"]))
    rows = [
        [
            NAMES.get(name, name),
            mean_and_std(figures),
            *(decimal(figures["mean"][m]) for m in ("nll", "ece", "train_loss")),
        ]
        for name, figures in ablation["variants"].items()
    ]
    header = ["change", "accuracy", "NLL", "ECE", "training loss, last epoch"]
    output.table("ablation", header, rows, folded="Table: the ablation")
    output.number("ablation command", literal(ablation["command"].split(" --")[0]))
    output.number("ablation epochs", ablation["epochs"])
    output.number("ablation images", f"{ablation['n_train']:,}")
    output.number("ablation scored", f"{ablation['n_scored']:,}")
    search = load("recipe_search")
    for name, table in search["tables"].items():
        add_search(output, name, table)
    for name, text in search["single_figures"].items():
        output.number(name, text)


def draw_ablation(variants):
    figure, ax = new_figure(7, 4.6)
    values = {
        NAMES.get(n, n): figures["mean"]["accuracy"] for n, figures in variants.items()
    }
    values = dict(sorted(values.items(), key=lambda item: -item[1]))
    default = values["default"]
    ax.axvspan(default - NOISE, default + NOISE, color="0.92", zorder=0)
    colors = [SKBLOOD if name == "default" else OTHERS for name in values]
    texts = [decimal(value) for value in values.values()]
    draw_points(ax, list(values), list(values.values()), colors=colors, texts=texts)
    ax.set(
        xlim=(0.85, 0.975), xlabel="accuracy (grey band: differences that are noise)"
    )
    return figure


def add_search(output, name, search):
    rows = [
        [
            run["change"],
            *(decimal(run[c]) if c in run else "" for c in SEARCH_COLUMNS),
        ]
        for run in search["runs"]
    ]
    header = ["change", *SEARCH_COLUMNS.values()]
    output.table(f"search_{name}", header, rows, folded=f"Table: {search['title']}")
