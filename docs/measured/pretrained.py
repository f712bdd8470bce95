"""The pretrained models of the package."""

from statistics import median

from measured.results import decimal, literal, load

RECIPES = {
    "bloodmnist-28": "``BloodCNNClassifier(max_epochs=72, progressive_resizing=True)``"
    ", with five classifiers ``BloodCNNClassifier()`` as teachers",
    "bloodmnist-28-robust": '``BloodCNNClassifier(augmentation="robust", '
    "max_epochs=72, progressive_resizing=True)``, with five classifiers "
    '``BloodCNNClassifier(augmentation="robust")`` as teachers',
    "bloodmnist-28-tiny": "``BloodCNNClassifier(width=14, depth=1, stem_stride=2, "
    "stochastic_depth=0, max_epochs=100)``, with ``bloodmnist-28`` as teacher",
}


def add_to(output):
    """Add the table of pretrained models."""
    figures = load("pretrained")
    rows = [
        [
            f"``{name}``",
            f"{model['bytes'] / 1e6:.2f} MB",
            f"{median(model['predict_seconds']):.1f} s",
            decimal(model["accuracy"]),
            decimal(model["accuracy_of_eight_views"]),
        ]
        for name, model in figures["models"].items()
    ]
    header = ["name", "size", "time", "accuracy", "with TTA"]
    output.table("pretrained", header, rows)
    recipes = [[f"``{name}``", recipe] for name, recipe in RECIPES.items()]
    output.table("pretrained_recipes", ["name", "recipe"], recipes)
    output.number("pretrained command", literal(figures["command"]))
    output.number("test images", f"{figures['n_images']:,}")
