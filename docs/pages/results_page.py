"""Write docs/results.rst and its figures from benchmarks/results/.

The text comes from results_page.rst.template, and the numbers in the tables come from
the results. Run this after a benchmark. It trains nothing.

    python docs/pages/results_page.py
"""

import argparse
import re

import numpy as np
from figures import plot_budgets, plot_small_data
from tables import DOCS, accuracy, decimal, load, results_path, table, template

from skblood import load_bloodmnist_sample

MODELS = {
    "default": "``BloodCNNClassifier()``",
    "report_cnn": "the report's CNN",
    "fnn": "``BloodFNNClassifier()``",
    "report_fnn": "the report's FNN",
    "medmnist_resnet18": "MedMNIST's ResNet-18, 3 epochs",
    "svc": "support vector machine (RBF kernel) on 100 principal components",
    "hist_gradient_boosting": "``HistGradientBoostingClassifier()``",
    "mlp": "``MLPClassifier(early_stopping=True)``",
    "logistic_regression": "``LogisticRegression(C=0.01)``",
}
SMALL_DATA_MODELS = ["default", "mlp", "logistic_regression"]
DOUBT_COLUMNS = [
    "images",
    "accuracy",
    "mean probability",
    "doubtful",
    "wrong and not doubtful",
    "fraction of the errors that is doubtful",
]
UNLIKE_NAMES = {
    "test": "BloodMNIST, test split",
    "tecom": "Tecom",
    "cellavision": "CellaVision",
}
ADAPTATIONS = [
    "unchanged",
    "five classes",
    "matched colours",
    "matched colours, five classes",
]
FINE_TUNING_METHODS = {
    "scratch": "trained from scratch",
    "warm_start": "``warm_start=True``",
    "new layer": "logistic regression on the embeddings",
}
ABLATION_NAMES = {
    "as it is": "**nothing**",
    "no flips and turns": "no flips and rotations",
}


def default_section():
    figures = load("accuracy_default")
    return {
        "n_seeds": len(figures["runs"]),
        **figures["machine"],
        "command": figures["command"],
        "headline": headline_table(figures),
        "recall": recall_table(figures),
    }


def headline_table(default):
    augmented = default["test_time_augmentation"]
    measures = {
        "AUC": ("auc", 5),
        "macro F1": ("macro_f1", 4),
        "negative log-likelihood (NLL)": ("nll", 4),
        "expected calibration error (ECE), 15 bins": ("ece", 4),
    }
    n = len(default["runs"])
    ensemble, ensemble_augmented = default["vote"], augmented["vote"]
    columns = [default["mean"], augmented["mean"], ensemble, ensemble_augmented]
    rows = [
        [
            "accuracy",
            f"**{accuracy(default)}**",
            accuracy(augmented),
            decimal(ensemble["accuracy"]),
            decimal(ensemble_augmented["accuracy"]),
        ],
        *(
            [title, *(decimal(column[key], digits) for column in columns)]
            for title, (key, digits) in measures.items()
        ),
        [
            "accuracy without the six duplicated images",
            accuracy(default["without_twins"]),
            *[""] * 3,
        ],
    ]
    header = ["", "default", "TTA", f"ensemble of {n} seeds", "ensemble and TTA"]
    return table(header, rows)


def recall_table(default):
    names = load_bloodmnist_sample("test").target_names
    return table(names, [[decimal(recall, 3) for recall in default["mean_recall"]]])


def models_section():
    header = ["", "accuracy", "AUC", "macro F1", "NLL", "ECE", "fit, s", "cores"]
    header += ["parameters", "multiplications", "p"]
    tests = load("accuracy_mcnemar")["seeds"]
    return {"table": table(header, [model_row(name, tests) for name in MODELS])}


def model_row(name, tests):
    figures = load(f"accuracy_{name}")
    mean, n = figures["mean"], len(figures["runs"])
    return [
        MODELS[name] + ("" if n > 1 else ", one run"),
        accuracy(figures),
        decimal(mean["auc"], 5),
        decimal(mean["macro_f1"]),
        decimal(mean["nll"]),
        decimal(mean["ece"]),
        f"{mean['fit_seconds']:.0f}",
        f"{mean['threads']:.0f}",
        f"{mean['parameters']:,.0f}" if "parameters" in mean else "–",
        f"{mean['macs'] / 1e6:.1f} M" if "macs" in mean else "–",
        f"{tests[name][0]['p']:.1g}" if name in tests else "–",
    ]


def budgets_section():
    budgets = load("accuracy_budgets")
    plot_budgets(budgets)
    rows = []
    for budget, figures in budgets["budgets"].items():
        mean, n = figures["mean"], len(figures["runs"])
        rows.append(
            [
                f"{budget} s",
                figures["epochs"],
                f"{mean['fit_seconds']:.0f}",
                accuracy(figures),
                decimal(mean["nll"]),
                n,
            ]
        )
    header = ["budget", "max_epochs", "fit, s", "accuracy", "NLL", "seeds"]
    return {
        **budgets,
        "report_seconds": np.mean(budgets["seconds_of_report_to_its_accuracy"]),
        "table": table(header, rows),
    }


def small_data_section():
    small = load("accuracy_small_data")
    plot_small_data(small, SMALL_DATA_MODELS)
    results = small["results"]
    rows = [
        [n, *(accuracy(results[name][n]) for name in SMALL_DATA_MODELS)]
        for n in results["default"]
    ]
    full = [accuracy(load(f"accuracy_{name}")) for name in SMALL_DATA_MODELS]
    header = ["images per class", *(MODELS[name] for name in SMALL_DATA_MODELS)]
    return {**small, "table": table(header, [*rows, ["all (849 to 2,330)", *full]])}


def short_trainings_section():
    short = load("short_trainings")
    rows = [
        [
            row["n_images"],
            row["n_epochs"],
            accuracy(row["running averages"]),
            accuracy(row["recomputed"]),
        ]
        for row in short["results"]
    ]
    header = ["images", "epochs", "running averages", "recomputed statistics"]
    return {**short, "table": table(header, rows)}


def fine_tuning_section():
    figures = load("fine_tuning")
    return {
        **figures,
        "new_classes": fine_tuning_table(figures["new_classes"]),
        "new_stain": fine_tuning_table(figures["new_stain"]),
        "unchanged": decimal(figures["new_stain"]["pretrained_as_it_is"]),
    }


def fine_tuning_table(task):
    counts = [n for n in task if n.isdigit()]
    methods = list(task[counts[0]])
    rows = [[n, *(accuracy(task[n][method]) for method in methods)] for n in counts]
    header = ["images per class", *(FINE_TUNING_METHODS[m] for m in methods)]
    return table(header, rows)


def microscopes_section():
    figures = load("microscopes")
    kinds = parts_of(figures["unseen kinds"])
    areas = [summary["mean"]["auroc"] for summary in kinds.values()]
    return {
        "command": figures["unlike"]["command"].split(" --")[0],
        "unlike": unlike_table(figures["unlike"]),
        "doubts": doubts_table(figures["doubts"]),
        "without": without_labels_table(figures["without labels"]),
        "robust": robust_table(figures["robust"]),
        "robust_test": accuracy(figures["robust"]["test"]),
        "fit_time": decimal(figures["fit time"]["robust over auto"], 2),
        "labels": few_labels_table(figures["few labels"]),
        "kinds": table(list(kinds), [[decimal(area, 3) for area in areas]]),
        "mean_of_kinds": decimal(sum(areas) / len(areas), 3),
    }


def parts_of(figures):
    """Return the figures without the description of how they were measured."""
    described = ("command", "versions", "machine")
    return {name: v for name, v in figures.items() if name not in described}


def name_of_images(name):
    first, *rest = name.split(", ")
    return ", ".join([UNLIKE_NAMES.get(first, first), *rest])


def unlike_table(unlike):
    rows = [
        [
            name_of_images(name),
            decimal(values["auroc"], 3) if "auroc" in values else "–",
            decimal(values["marked_at_false_alarms"], 3),
            decimal(values["marked_by_default"], 3),
        ]
        for name, values in parts_of(unlike).items()
    ]
    header = ["images", "AUROC", "marked at 1 % false alarms", "marked by default"]
    return table(header, rows)


def doubts_table(doubts):
    measures = [
        "accuracy",
        "mean_probability",
        "doubtful",
        "wrong_and_not_doubtful",
        "errors_doubtful",
    ]
    rows = [
        [name_of_images(name), *(decimal(values[m], 3) for m in measures)]
        for name, values in parts_of(doubts).items()
    ]
    return table(DOUBT_COLUMNS, rows)


def without_labels_table(without):
    rows = [
        [
            f"``{model}``",
            name_of_images(name),
            *(decimal(v, 2) for v in values.values()),
        ]
        for model, sets in parts_of(without).items()
        for name, values in sets.items()
    ]
    return table(["model", "cells", *ADAPTATIONS, "with test-time augmentation"], rows)


def robust_table(robust):
    rows = [
        [name_of_images(name), *(mean_and_std(summary, way) for way in ADAPTATIONS)]
        for name, summary in parts_of(robust).items()
        if name != "test"
    ]
    return table(["cells", *ADAPTATIONS], rows)


def mean_and_std(summary, measure, digits=2):
    mean, std = (decimal(summary[key][measure], digits) for key in ("mean", "std"))
    return f"{mean} ± {std}"


def few_labels_table(labels):
    rows = [
        [
            name_of_images(name),
            method,
            mean_and_std(summary, "accuracy", 3),
            mean_and_std(summary, "accuracy_of_eight_views", 3),
            decimal(summary["mean"]["unfamiliar"], 3),
        ]
        for name, methods in parts_of(labels).items()
        for method, summary in methods.items()
    ]
    header = [
        "cells",
        "start, and choice of the cells",
        "accuracy on the other cells",
        "the same with test-time augmentation",
        "of them unfamiliar",
    ]
    return table(header, rows)


def image_sizes_section():
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
    return {**sizes, "table": table(header, rows)}


def ablation_section():
    ablation = load("accuracy_ablation")
    rows = [
        [
            ABLATION_NAMES.get(name, name),
            accuracy(figures),
            decimal(figures["mean"]["nll"]),
            decimal(figures["mean"]["ece"]),
            decimal(figures["mean"]["train_loss"]),
        ]
        for name, figures in ablation["variants"].items()
    ]
    header = ["change", "accuracy", "NLL", "ECE", "training loss, last epoch"]
    return {**ablation, "table": table(header, rows)}


# Each section of the template starts with the name of the results that it needs.
SECTIONS = {
    "accuracy_default": default_section,
    "accuracy_ablation": ablation_section,
    "accuracy_mcnemar": models_section,
    "accuracy_budgets": budgets_section,
    "accuracy_small_data": small_data_section,
    "short_trainings": short_trainings_section,
    "fine_tuning": fine_tuning_section,
    "microscopes": microscopes_section,
    "accuracy_image_sizes": image_sizes_section,
}


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    page = ""
    _, *parts = re.split(r"^\.\. needs: (.+)\n\n", template(__file__), flags=re.M)
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if results_path(name).exists():
            page += text.format(**SECTIONS[name]())
        else:
            print(f"No results for {name}: the page is written without its section.")
    (DOCS / "results.rst").write_text(page.rstrip() + "\n")


if __name__ == "__main__":
    main()
