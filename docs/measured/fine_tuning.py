"""Fine-tuning with few images of each class."""

from measured.results import decimal, literal, load, mean_and_std
from measured.style import MARKERS, PALETTE, new_figure

METHODS = {
    "scratch": "from random weights",
    "warm_start": "``warm_start=True``",
    "new layer": "logistic regression on the embeddings",
}
TASKS = {
    "new_classes": "three of the eight classes are new",
    "new_stain": "the colours are changed",
}


def add_to(output):
    """Add the figures of both tasks."""
    figures = load("fine_tuning")
    output.number("fine-tuning command", literal(figures["command"]))
    output.number(
        "unchanged accuracy", decimal(figures["new_stain"]["pretrained_as_it_is"], 3)
    )
    output.figure("fine_tuning", draw(figures))
    rows = [
        [title, n, *(mean_and_std(methods[method]) for method in METHODS)]
        for task, title in TASKS.items()
        for n, methods in by_count(figures[task]).items()
    ]
    header = ["task", "images of each class", *METHODS.values()]
    output.table("fine_tuning", header, rows, folded="Table: accuracy of both tasks")


def by_count(task):
    return {n: methods for n, methods in task.items() if n.isdigit()}


def draw(figures):
    figure, axes = new_figure(7.5, 4, ncols=2, sharey=True)
    for ax, (task, title) in zip(axes, TASKS.items(), strict=True):
        counts = by_count(figures[task])
        lines = zip(METHODS.items(), PALETTE, MARKERS, strict=False)
        for (method, label), color, marker in lines:
            mean = [methods[method]["mean"]["accuracy"] for methods in counts.values()]
            std = [methods[method]["std"]["accuracy"] for methods in counts.values()]
            style = {"color": color, "marker": marker, "capsize": 3}
            ax.errorbar(list(counts), mean, std, label=label.strip("`"), **style)
        ax.set(xlabel="images of each class")
        ax.set_title(title, fontsize=10)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("accuracy on the test split")
    axes[1].legend(loc="lower right", fontsize=8)
    return figure
