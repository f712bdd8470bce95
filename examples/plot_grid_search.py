"""
Grid search: which learning rate and batch size does the report's network need?
===============================================================================

The 2024 report searched for the best batch size, learning rate and number of epochs of
its networks, with five-fold cross-validation. This example does the same search for its
smaller network, on the sample that is part of skblood, and draws all scores.
"""

# %%
# The grid of the report
# ----------------------
# The report's feed-forward network has a single layer, and was trained with Adam at a
# constant learning rate on pixels from -1 to 1. The grid has 18 combinations, so the
# search trains 90 networks. Each takes less than a second.

from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skblood import BloodFNNClassifier, load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
report = BloodFNNClassifier(
    hidden_layer_sizes=(),
    scaling="minmax",
    optimizer="adam",
    lr_schedule="constant",
    weight_decay=0,
    random_state=42,
)
grid = {
    "batch_size": [64, 128, 256],
    "max_epochs": [30, 50],
    "lr": [1e-3, 1e-2, 1e-1],
}
folds = StratifiedKFold(5, shuffle=True, random_state=42)
search = GridSearchCV(report, grid, cv=folds).fit(X, y)
print(search.best_params_)
print(f"Mean accuracy of the five folds: {search.best_score_:.3f}")

# %%
# Draw the scores
# ---------------
# The learning rate matters most: the lowest one is the best for each batch size. The
# batch size and the number of epochs make little difference.

import matplotlib.pyplot as plt
import numpy as np

results = search.cv_results_
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True, layout="constrained")
for ax, epochs in zip(axes, grid["max_epochs"], strict=True):
    scores = np.array(
        [
            [
                results["mean_test_score"][
                    (results["param_batch_size"] == batch_size)
                    & (results["param_lr"] == lr)
                    & (results["param_max_epochs"] == epochs)
                ].item()
                for lr in grid["lr"]
            ]
            for batch_size in grid["batch_size"]
        ]
    )
    image = ax.imshow(scores, vmin=0.64, vmax=0.72, cmap="cividis")
    for (row, column), score in np.ndenumerate(scores):
        color = "black" if score > 0.68 else "white"
        ax.text(column, row, f"{score:.3f}", ha="center", va="center", color=color)
    ax.set(
        title=f"{epochs} epochs",
        xlabel="learning rate",
        xticks=range(3),
        xticklabels=grid["lr"],
        yticks=range(3),
        yticklabels=grid["batch_size"],
    )
axes[0].set_ylabel("batch size")
figure.colorbar(image, ax=axes, label="accuracy")
plt.show()

# %%
# The best combination was fitted to all images again, as `best_estimator_`.

X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
print(f"Accuracy on 400 other cells: {search.score(X_test, y_test):.3f}")
