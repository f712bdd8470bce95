"""The accuracy on the test split: the default classifier, and other models."""

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from measured.results import decimal, literal, load, mean_and_std
from measured.style import OTHERS, SKBLOOD, draw_points, new_figure

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
SHORT_NAMES = {
    **{name: title.strip("`") for name, title in MODELS.items()},
    "svc": "SVM on 100 components",
    "hist_gradient_boosting": "HistGradientBoostingClassifier",
    "mlp": "MLPClassifier",
    "logistic_regression": "LogisticRegression",
}
OF_SKBLOOD = ("default", "fnn")


def add_to(output):
    """Add the figures of the default classifier and of the models it is compared to."""
    for name in MODELS:
        output.number(f"{name} accuracy", mean_and_std(load(f"accuracy_{name}")))
    default = load("accuracy_default")
    output.number("default command", literal(default["command"]))
    output.number("seeds", len(default["runs"]))
    output.number("cores", default["machine"]["cores"])
    output.number("processor", default["machine"]["processor"])
    add_headline(output, default)
    add_confusion(output)
    add_recall(output, default)
    add_models(output)


def add_headline(output, default):
    augmented = default["test_time_augmentation"]
    ensemble, ensemble_augmented = default["vote"], augmented["vote"]
    measures = {
        "AUC": ("auc", 5),
        "macro F1": ("macro_f1", 4),
        "negative log-likelihood (NLL)": ("nll", 4),
        "expected calibration error (ECE), 15 bins": ("ece", 4),
    }
    columns = [default["mean"], augmented["mean"], ensemble, ensemble_augmented]
    rows = [
        [
            "accuracy",
            f"**{mean_and_std(default)}**",
            mean_and_std(augmented),
            decimal(ensemble["accuracy"]),
            decimal(ensemble_augmented["accuracy"]),
        ],
        *(
            [title, *(decimal(column[key], digits) for column in columns)]
            for title, (key, digits) in measures.items()
        ),
        [
            "accuracy without the six duplicated images",
            mean_and_std(default["without_twins"]),
            *[""] * 3,
        ],
    ]
    n = len(default["runs"])
    header = ["", "default", "TTA", f"ensemble of {n} seeds", "ensemble and TTA"]
    output.table("headline", header, rows)


def add_confusion(output):
    confusion = load("accuracy_confusion")
    names = [name.replace(" ", "\n") for name in confusion["classes"]]
    figure, axes = new_figure(6.5, 10.5, nrows=2, sharex=True)
    for ax, name in zip(axes, ("default", "report_cnn"), strict=True):
        counts = np.array(confusion["counts"][name])
        percent = 100 * counts / counts.sum(axis=1, keepdims=True)
        display = ConfusionMatrixDisplay(percent, display_labels=names)
        display.plot(ax=ax, cmap="Blues", colorbar=False, values_format=".1f")
        ax.set(title=SHORT_NAMES[name], xlabel="", ylabel="true class")
        ax.tick_params(axis="x", rotation=90)
    axes[1].set_xlabel("predicted class")
    output.figure("confusion", figure)


def add_recall(output, default):
    names = load("accuracy_confusion")["classes"]
    recall = [decimal(value, 3) for value in default["mean_recall"]]
    output.table(
        "recall",
        ["class", "recall"],
        zip(names, recall, strict=True),
        folded="Table: recall of each class, mean over the seeds",
    )


def add_models(output):
    results = {name: load(f"accuracy_{name}") for name in MODELS}
    ordered = sorted(results, key=lambda n: -results[n]["mean"]["accuracy"])
    figure, ax = new_figure(7.5, 4.2)
    draw_points(
        ax,
        [SHORT_NAMES[name] for name in ordered],
        [results[name]["mean"]["accuracy"] for name in ordered],
        errors=[results[name]["std"]["accuracy"] or 0 for name in ordered],
        colors=[SKBLOOD if name in OF_SKBLOOD else OTHERS for name in ordered],
        texts=[mean_and_std(results[name]) for name in ordered],
    )
    ax.set(xlim=(0.8, 1), xlabel="accuracy on the test split")
    output.figure("models", figure)

    tests = load("accuracy_mcnemar")["seeds"]
    header = ["", "accuracy", "AUC", "macro F1", "NLL", "ECE", "fit, s", "cores"]
    header += ["parameters", "multiplications", "p"]
    rows = [model_row(name, results[name], tests) for name in MODELS]
    output.table("models", header, rows, folded="Table: all measures")


def model_row(name, figures, tests):
    mean = figures["mean"]
    return [
        MODELS[name] + ("" if len(figures["runs"]) > 1 else ", one run"),
        mean_and_std(figures),
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
