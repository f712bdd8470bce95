"""How far the probabilities can be relied on: calibration, abstaining and sets."""

from measured.results import decimal, literal, load
from skblood import load_bloodmnist_sample

MODELS = {
    "plain": "default",
    "plain, without duplicates": "default, without duplicates",
    "augmented": "default, test-time augmentation",
    "augmented, without duplicates": "the same, without duplicates",
    "report_cnn": "CNN of the 2024 report",
}
SUREST = ["0.9", "0.95"]


def add_to(output):
    """Add the tables and the numbers of the page."""
    figures = load("confidence")
    command = figures["sets"]["command"].split(" --")[0]
    output.number("confidence command", literal(f"{command} --models FOLDER"))
    n_seeds = len(figures["probabilities"]["plain"]["temperature"])
    output.number("confidence seeds", n_seeds)
    add_probabilities(output, figures["probabilities"])
    add_abstaining(output, figures["abstaining"])
    add_sets(output, figures["sets"]["plain"]["all images"])
    add_classes(output, figures["sets"]["plain"]["each class"]["0.99"])


def with_interval(value, places=4):
    low, high = (decimal(value[end], places) for end in ("low", "high"))
    return f"{decimal(value['value'], places)} ({low} to {high})"


def add_probabilities(output, probabilities):
    errors, losses = [], []
    for kind, title in MODELS.items():
        if kind not in probabilities:
            continue
        values = probabilities[kind]
        temperatures, floor = values["temperature"], values["ece_floor"]
        errors.append(
            [
                title,
                with_interval(values["ece_raw"]),
                with_interval(values["ece"]),
                with_interval(floor | {"value": floor["mean"]}),
                f"{values['seeds_inside_floor']} of {len(temperatures)}",
            ]
        )
        losses.append(
            [
                title,
                f"{min(temperatures):.2f} to {max(temperatures):.2f}",
                with_interval(values["nll_raw"]),
                with_interval(values["nll"]),
            ]
        )
    header = [
        "recipe",
        "ECE before",
        "ECE after",
        "ECE of a perfectly calibrated model",
        "seeds within its interval",
    ]
    output.table("confidence_errors", header, errors)
    header = ["recipe", "temperature", "NLL before", "NLL after"]
    output.table("confidence_losses", header, losses)


def add_abstaining(output, abstaining):
    rows = [
        [
            title,
            with_interval(abstaining[kind]["accuracy"]),
            *(
                with_interval(abstaining[kind][f"accuracy_of_surest_{fraction}"])
                for fraction in SUREST
            ),
            with_interval(abstaining[kind]["area_under_risk_coverage_curve"], 5),
        ]
        for kind, title in MODELS.items()
    ]
    header = [
        "recipe",
        "accuracy on all images",
        "on the surest 90 %",
        "on the surest 95 %",
        "area under the risk–coverage curve",
    ]
    output.table("confidence_abstaining", header, rows)


def add_sets(output, sets):
    rows = []
    for coverage, values in sets.items():
        low, high = (decimal(end) for end in values["guaranteed"])
        size = values["size"]
        rows.append(
            [
                decimal(float(coverage), len(coverage) - 2),
                with_interval(values["coverage"]),
                f"{low} to {high}",
                f"{size['value']:.3f} ± {size['std']:.3f}",
            ]
        )
    header = [
        "coverage asked for",
        "coverage on the test split",
        "where it must be in 90 % of cases",
        "mean number of classes in a set",
    ]
    output.table("confidence_sets", header, rows)


def add_classes(output, sets):
    names = load_bloodmnist_sample("test").target_names
    rows = [
        [
            names[int(label)],
            values["n"],
            decimal(values["coverage_of_usual_sets"], 3),
            decimal(values["coverage"], 3),
            " to ".join(decimal(end, 3) for end in values["guaranteed"]),
        ]
        for label, values in sets["classes"].items()
    ]
    header = [
        "class",
        "test images",
        "sets for all images",
        "class-conditional sets",
        "where it must be in 90 % of cases",
    ]
    title = "Table: coverage of the sets of each class, for 0.99"
    output.table("confidence_classes", header, rows, folded=title)
    output.number("confidence class size", f"{sets['size']:.3f}")
