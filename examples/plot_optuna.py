"""
Optuna: how does a search end poor trials early, and survive a crash?
=====================================================================

Optuna searches for parameters, as scikit-learn's searches do, and has two more
features. It ends a trial after a few epochs if its score is poor, which is called
pruning. And it keeps the trials in a file, so that a search continues after its process
was killed. This example runs the 2024 report's grid search in this way, and then a
search with pruning.

It needs the extra ``optuna``: ``pip install "skblood[optuna]"``.
"""

# %%
# Define the search
# -----------------
# The report searched for the best batch size, learning rate and number of epochs. Its
# smaller network has a single layer, and was trained with Adam at a constant learning
# rate on pixels from -1 to 1. The objective trains it with the parameters of one trial,
# and returns the accuracy on 400 validation images.

from sklearn.model_selection import train_test_split

from skblood import BloodFNNClassifier, load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(
    X, y, test_size=400, stratify=y, random_state=42
)
grid = {
    "batch_size": [64, 128, 256],
    "max_epochs": [30, 50],
    "lr": [1e-3, 1e-2, 1e-1],
}


def report_objective(trial):
    params = {
        name: trial.suggest_categorical(name, values)
        for name, values in grid.items()
    }
    clf = BloodFNNClassifier(
        hidden_layer_sizes=(),
        scaling="minmax",
        optimizer="adam",
        lr_schedule="constant",
        weight_decay=0,
        random_state=42,
        **params,
    )
    return clf.fit(X_train, y_train).score(X_val, y_val)


# %%
# Keep the trials in a file
# -------------------------
# `GridSampler` tries all 18 combinations. The study is kept in an SQLite file. While a
# trial runs, its process writes a sign of life into this file every 60 seconds: the
# heartbeat. If a process is killed, the next process that opens the file finds the
# trial without heartbeat, and repeats it.

import warnings
from tempfile import TemporaryDirectory

import optuna
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback

optuna.logging.set_verbosity(optuna.logging.WARNING)
# Optuna calls the heartbeat experimental.
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
folder = TemporaryDirectory(ignore_cleanup_errors=True)


def open_study():
    return optuna.create_study(
        study_name="report",
        storage=RDBStorage(
            f"sqlite:///{folder.name}/search.db",
            heartbeat_interval=60,
            heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(),
        ),
        load_if_exists=True,
        sampler=optuna.samplers.GridSampler(grid, seed=42),
        direction="maximize",
    )


study = open_study()
study.optimize(report_objective, n_trials=5)
print(len(study.trials), "trials")

# %%
# Continue the search
# -------------------
# The first call ended after 5 trials. To continue, run the same code again, in the same
# or in another process. The study finds the 5 trials in the file, and tries the other
# 13 combinations.

study = open_study()
study.optimize(report_objective)
print(len(study.trials), "trials")
print(f"{study.best_value:.3f} with {study.best_params}")

# %%
# Search with pruning
# -------------------
# TPE, the tree-structured Parzen estimator, chooses the parameters of each trial from
# the scores of earlier trials. `SkorchPruningCallback` reports the validation accuracy
# after each epoch. The pruner compares the best of them with the median of the earlier
# trials at the same epoch, and ends the trial if it is lower.
#
# All trials have the same number of epochs. Otherwise their accuracies at the same
# epoch could not be compared, because the learning rate changes during the training.

from optuna_integration import SkorchPruningCallback

from skblood import BloodCNNClassifier


def objective(trial):
    clf = BloodCNNClassifier(
        width=8,
        max_epochs=8,
        lr=trial.suggest_float("lr", 1e-3, 0.5, log=True),
        batch_size=trial.suggest_categorical("batch_size", [32, 64, 128]),
        weight_decay=trial.suggest_float("weight_decay", 1e-4, 0.1, log=True),
        random_state=42,
        callbacks=[SkorchPruningCallback(trial, "valid_acc")],
    )
    clf.fit(X_train[:800], y_train[:800], X_val=X_val, y_val=y_val)
    return clf.history_[-1]["valid_acc"]


tpe = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(n_startup_trials=4, seed=42),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1),
)
tpe.optimize(objective, n_trials=12)
pruned = [trial for trial in tpe.trials if trial.state.name == "PRUNED"]
print(f"{len(pruned)} of {len(tpe.trials)} trials were pruned")
print(f"{tpe.best_value:.3f} with {tpe.best_params}")

# %%
# Draw the trials
# ---------------
# Each line is one trial. A cross marks the epoch in which a trial was pruned. The
# accuracy of some trials falls in the fourth epoch, when the learning rate is high.
# Pruning has the same risk as successive halving: a trial that learns slowly at first
# is ended, even if it would have become the best.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for trial in tpe.trials:
    epochs = [epoch + 1 for epoch in trial.intermediate_values]
    accuracies = list(trial.intermediate_values.values())
    if trial in pruned:
        ax.plot(epochs, accuracies, color="0.7", lw=1)
        (cross,) = ax.plot(epochs[-1], accuracies[-1], "x", color="#D55E00")
    else:
        color, width = "#56B4E9", 1.5
        if trial.number == tpe.best_trial.number:
            color, width = "#0072B2", 3
        (line,) = ax.plot(epochs, accuracies, color=color, lw=width)
        if trial.number == tpe.best_trial.number:
            best = line
        else:
            complete = line
ax.set(
    xlabel="epoch",
    ylabel="accuracy on the validation images",
    title="A search with pruning",
)
ax.grid(alpha=0.3)
ax.legend(
    [best, complete, cross], ["best trial", "complete trial", "pruned trial"]
)
plt.show()

# %%
# Train with the best parameters
# ------------------------------
# The last classifier is trained on all images of the sample. It has no callback, so it
# is independent of the study and can be saved.

clf = BloodCNNClassifier(
    width=8, max_epochs=8, random_state=42, **tpe.best_params
)
accuracy = clf.fit(X, y).score(X_test, y_test)
print(f"accuracy on 400 other cells: {accuracy:.3f}")
