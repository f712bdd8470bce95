"""Write docs/speed.rst from benchmarks/results/{speed,compilation,memory}.json.

The text comes from speed_page.rst.template, and the titles and targets of the rows come
from benchmarks/speed_rows/. Run this after a benchmark. It measures nothing.

    python docs/pages/speed_page.py
"""

import argparse
import sys
from statistics import mean, median

from tables import BENCHMARKS, DOCS, decimal, load, table, template

# benchmarks/ is not a package: its scripts import from each other by this path.
sys.path.insert(0, str(BENCHMARKS))
from speed import ROWS
from speed_rows.fitting import CNN_EPOCHS

SEARCHES = {
    "grid-cnn": {"ours": "skblood", "skorch": "plain skorch"},
    "grid-fnn": {"ours": "skblood", "skorch": "plain skorch"},
    "halving": {"grid": "whole grid", "halving": "successive halving"},
}


def rows_table(results):
    rows = []
    for name, row in ROWS.items():
        figures = results[name]
        value = f"{figures['reached']:#.3g}".rstrip(".")
        if not row.is_reached_by(figures["reached"]):
            value += " (missed)"
        seconds = [median_seconds(figures, who) for who in ("ours", "reference")]
        rows.append([row.title, row.target_text, value, *seconds])
    return table(["", "target", "measured", "ours, s", "reference, s"], rows)


def median_seconds(figures, who):
    times = figures.get(f"{who}_seconds")
    return "" if times is None else f"{median(times):.3g}"


def searches_table(results):
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
    return table(header, rows)


def races(results):
    """Return the template's fields about the two fast settings."""
    fields = {}
    for prefix, name in (("fast", "time-to-report"), ("minute", "accuracy-in-time")):
        race = results[name]
        fields[f"{prefix}_call"] = as_call(race["setting"])
        fields[f"{prefix}_accuracy"] = decimal(race["ours_mean_accuracy"])
        fields[f"{prefix}_seconds"] = f"{mean(race['ours_seconds']):.1f}"
        fields[f"{prefix}_report"] = f"{mean(race['reference_seconds']):.0f}"
        fields[f"{prefix}_seeds"] = len(race["ours_seconds"])
    return fields | report_in_skblood(results)


def as_call(setting):
    """Return a setting as a call of the classifier, broken into lines."""
    arguments = [f"{name}={value!r}" for name, value in setting.items()]
    lines, line = [], ""
    for argument in arguments:
        if len(line) + len(argument) > 68:
            lines.append(line.rstrip())
            line = ""
        line += f"{argument}, "
    lines.append(line.rstrip())
    indented = "".join(f"\n       {line}" for line in lines)
    return f"BloodCNNClassifier({indented}\n   )"


def report_in_skblood(results):
    """Estimate how long the report's recipe takes with skblood's `ReportNetwork`."""
    race = results["time-to-report"]
    n_epochs = mean(race["reference_epochs"])
    seconds_per_epoch = median(results["fit-report-cnn"]["ours_seconds"]) / CNN_EPOCHS
    estimate = n_epochs * seconds_per_epoch
    return {
        "own_epochs": f"{n_epochs:.0f}",
        "own_report": f"{estimate:.0f}",
        "own_ratio": f"{estimate / mean(race['ours_seconds']):.1f}",
    }


def compilation_fields():
    training, predicting = (load("compilation")[n] for n in ("training", "predicting"))
    return {
        "compiled_training": f"{training['ratio']:.2f}",
        "compiled_predicting": f"{predicting['ratio']:.2f}",
        "compiling_seconds": f"{training['first_call_seconds']:.0f}",
        "compiling_predicting_seconds": f"{predicting['first_call_seconds']:.0f}",
    }


def memory_table():
    rows = [
        [f"{int(n):,}", *(f"{use[what]:.0f}" for what in ("fit", "predict_proba"))]
        for n, use in load("memory")["megabytes"].items()
    ]
    return table(["images of 224×224", "fit, MB", "predict_proba, MB"], rows)


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    results = load("speed")
    missing = [name for name in ROWS if name not in results]
    if missing:
        raise SystemExit(
            f"No results for the rows {', '.join(missing)}. Run: "
            f"python benchmarks/speed.py {' '.join(missing)}"
        )
    page = template(__file__).format(
        **results["fit-default"]["machine"],
        **races(results),
        **compilation_fields(),
        rows=rows_table(results),
        searches=searches_table(results),
        points_lost=f"{results['halving']['points_lost']:.2f}",
        memory=memory_table(),
    )
    (DOCS / "speed.rst").write_text(page)


if __name__ == "__main__":
    main()
