"""How far the probabilities can be relied on: calibration, abstaining and sets."""

from measured.results import decimal, literal, load
from measured.smears import beside_target

MODELS = {
    "plain": "default",
    "plain, without duplicates": "default, without duplicates",
    "augmented": "default, test-time augmentation",
    "augmented, without duplicates": "the same, without duplicates",
    "report_cnn": "CNN of the 2024 report",
}
LARGEST_NLL = 0.06
SMALLEST_ACCURACY = {"0.9": 0.998, "0.95": 0.995}
LARGEST_SIZE = {"0.99": 1.04, "0.999": 1.15}


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
    rows = []
    for kind, title in MODELS.items():
        if kind not in probabilities:
            continue
        values = probabilities[kind]
        floor, nll = values["ece_floor"], values["nll"]
        low, high = (decimal(floor[end]) for end in ("low", "high"))
        n_seeds = len(values["temperature"])
        rows.append(
            [
                title,
                f"{min(values['temperature']):.2f} to {max(values['temperature']):.2f}",
                with_interval(values["ece_raw"]),
                with_interval(values["ece"]),
                f"{decimal(floor['mean'])} ({low} to {high})",
                f"{values['seeds_inside_floor']} of {n_seeds}",
                with_interval(values["nll_raw"]),
                beside_target(
                    with_interval(nll), nll["value"], LARGEST_NLL, at_least=False
                )
                if kind == "augmented"
                else with_interval(nll),
            ]
        )
    header = [
        "recipe",
        "temperature",
        "ECE before",
        "ECE after",
        "ECE of a perfectly calibrated model",
        "seeds within its interval",
        "NLL before",
        "NLL after",
    ]
    output.table("confidence_probabilities", header, rows)


def add_abstaining(output, abstaining):
    rows = [
        [
            title,
            with_interval(abstaining[kind]["accuracy"]),
            *(
                describe_surest(abstaining[kind][f"accuracy_of_surest_{x}"], x, kind)
                for x in SMALLEST_ACCURACY
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


def describe_surest(accuracy, fraction, kind):
    text = with_interval(accuracy)
    # The targets are for the default recipe on all test images.
    if kind not in ("plain", "augmented"):
        return text
    return beside_target(text, accuracy["value"], SMALLEST_ACCURACY[fraction])


def add_sets(output, sets):
    rows = []
    for coverage, values in sets.items():
        low, high = (decimal(end) for end in values["guaranteed"])
        size = values["size"]["value"]
        text = f"{size:.3f} ± {values['size']['std']:.3f}"
        largest = LARGEST_SIZE.get(coverage)
        rows.append(
            [
                decimal(float(coverage), len(coverage) - 2),
                with_interval(values["coverage"]),
                f"{low} to {high}",
                text
                if largest is None
                else beside_target(text, size, largest, at_least=False),
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
    rows = [
        [
            label,
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
