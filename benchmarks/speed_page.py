"""Write docs/speed.rst from benchmarks/results/{speed,compilation,memory}.json.

The text is that of speed_page.rst.template. Run this after a benchmark.

    python benchmarks/speed_page.py
"""

from pathlib import Path
from statistics import mean, median

from results_page import DOCS, figure, load, table
from speed import ROWS
from speed_rows.fitting import CNN_EPOCHS

PAGE = DOCS / "speed.rst"
TEMPLATE = Path(__file__).with_suffix(".rst.template")


def seconds(figures, whose):
    times = figures.get(f"{whose}_seconds")
    return "" if times is None else f"{median(times):.3g}"


def row(name, figures):
    reached = f"{figures['reached']:#.3g}".rstrip(".")
    if not ROWS[name].reached(figures["reached"]):
        reached += " (missed)"
    return [
        figures["title"],
        figures["target"],
        reached,
        seconds(figures, "ours"),
        seconds(figures, "reference"),
    ]


def as_call(setting):
    """Return the line of code for a setting."""
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


def races(results):
    """Return what the template says of the two races against the report."""
    fields = {}
    for short, name in (("fast", "time-to-report"), ("minute", "accuracy-in-time")):
        race = results[name]
        fields[f"{short}_call"] = as_call(race["setting"])
        fields[f"{short}_accuracy"] = figure(race["ours_mean_accuracy"])
        fields[f"{short}_seconds"] = f"{mean(race['ours_seconds']):.1f}"
        fields[f"{short}_report"] = f"{mean(race['reference_seconds']):.0f}"
        fields[f"{short}_seeds"] = len(race["ours_seconds"])
    return fields | own_report(results)


def own_report(results):
    """Estimate how long the report's recipe takes with our version of its network."""
    race = results["time-to-report"]
    n_epochs = mean(race["reference_epochs"])
    seconds_an_epoch = median(results["fit-report-cnn"]["ours_seconds"]) / CNN_EPOCHS
    estimate = n_epochs * seconds_an_epoch
    return {
        "own_epochs": f"{n_epochs:.0f}",
        "own_report": f"{estimate:.0f}",
        "own_ratio": f"{estimate / mean(race['ours_seconds']):.1f}",
    }


def searches(results):
    rows = []
    for name in ("grid-cnn", "grid-fnn"):
        search = results[name]
        for who in ("ours", "skorch"):
            best = search[who]
            rows.append([search["title"], who, *_best(best), search["n_rows"]])
    halving = results["halving"]
    for who in ("grid", "halving"):
        rows.append([halving["title"], who, *_best(halving[who]), halving["n_rows"]])
    return table(["search", "", "best score", "best setting", "rows"], rows)


def _best(best):
    setting = ", ".join(f"{k} {v}" for k, v in sorted(best["best_params"].items()))
    return [figure(best["best_score"]), setting]


def memory_table(memory):
    rows = [
        [f"{int(n):,}", *(f"{use[what]:.0f}" for what in ("fit", "predict_proba"))]
        for n, use in memory["megabytes"].items()
    ]
    return table(["images of 224×224", "fit, MB", "predict_proba, MB"], rows)


def main():
    results, compilation = load("speed"), load("compilation")
    missing = [name for name in ROWS if name not in results]
    if missing:
        raise SystemExit(f"Not measured yet: {', '.join(missing)}")
    rows = [row(name, results[name]) for name in ROWS]
    header = ["", "target", "reached", "ours, s", "reference, s"]
    machine = results["fit-default"]["machine"]
    PAGE.write_text(
        TEMPLATE.read_text().format(
            **machine,
            **races(results),
            rows=table(header, rows),
            searches=searches(results),
            points_lost=f"{results['halving']['points_lost']:.2f}",
            memory=memory_table(load("memory")),
            compiled_training=f"{compilation['training']['ratio']:.2f}",
            compiled_predicting=f"{compilation['predicting']['ratio']:.2f}",
            compiling_seconds=f"{compilation['training']['first_call_seconds']:.0f}",
            compiling_predicting_seconds=(
                f"{compilation['predicting']['first_call_seconds']:.0f}"
            ),
        )
    )


if __name__ == "__main__":
    main()
