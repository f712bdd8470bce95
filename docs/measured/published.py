"""Published results of others, and the 2024 report reproduced."""

from measured.results import decimal, literal, load, mean_and_std

MEASURES = ["accuracy", "precision", "recall", "f1"]
PROTOCOLS = {
    "split": "trained on the train split, 5 seeds, scored on the test split",
    "folds": "5 folds of the train and validation splits, seed 42",
}


def add_to(output):
    """Add the table of published results, and those of the report."""
    published = load("published")
    rows = [
        [
            row["model"],
            row["pixels"],
            decimal(row["accuracy"], row["digits"]),
            row.get("auc", "–"),
            sources(published)[row["source"]] if "source" in row else "not recorded",
        ]
        for row in published["models"]
    ]
    header = ["model", "pixels", "accuracy", "AUC", "source"]
    output.table("published", header, rows)
    add_report(output)


def sources(published):
    return {
        name: f"`{source['title']} <{source['url']}>`__"
        for name, source in published["sources"].items()
    }


def add_report(output):
    report = load("report_2024")
    output.number("report command", literal(report["command"]))
    header = ["", "accuracy", "precision", "recall", "F1"]
    rows = [
        [name, *(decimal(values[measure], 3) for measure in MEASURES)]
        for name, values in report["published"].items()
    ]
    output.table("report_published", header, rows)
    rows = [
        [
            f"{network}, {PROTOCOLS[protocol]}",
            mean_and_std(summary),
            *(decimal(summary["mean"][measure]) for measure in MEASURES[1:]),
        ]
        for network in ("CNN", "FNN")
        for protocol, networks in report["results"].items()
        for summary in [networks[network]]
    ]
    output.table("report_measured", header, rows)
