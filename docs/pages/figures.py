"""Draws the figures of docs/results.rst."""

import matplotlib.pyplot as plt
from tables import DOCS, load

MODEL_LABELS = {
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
# The vertical alignment of labels that would otherwise overlap with another label.
LABEL_ALIGNMENT = {
    "default": "top",
    "svc": "bottom",
    "mlp": "top",
    "fnn": "bottom",
    "report_fnn": "top",
}
# A fixed salt gives elements of SVG files the same identifiers in every run.
plt.rcParams["svg.hashsalt"] = "skblood"


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
    for name, label in MODEL_LABELS.items():
        mean = load(f"accuracy_{name}")["mean"]
        ours = name == "default"
        point = (mean["fit_seconds"] * mean["threads"], mean["accuracy"])
        ax.plot(*point, "*" if ours else "s", color="C3" if ours else "0.5", ms=9)
        alignment = {"ha": "left", "va": LABEL_ALIGNMENT.get(name, "center")}
        ax.annotate(label, point, (9, 0), textcoords="offset points", **alignment)
    ax.set(xscale="log", xlabel="training time × cores used, in seconds")
    _finish(fig, ax, "budgets")


def plot_small_data(small, models):
    fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name in models:
        results = small["results"][name]
        counts = [int(n) for n in results]
        mean = [figures["mean"]["accuracy"] for figures in results.values()]
        std = [figures["std"]["accuracy"] for figures in results.values()]
        ax.errorbar(counts, mean, std, marker="o", capsize=3, label=MODEL_LABELS[name])
    ax.set(xscale="log", xlabel="training images per class")
    ax.set_xticks(counts, counts)
    ax.minorticks_off()
    _finish(fig, ax, "small_data")


def _finish(fig, ax, name):
    ax.set(ylabel="accuracy on the test split")
    ax.grid(alpha=0.3)
    ax.legend(loc="lower right")
    folder = DOCS / "images"
    folder.mkdir(exist_ok=True)
    # Without a date, the same results give the same file.
    fig.savefig(folder / f"{name}.svg", metadata={"Date": None})
    plt.close(fig)
