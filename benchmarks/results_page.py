"""Write docs/results.rst and its figures from benchmarks/results/*.json.

The text is that of results_page.rst.template, and all tables of results come from the
files. Run this after a benchmark.

    python benchmarks/results_page.py
"""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from recording import RESULTS

from skblood import load_bloodmnist_sample

DOCS = Path(__file__).parents[1] / "docs"
TEMPLATE = Path(__file__).with_suffix(".rst.template")
NAMES = {
    "default": "``BloodCNNClassifier()``",
    "report_cnn": "the report's CNN",
    "fnn": "``BloodFNNClassifier()``",
    "report_fnn": "the report's FNN",
    "medmnist_resnet18": "MedMNIST's ResNet-18, 3 epochs",
    "svc": "support vector machine (RBF) on 100 principal components",
    "hist_gradient_boosting": "``HistGradientBoostingClassifier()``",
    "mlp": "``MLPClassifier(early_stopping=True)``",
    "logistic_regression": "``LogisticRegression(C=0.01)``",
}
TUNING_NAMES = {
    "scratch": "from nothing",
    "warm_start": "``warm_start=True``",
    "new layer": "logistic regression on the features",
}
SHORT_NAMES = {
    "default": "BloodCNNClassifier()",
    "report_cnn": "report's CNN",
    "fnn": "BloodFNNClassifier()",
    "report_fnn": "report's FNN",
    "medmnist_resnet18": "ResNet-18, 3 epochs",
    "svc": "SVC on PCA",
    "hist_gradient_boosting": "HistGradientBoosting",
    "mlp": "MLPClassifier",
    "logistic_regression": "LogisticRegression",
}
# Where a label beside its point would meet another one.
LABEL_SIDES = {
    "default": "top",
    "svc": "bottom",
    "mlp": "top",
    "fnn": "bottom",
    "report_fnn": "top",
}
SMALL_DATA_MODELS = ["default", "mlp", "logistic_regression"]


def load(name):
    return json.loads((RESULTS / f"{name}.json").read_text())


def figure(value, digits=4):
    """Write a share without its leading zero, as the tables of the field do."""
    return f"{value:.{digits}f}".lstrip("0") if value < 1 else f"{value:.{digits}f}"


def accuracy(figures):
    spread = figures["std"]["accuracy"]
    mean = figure(figures["mean"]["accuracy"])
    return mean if spread is None else f"{mean} ± {figure(spread)}"


def table(header, rows):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        cells = [str(cell) for cell in row]
        lines += [f"   * - {cells[0]}".rstrip()]
        lines += [f"     - {cell}".rstrip() for cell in cells[1:]]
    return "\n".join(lines)


def headline(default):
    views = default["test_time_augmentation"]
    measures = {
        "AUC": ("auc", 5),
        "macro F1": ("macro_f1", 4),
        "negative log-likelihood": ("nll", 4),
        "expected calibration error, 15 bins": ("ece", 4),
    }
    n = len(default["runs"])
    columns = [default["mean"], views["mean"], default["vote"], views["vote"]]
    rows = [
        [
            "accuracy",
            f"**{accuracy(default)}**",
            accuracy(views),
            *(figure(column["accuracy"]) for column in columns[2:]),
        ],
        *(
            [title, *(figure(column[key], digits) for column in columns)]
            for title, (key, digits) in measures.items()
        ),
        [
            "accuracy without the six twins",
            accuracy(default["without_twins"]),
            *[""] * 3,
        ],
    ]
    header = ["", "default", "eight views", f"vote of {n}", f"vote of {n}, eight views"]
    return table(header, rows)


def recall(default):
    names = [name.split("(")[0] for name in load_bloodmnist_sample("test").target_names]
    return table(names, [[figure(share, 3) for share in default["mean_recall"]]])


def baselines():
    header = ["", "accuracy", "AUC", "macro F1", "NLL", "ECE", "fit, s", "cores"]
    header += ["parameters", "multiplications", "p"]
    against = load("accuracy_mcnemar")["seeds"]
    return table(header, [baseline(name, against.get(name)) for name in NAMES])


def baseline(name, against):
    figures = load(f"accuracy_{name}")
    mean, n = figures["mean"], len(figures["runs"])
    return [
        NAMES[name] + ("" if n > 1 else ", one run"),
        accuracy(figures),
        figure(mean["auc"], 5),
        figure(mean["macro_f1"]),
        figure(mean["nll"]),
        figure(mean["ece"]),
        f"{mean['fit_seconds']:.0f}",
        f"{mean['threads']:.0f}",
        f"{mean['parameters']:,.0f}" if "parameters" in mean else "–",
        f"{mean['macs'] / 1e6:.1f} M" if "macs" in mean else "–",
        f"{against[0]['p']:.1g}" if against else "–",
    ]


def budget_rows(budgets):
    rows = []
    for budget, figures in budgets["budgets"].items():
        mean, n = figures["mean"], len(figures["runs"])
        rows.append(
            [
                f"{budget} s",
                figures["epochs"],
                f"{mean['fit_seconds']:.0f}",
                accuracy(figures),
                figure(mean["nll"]),
                n,
            ]
        )
    return table(["budget", "max_epochs", "fit, s", "accuracy", "NLL", "seeds"], rows)


def small_data_rows(small):
    counts = list(small["results"]["default"])
    rows = [
        [n, *(accuracy(small["results"][name][n]) for name in SMALL_DATA_MODELS)]
        for n in counts
    ]
    full = [accuracy(load(f"accuracy_{name}")) for name in SMALL_DATA_MODELS]
    header = ["images a class", *(NAMES[name] for name in SMALL_DATA_MODELS)]
    return table(header, [*rows, ["all, 849 to 2,330", *full]])


def fine_tuning_rows(task):
    counts = [n for n in task if n.isdigit()]
    methods = list(task[counts[0]])
    rows = [[n, *(accuracy(task[n][method]) for method in methods)] for n in counts]
    return table(["images a class", *(TUNING_NAMES[m] for m in methods)], rows)


def image_size_rows(sizes):
    rows = [
        [
            f"{run['size']}×{run['size']}",
            run["epochs"],
            f"{run['seconds_an_epoch']:.1f}",
            figure(run["accuracy"]),
        ]
        for run in sizes["runs"]
    ]
    title = f"accuracy, {sizes['n_train']:,} images, one run"
    return table(["pixels", "epochs", "an epoch, s", title], rows)


def ablation_rows(ablation):
    rows = [
        [
            f"**{name}**" if name == "as it is" else name,
            accuracy(figures),
            figure(figures["mean"]["nll"]),
            figure(figures["mean"]["ece"]),
            figure(figures["mean"]["train_loss"]),
        ]
        for name, figures in ablation["variants"].items()
    ]
    header = ["changed", "accuracy", "NLL", "ECE", "last training loss"]
    return table(header, rows)


def plot_budgets(budgets):
    fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    runs = [figures["mean"] for figures in budgets["budgets"].values()]
    cores = budgets["machine"]["cores"]
    ax.plot(
        [mean["fit_seconds"] * cores for mean in runs],
        [mean["accuracy"] for mean in runs],
        "o-",
        color="C3",
        label="BloodCNNClassifier(max_epochs=…)",
    )
    for name, label in SHORT_NAMES.items():
        mean = load(f"accuracy_{name}")["mean"]
        ours = name == "default"
        point = (mean["fit_seconds"] * mean["threads"], mean["accuracy"])
        ax.plot(*point, "*" if ours else "s", color="C3" if ours else "0.5", ms=9)
        side = {"ha": "left", "va": LABEL_SIDES.get(name, "center")}
        ax.annotate(label, point, (9, 0), textcoords="offset points", **side)
    ax.set(xscale="log", xlabel="seconds of fit, times cores in use")
    ax.set(ylabel="accuracy, test")
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    save(fig, "budgets")


def plot_small_data(small):
    fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name in SMALL_DATA_MODELS:
        results = small["results"][name]
        counts = [int(n) for n in results]
        mean = [figures["mean"]["accuracy"] for figures in results.values()]
        std = [figures["std"]["accuracy"] for figures in results.values()]
        ax.errorbar(counts, mean, std, marker="o", capsize=3, label=SHORT_NAMES[name])
    ax.set(xscale="log", xlabel="training images a class", ylabel="accuracy, test")
    ax.set_xticks(counts, counts)
    ax.minorticks_off()
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    save(fig, "small_data")


def save(fig, name):
    # The same figures give the same file.
    fig.savefig(DOCS / "images" / f"{name}.svg", metadata={"Date": None})
    plt.close(fig)


def default_section():
    figures = load("accuracy_default")
    return {
        "n_seeds": len(figures["runs"]),
        **figures["machine"],
        "command": figures["command"],
        "headline": headline(figures),
        "recall": recall(figures),
    }


def baselines_section():
    return {"table": baselines()}


def ablation_section():
    figures = load("accuracy_ablation")
    return {**figures, "table": ablation_rows(figures)}


def budgets_section():
    figures = load("accuracy_budgets")
    plot_budgets(figures)
    seconds = np.mean(figures["seconds_of_report_to_its_accuracy"])
    return {**figures, "report_seconds": seconds, "table": budget_rows(figures)}


def small_data_section():
    figures = load("accuracy_small_data")
    plot_small_data(figures)
    return {**figures, "table": small_data_rows(figures)}


def fine_tuning_section():
    figures = load("fine_tuning")
    return {
        **figures,
        "new_classes": fine_tuning_rows(figures["new_classes"]),
        "new_stain": fine_tuning_rows(figures["new_stain"]),
        "as_it_is": figure(figures["new_stain"]["pretrained_as_it_is"]),
    }


def image_sizes_section():
    figures = load("accuracy_image_sizes")
    return {**figures, "table": image_size_rows(figures)}


# The template's sections begin with the name of the results they need.
SECTIONS = {
    "accuracy_default": default_section,
    "accuracy_ablation": ablation_section,
    "accuracy_mcnemar": baselines_section,
    "accuracy_budgets": budgets_section,
    "accuracy_small_data": small_data_section,
    "fine_tuning": fine_tuning_section,
    "accuracy_image_sizes": image_sizes_section,
}


def main():
    plt.rcParams["svg.hashsalt"] = "skblood"
    (DOCS / "images").mkdir(exist_ok=True)
    page = ""
    _, *parts = re.split(r"^\.\. needs: (.+)\n\n", TEMPLATE.read_text(), flags=re.M)
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if (RESULTS / f"{name}.json").exists():
            page += text.format(**SECTIONS[name]())
        else:
            print(f"{name} has not been measured: its section is left out.")
    (DOCS / "results.rst").write_text(page.rstrip() + "\n")


if __name__ == "__main__":
    main()
