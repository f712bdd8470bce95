"""
Streaming: how do you learn from more images than fit into memory?
==================================================================

There are two ways. With `partial_fit`, a classifier learns from one file after another.
With `LazyImages`, `fit` reads one batch of images at a time from all files. This
example trains a classifier in both ways and compares the accuracies.
"""

# %%
# Write shards
# ------------
# A shard is a file with some of the images; another file has their labels. In practice
# there may be one shard for each slide or day. Here, 1,600 images are split into ten
# shards.

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from skblood import BloodCNNClassifier, load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)

disk = TemporaryDirectory()
shards = [Path(disk.name, f"images{i}.npy") for i in range(10)]
labels = [Path(disk.name, f"labels{i}.npy") for i in range(10)]
order = np.random.default_rng(0).permutation(len(X))
for i, indices in enumerate(np.array_split(order, 10)):
    np.save(shards[i], X[indices])
    np.save(labels[i], y[indices])

# %%
# Train on one shard after another
# --------------------------------
# Each call of `partial_fit` trains for one epoch on the images that it is given, and
# keeps the optimizer state for the next call. The first call needs the list of all
# classes. Unlike `fit`, `partial_fit` has no learning rate schedule, because it does
# not know how many calls will follow. This example lowers the learning rate itself
# after each pass over all shards.

clf = BloodCNNClassifier(width=16, batch_size=32, random_state=0)
seen, accuracy = [], []
for n_passes in range(1, 9):
    clf.set_params(lr=0.02 / n_passes)
    for i in range(10):
        clf.partial_fit(
            np.load(shards[i]), np.load(labels[i]), classes=np.arange(8)
        )
    seen.append(n_passes * len(X))
    accuracy.append(clf.score(X_test, y_test))
    print(f"{seen[-1]:>5} images: {accuracy[-1]:.3f}")

# %%
# Train on all shards
# -------------------
# :class:`~skblood.datasets.LazyImages` makes one array of all shards, without reading
# them. Each batch is read from the disk when it is used. It also works with
# scikit-learn's searches and cross-validation, which copy the folds of ordinary arrays
# into memory.

from skblood.datasets import LazyImages

X_lazy = LazyImages(shards)
y_lazy = np.concatenate([np.load(path) for path in labels])
print(X_lazy)

clf = BloodCNNClassifier(width=16, max_epochs=8, batch_size=32, random_state=0)
accuracy_of_fit = clf.fit(X_lazy, y_lazy).score(X_test, y_test)
print(f"{clf.n_iter_ * len(X_lazy):>5} images: {accuracy_of_fit:.3f}")

# %%
# Compare the accuracies
# ----------------------
# Both trainings use each image eight times. `fit` ends with a slightly higher accuracy:
# its learning rate follows a schedule, and each of its batches has images of all
# shards. Use `partial_fit` if the images arrive over time.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(
    seen,
    accuracy,
    color="#0072B2",
    marker="o",
    label="partial_fit, ten shards",
)
ax.plot(
    seen[-1],
    accuracy_of_fit,
    color="#D55E00",
    marker="*",
    markersize=16,
    linestyle="none",
    label="fit, LazyImages",
)
ax.set(
    xlabel="images seen", ylabel="accuracy on 400 test images", ylim=(0.5, 1)
)
ax.xaxis.set_major_formatter("{x:,.0f}")
ax.grid(alpha=0.3)
ax.legend(loc="lower right")
plt.show()

disk.cleanup()
