"""
Search: which parameters does a network need, and how fast can one find them?
=============================================================================

The 2024 report searched for the best batch size, learning rate and number of epochs of
its networks, with five-fold cross-validation. This example does the same search for the
report's smaller network, on the sample that is part of skblood. It then finds the best
parameters in less time with successive halving.
"""

# %%
# Search the whole grid
# ---------------------
# The report's feed-forward network has a single layer, and was trained with Adam at a
# constant learning rate on pixels from -1 to 1. The grid has 18 combinations, so the
# search trains 5 × 18 = 90 networks. Each takes less than a second.

from time import perf_counter

from sklearn.model_selection import GridSearchCV, StratifiedKFold

from skblood import BloodFNNClassifier, load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
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
BloodFNNClassifier(max_epochs=1).fit(X, y)  # the first fit loads more of torch

start = perf_counter()
whole = GridSearchCV(report, grid, cv=folds).fit(X, y)
seconds = {"whole grid": perf_counter() - start}
print(whole.best_params_)

# %%
# Draw the scores
# ---------------
# The learning rate matters most: the lowest one is the best for each batch size. The
# batch size and the number of epochs make little difference.

import matplotlib.pyplot as plt
import numpy as np

results = whole.cv_results_
figure, axes = plt.subplots(
    1, 2, figsize=(8, 3.6), sharey=True, layout="constrained"
)
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
        ax.text(
            column, row, f"{score:.3f}", ha="center", va="center", color=color
        )
    ax.set(
        title=f"{epochs} epochs",
        xlabel="learning rate",
        xticks=range(3),
        xticklabels=grid["lr"],
        yticks=range(3),
        yticklabels=grid["batch_size"],
    )
axes[0].set_ylabel("batch size")
figure.colorbar(image, ax=axes, label="mean accuracy of the five folds")
plt.show()

# %%
# Search by successive halving
# ----------------------------
# `HalvingGridSearchCV` trains all combinations for 5 epochs, the best third of them for
# 15 epochs, and the best third of these for 45 epochs. The number of epochs is the
# resource of this search, so it is not part of the grid. Nine combinations are left.

from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

start = perf_counter()
halving = HalvingGridSearchCV(
    report,
    {"batch_size": grid["batch_size"], "lr": grid["lr"]},
    resource="max_epochs",
    min_resources=5,
    max_resources=45,
    factor=3,
    cv=folds,
    random_state=42,
).fit(X, y)
seconds["successive halving"] = perf_counter() - start
for name, search in [("whole grid", whole), ("successive halving", halving)]:
    accuracy = search.score(X_test, y_test)
    print(f"{name}: {seconds[name]:.0f} s, {search.best_params_}")
    print(f"    mean accuracy of the five folds: {search.best_score_:.3f}")
    print(f"    accuracy on 400 other cells:     {accuracy:.3f}")

# %%
# Draw the iterations of successive halving
# -----------------------------------------
# Each line is one combination; it ends where the search drops this combination. Both
# searches find the lowest learning rate, and their accuracies differ by less than one
# percentage point. Successive halving trains for about a fifth of the epochs.
#
# It has a risk: a combination that learns slowly is dropped early. Here, this is the
# batch size 256 with the lowest learning rate. With large batches, an epoch has few
# steps, so the accuracy after 5 epochs is low. After 50 epochs, this combination is the
# best of the whole grid.

results = halving.cv_results_
colors = dict(zip(grid["lr"], ["#0072B2", "#E69F00", "#D55E00"], strict=True))
markers = dict(zip(grid["batch_size"], "os^", strict=True))

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for k in range(halving.n_candidates_[0]):
    lr = results["param_lr"][k]
    batch_size = results["param_batch_size"][k]
    of_both = (results["param_lr"] == lr) & (
        results["param_batch_size"] == batch_size
    )
    ax.plot(
        # A small shift, so that no marker hides another.
        results["n_resources"][of_both] * (0.9 + 0.025 * k),
        results["mean_test_score"][of_both],
        color=colors[lr],
        marker=markers[batch_size],
        markersize=8,
        label=f"learning rate {lr}, batch size {batch_size}",
    )
ax.set(
    xscale="log",
    xlim=(4, 58),
    xticks=halving.n_resources_,
    xticklabels=["5 epochs", "15 epochs", "45 epochs"],
    ylabel="mean accuracy of the five folds",
    title="Successive halving: 9, then 3, then 1 combination",
)
ax.minorticks_off()
ax.grid(alpha=0.3)
ax.legend(loc="lower right")
plt.show()
