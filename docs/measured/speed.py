"""Speed and memory, each beside its target or its reference."""

import sys
from statistics import mean, median

from measured.results import BENCHMARKS, decimal, load
from measured.style import OTHERS, SKBLOOD, new_figure

# benchmarks/ is not a package: its scripts import from each other by this path.
sys.path.insert(0, str(BENCHMARKS))
from speed import ROWS

SEARCHES = {
    "grid-cnn": {"ours": "skblood", "skorch": "plain skorch"},
    "grid-fnn": {"ours": "skblood", "skorch": "plain skorch"},
    "halving": {"grid": "whole grid", "halving": "successive halving"},
}
MEMORY_COLUMNS = ["fit", "predict_proba"]


def add_to(output):
    """Add the table of speed, the searches, the fast settings, and the memory."""
    results = load("speed")
    for name, text in results["fit-default"]["machine"].items():
        output.number(f"speed {name}", text)
    output.figure("speed", draw_rows(results))
    add_rows(output, results)
    add_searches(output, results)
    add_fast_settings(output, results)
    add_quickstart(output, results)
    add_bfloat16(output, results)
    add_tiny(output, results)
    add_compilation(output)
    add_memory(output)


def gain(row, value):
    """Return by which factor a value is better than the target."""
    return value / row.target if row.at_least else row.target / value


def draw_rows(results):
    """Draw by how much each row is better or worse than its target."""
    # A factor has no meaning for the row whose target is 0.
    rows = {n: row for n, row in ROWS.items() if row.target and n in results}
    gains = [gain(row, results[name]["reached"]) for name, row in rows.items()]
    figure, ax = new_figure(7.5, 11)
    colors = [SKBLOOD if value >= 1 else OTHERS for value in gains]
    positions = range(len(rows))
    widths = [value - 1 for value in gains]
    ax.barh(positions, widths, left=1, height=0.4, color=colors)
    ax.axvline(1, color="black", lw=1)
    for position, (name, row) in zip(positions, rows.items(), strict=True):
        reached = f"{results[name]['reached']:#.3g}".rstrip(".")
        text = f"{row.title}:  {reached}  (target {row.target_text})".replace("`", "")
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
        ax.text(0.17, position - 0.38, text, va="center", fontsize=8.5, bbox=box)
    ax.set(
        xscale="log",
        xlim=(0.17, 3),
        ylim=(len(rows) - 0.5, -0.8),
        yticks=[],
        xlabel="by which factor better than the target",
    )
    ax.set_xticks([0.2, 0.5, 1, 2], ["0.2", "0.5", "1", "2"])
    ax.minorticks_off()
    ax.spines[["top", "right", "left"]].set_visible(False)
    return figure


def add_rows(output, results):
    rows = []
    for name, row in ROWS.items():
        if name not in results:
            continue
        figures = results[name]
        value = f"{figures['reached']:#.3g}".rstrip(".")
        if not row.is_reached_by(figures["reached"]):
            value += " (missed)"
        seconds = [median_seconds(figures, who) for who in ("ours", "reference")]
        rows.append([row.title, row.target_text, value, *seconds])
    header = ["", "target", "measured", "ours, s", "reference, s"]
    output.table("speed", header, rows, folded="Table: all measured times")


def median_seconds(figures, who):
    times = figures.get(f"{who}_seconds")
    return "" if times is None else f"{median(times):.3g}"


def add_searches(output, results):
    rows = []
    for name, searches in SEARCHES.items():
        for key, label in searches.items():
            best = results[name][key]
            parameters = ", ".join(
                f"{k} {v}" for k, v in sorted(best["best_params"].items())
            )
            score = decimal(best["best_score"])
            n_images = results[name]["n_rows"]
            rows.append([ROWS[name].title, label, score, parameters, n_images])
    header = ["search", "", "best score", "best parameters", "images"]
    output.table("searches", header, rows)
    output.number("points lost", f"{results['halving']['points_lost']:.2f}")


def add_fast_settings(output, results):
    for prefix, name in (("fast", "time-to-report"), ("minute", "accuracy-in-time")):
        race = results[name]
        output.code(f"{prefix}_setting", as_call(race["setting"]))
        output.number(f"{prefix} accuracy", decimal(race["ours_mean_accuracy"]))
        output.number(f"{prefix} seconds", f"{mean(race['ours_seconds']):.1f}")
        report_seconds = f"{mean(race['reference_seconds']):.0f}"
        output.number(f"{prefix} report seconds", report_seconds)
        output.number(f"{prefix} seeds", len(race["ours_seconds"]))


def as_call(setting):
    """Return a setting as a call of the classifier, broken into lines."""
    lines, line = [], ""
    for argument in (f"{name}={value!r}" for name, value in setting.items()):
        if len(line) + len(argument) > 68:
            lines.append(line.rstrip())
            line = ""
        line += f"{argument}, "
    lines.append(line.rstrip())
    return "\n    ".join(["BloodCNNClassifier(", *lines]) + "\n)"


def add_quickstart(output, results):
    accuracy = decimal(results["quickstart"]["mean_accuracy"], 3)
    output.number("quickstart accuracy", accuracy)
    output.number("busy ratio", f"{results['busy']['ratio']:.1f}")
    output.number("unbound busy ratio", f"{results['busy']['unbound_ratio']:.1f}")


def add_bfloat16(output, results):
    figures = results["predict-bfloat16"]
    output.number("bfloat16 same", f"{100 * figures['same_labels']:.2f} %")
    largest = figures["largest_change_of_a_probability"]
    output.number("bfloat16 largest", decimal(largest, 3))


def add_tiny(output, results):
    for prefix, name in (("tiny", "predict-tiny"), ("int8", "predict-tiny-int8")):
        figures = results[name]
        output.number(f"{prefix} accuracy", decimal(figures["accuracy"]))
        output.number(f"{prefix} ratio", f"{figures['ratio']:.1f}")
    output.number(
        "int8 kilobytes", f"{results['predict-tiny-int8']['bytes'] / 1e3:.0f}"
    )


def add_compilation(output):
    for part, figures in load("compilation").items():
        if part in ("training", "predicting"):
            output.number(f"compiled {part}", f"{figures['ratio']:.2f}")
            seconds = f"{figures['first_call_seconds']:.0f}"
            output.number(f"compiling {part} seconds", seconds)


def add_memory(output):
    rows = [
        [f"{int(n):,}", *(f"{use[method]:.0f}" for method in MEMORY_COLUMNS)]
        for n, use in load("memory")["megabytes"].items()
    ]
    header = ["images of 224×224", *(f"{method}, MB" for method in MEMORY_COLUMNS)]
    output.table("memory", header, rows)
