"""Errors in labels: suspects, labels changed on purpose, and duplicates."""

from measured.results import decimal, literal, load, without_description

NETWORK = "default classifier, fitted to the train split"


def add_to(output):
    """Add the tables and numbers of each part of the benchmark."""
    figures = load("audit")
    add_suspects(output, figures["suspects"])
    add_changed(output, figures["changed"])
    add_whole(output, figures["whole"])
    rows = [
        [change, decimal(found, 3)]
        for change, found in without_description(figures["near"]).items()
    ]
    output.table("audit_near", ["change", "found again"], rows)


def add_suspects(output, suspects):
    runs = suspects["default, runs"]
    mean = runs["mean"]
    vote = suspects["default, vote"]
    rows = [
        [
            f"{NETWORK}, mean of {runs['n_seeds']} seeds",
            f"{mean['among_11']:.1f}",
            f"{mean['among_50']:.1f}",
        ],
        [f"the same, ensemble of {runs['n_seeds']} seeds", *_counts(vote)],
    ]
    for name, values in without_description(suspects).items():
        if name.startswith("plain, "):
            model = name.removeprefix("plain, ")
            title = f"``audit_labels`` on the test split alone, {literal(model)}"
            rows.append([title, *_counts(values)])
    header = ["predictions", "of the 11, among the first 11", "among the first 50"]
    output.table("audit_suspects", header, rows)
    plain = suspects["plain, bloodmnist-28-robust"]
    output.number("audit seconds", f"{plain['seconds']:.0f} seconds")


def _counts(values):
    return values["among_11"], values["among_50"]


def add_changed(output, changed):
    rows = [
        [
            name if " " in name else literal(name),
            decimal(values["precision_at_n_wrong"], 3),
            decimal(values["listed_of_wrong"], 3),
            values["listed"],
            values["n_label_errors"],
        ]
        for name, values in without_description(changed).items()
    ]
    header = [
        "embeddings of the classifier",
        "precision",
        "fraction of the changed labels in the table",
        "contradicted labels",
        "wrong labels, by cleanlab's estimate",
    ]
    output.table("audit_changed", header, rows)
    n_wrong = changed["fitted to these labels"]["n_wrong"]
    output.number("audit changed", n_wrong)


def add_whole(output, whole):
    output.number("audit identical", whole["identical_pairs"])
    output.number("audit contradictory", whole["contradictory_pairs"])
    output.number("audit near", whole["near_pairs"])
    output.number("audit seconds of all", f"{whole['seconds']:.0f} seconds")
    (pair,) = (
        pair["images"]
        for pair in whole["pairs"]
        if pair["is_exact"] and pair["is_contradictory"]
    )
    output.number("audit pair", " and ".join(pair))
