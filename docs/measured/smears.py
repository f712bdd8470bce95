"""Cells in photographs of smears: finding, cutting out, and counting."""

import sys

from measured.results import BENCHMARKS, decimal, literal, load, without_description
from measured.style import OTHERS, SKBLOOD, new_figure

# benchmarks/ is not a package: its scripts import from each other by this path.
sys.path.insert(0, str(BENCHMARKS))
from fields import TARGETS

FIELDS = {
    "white recall": "white cells: recall at an IoU of .5",
    "white precision": "white cells: precision at an IoU of .5",
    "white recall at .3": "white cells: recall at an IoU of .3",
    "platelet recall": "platelets: recall at an IoU of .3",
    "platelet precision": "platelets: precision at an IoU of .3",
    "right number": "photographs with the right number of white cells",
}
MICROSCOPES = {"tecom": "Tecom", "cellavision": "CellaVision"}
LARGE = {
    "mosaic": "64 photographs side by side",
    "made, 15": "made, 15 pixels per micrometre",
    "made, 4.3": "made, 4.3 pixels per micrometre",
}


def add_to(output):
    """Add the figures of each part of the benchmark."""
    figures = load("fields")
    command = figures["fields"]["command"].split(" --")[0]
    output.number("fields command", literal(command))
    output.figure("fields", draw_fields(figures["fields"]["reported"]))
    add_fields(output, figures["fields"])
    add_scale(output, figures["scale"])
    add_unfamiliar(output, figures["unfamiliar"])
    add_masks(output, figures["masks"])
    add_made(output, figures["made"])
    add_intervals(output, figures["intervals"])
    add_scale_of_bloodmnist(output, figures["scale of BloodMNIST"]["red_cells"])
    add_time(output, figures["time"])


def beside_target(text, value, target, *, at_least=True):
    """Return a figure as text, which says if it misses its target."""
    is_reached = value >= target if at_least else value <= target
    return text if is_reached else f"{text} (missed)"


def percent(value, digits=1):
    return f"{100 * value:.{digits}f} %"


def with_interval(figure, digits=3):
    low, high = (decimal(figure[end], digits) for end in ("low", "high"))
    return f"{decimal(figure['value'], digits)} ({low} to {high})"


def draw_fields(reported):
    """Draw each figure with its interval, and its target as a line."""
    figure, ax = new_figure(7.5, 4)
    rows = range(len(FIELDS))
    values = [reported[name]["value"] for name in FIELDS]
    errors = [
        [abs(reported[name][end] - reported[name]["value"]) for name in FIELDS]
        for end in ("low", "high")
    ]
    targets = [TARGETS["fields"][name] for name in FIELDS]
    ax.errorbar(values, rows, xerr=errors, fmt="none", ecolor="0.3", capsize=3)
    ax.scatter(values, rows, color=SKBLOOD, s=45, zorder=3, label="reached")
    style = {"marker": "|", "s": 250, "lw": 2, "zorder": 2, "label": "target"}
    ax.scatter(targets, rows, color=OTHERS, **style)
    ax.set_yticks(rows, list(FIELDS.values()))
    ax.invert_yaxis()
    ax.set(xlim=(0.6, 1.01), xlabel="fraction, with 95 % interval")
    ax.grid(axis="x", alpha=0.3)
    ax.legend(loc="lower left", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    return figure


def add_fields(output, fields):
    tune, reported = fields["tune"], fields["reported"]
    rows = []
    for name, title in FIELDS.items():
        target, value = TARGETS["fields"][name], reported[name]["value"]
        reached = beside_target(with_interval(reported[name]), value, target)
        rows.append(
            [
                title,
                f"≥ {decimal(target, 2 if round(target, 2) == target else 3)}",
                reached,
                reported[name]["n"],
                decimal(tune[name]["value"], 3),
            ]
        )
    header = ["", "target", "reached", "of", "on the photographs for tuning"]
    output.table("fields", header, rows)
    for name, figures in (("tune", tune), ("reported", reported)):
        output.number(f"n {name}", figures["n_photographs"])
        for kind, n in figures["n_boxes"].items():
            output.number(f"{name} {kind} boxes", f"{n:,}")
    for kind in ("white", "platelet"):
        n_found = reported["n_found"][kind]
        recall, precision = (
            reported[f"{kind} {name}"]["value"] for name in ("recall", "precision")
        )
        output.number(f"{kind} recall", percent(recall))
        output.number(f"{kind} precision", percent(precision))
        output.number(f"{kind} found", n_found)
        output.number(f"{kind} without box", n_found - round(precision * n_found))


def add_scale(output, scale):
    target = TARGETS["scale"]["spread"]
    rows = [
        [
            {"tune": "for tuning", "reported": "reported"}[name],
            decimal(values["by_red_cells"], 2),
            decimal(values["median"], 1),
            f"≤ {decimal(target, 2)}",
            beside_target(
                decimal(values["spread"], 3), values["spread"], target, at_least=False
            ),
            decimal(values["all"]["spread"], 3),
        ]
        for name, values in without_description(scale).items()
    ]
    header = [
        "photographs",
        "measured by red cells",
        "median of these, pixels per micrometre",
        "target for the spread",
        "spread of these",
        "spread with those measured by nuclei",
    ]
    output.table("smear_scale", header, rows)
    output.number("scale spread", percent(scale["reported"]["spread"], 0))
    n_red_cells = scale["reported"]["median_number_of_red_cells"]
    output.number("median of red cells", f"{n_red_cells:.0f}")


def add_unfamiliar(output, unfamiliar):
    models = without_description(unfamiliar)
    n = models["bloodmnist-28"]["n"]
    smallest = min(figure["value"] for figure in models.values())
    output.number("unfamiliar in fields", round(n * smallest))
    output.number("whole white cells", n)


def add_masks(output, masks):
    target = TARGETS["masks"]["median"]
    rows = [
        [
            title,
            masks[name]["n"],
            f"≥ {decimal(target, 2)}",
            beside_target(
                decimal(masks[name]["median"], 3), masks[name]["median"], target
            ),
            decimal(masks[name]["mean"], 3),
            decimal(masks[name]["above .5"], 3),
            decimal(masks[name]["by_red_cells"], 2),
        ]
        for name, title in MICROSCOPES.items()
    ]
    header = [
        "cells",
        "number",
        "target for the median",
        "median IoU",
        "mean IoU",
        "fraction above .5",
        "scale measured by red cells",
    ]
    output.table("masks", header, rows)


def add_made(output, made):
    target = TARGETS["made"]["right"]
    sets = without_description(made)
    rows = [
        [
            scale,
            f"{values['n']:,}",
            f"≥ {decimal(target, 2)}",
            beside_target(
                with_interval(values["right"]), values["right"]["value"], target
            ),
            decimal(values["accuracy_on_images"], 3),
            decimal(values["found"], 4),
            decimal(values["extra"], 3),
            decimal(values["unfamiliar"], 3),
            decimal(values["largest_difference"], 3),
        ]
        for scale, values in sets.items()
    ]
    header = [
        "pixels per micrometre",
        "cells",
        "target",
        "found and named right",
        "accuracy on the images themselves",
        "found",
        "other cells for each true one",
        "unfamiliar",
        "largest error of a fraction",
    ]
    output.table("made", header, rows)
    main = sets["10"]
    lost = main["accuracy_on_images"] - main["right"]["value"]
    output.number("lost by finding", f"{100 * lost:.1f}")
    output.number("largest count error", f"{100 * main['largest_difference']:.1f}")
    kinds = main["right_of_kind"]
    rows = [
        [
            kind,
            f"{main['true_count'][kind]:,}",
            f"{main['count'][kind]:,}",
            decimal(right, 3),
        ]
        for kind, right in kinds.items()
    ]
    header = ["kind", "true number", "counted", "found and named right"]
    title = "Table: the count with 10 pixels per micrometre"
    output.table("made_count", header, rows, folded=title)


def add_intervals(output, intervals):
    rows = [
        [
            values["n_photographs"],
            values["n_cells"],
            "yes" if values["concentration"] else "no",
            decimal(values["simultaneous"], 3),
            decimal(values["smallest_of_a_kind"], 3),
            decimal(values["mean_width_of_first"], 2),
        ]
        for values in without_description(intervals).values()
    ]
    header = [
        "photographs",
        "cells in each",
        "photographs differ",
        "all fractions covered",
        "a single one, at least",
        "mean width for the fraction .60",
    ]
    output.table("intervals", header, rows)


def add_scale_of_bloodmnist(output, red_cells):
    output.number("red cells of BloodMNIST", red_cells["n"])
    output.number("red cell pixels", f"{red_cells['median_diameter']:.2f}")
    output.number("image um", f"{red_cells['image_um']:.1f}")


def add_time(output, time):
    field = time["field"]
    rows = [
        [
            f"one photograph, median of {field['n']}",
            f"{field['megapixels']:.2f}",
            "",
            *target_and_seconds(field, TARGETS["time"]["field"], digits=2),
            "",
        ]
    ]
    for name, title in LARGE.items():
        values = time[name]
        rows.append(
            [
                title,
                f"{values['megapixels']:.1f}",
                f"{values['reduced_megapixels']:.1f}",
                *target_and_seconds(values, TARGETS["time"].get(name), digits=1),
                f"{values['peak_megabytes'] / 1000:.1f}",
            ]
        )
    header = [
        "",
        "megapixels",
        "after reduction",
        "target, s",
        "seconds",
        "peak memory, GB",
    ]
    output.table("smear_time", header, rows)
    output.number("smear cores", time["machine"]["cores"])
    output.number("smear processor", time["machine"]["processor"])


def target_and_seconds(values, target, *, digits):
    seconds = values["median_seconds"]
    text = f"{seconds:.{digits}f}"
    if target is None:
        return ["", text]
    return [f"≤ {target}", beside_target(text, seconds, target, at_least=False)]
