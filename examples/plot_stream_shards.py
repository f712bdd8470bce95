"""
Streaming: how do you learn from more images than fit into memory?
==================================================================

There are two ways. With `partial_fit`, a classifier learns from one file after another.
With memory mapping, `fit` reads one batch of images at a time from a large file. This
example trains a classifier in both ways and compares the accuracies.
"""

# %%
# Write shards
# ------------
# A shard is a file with some of the images and their labels. In practice there may be
# one shard for each slide or day. Here, 1,600 images are split into ten shards.

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from skblood import BloodCNNClassifier, load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)

disk = TemporaryDirectory()
order = np.random.default_rng(0).permutation(len(X))
for i, indices in enumerate(np.array_split(order, 10)):
    np.savez(Path(disk.name, f"shard{i}.npz"), X=X[indices], y=y[indices])

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
        with np.load(Path(disk.name, f"shard{i}.npz")) as shard:
            clf.partial_fit(shard["X"], shard["y"], classes=np.arange(8))
    seen.append(n_passes * len(X))
    accuracy.append(clf.score(X_test, y_test))
    print(f"{seen[-1]:>5} images: {accuracy[-1]:.3f}")

# %%
# Train on a memory-mapped file
# -----------------------------
# If all images are in one file, `fit` can train on more images than fit into memory.
# Load them with ``load_bloodmnist(size=224, mmap_mode="r")``, or open the file of your
# own array with ``np.load(…, mmap_mode="r")``. Each batch is read from the disk when it
# is used.

stored = Path(disk.name, "X.npy")
np.save(stored, X)
mapped = np.load(stored, mmap_mode="r")
print(type(mapped).__name__, mapped.shape)

clf = BloodCNNClassifier(width=16, max_epochs=8, batch_size=32, random_state=0)
accuracy_of_fit = clf.fit(mapped, y).score(X_test, y_test)
print(f"{clf.n_iter_ * len(X):>5} images: {accuracy_of_fit:.3f}")

# %%
# Compare the accuracies
# ----------------------
# Both trainings use each image eight times. `fit` ends with a slightly higher accuracy:
# its learning rate follows a schedule, and each of its batches has images of the whole
# file. Use `partial_fit` if the images arrive over time, or if they are in many files.

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
    label="fit, memory-mapped file",
)
ax.set(
    xlabel="images seen", ylabel="accuracy on 400 test images", ylim=(0.5, 1)
)
ax.xaxis.set_major_formatter("{x:,.0f}")
ax.grid(alpha=0.3)
ax.legend(loc="lower right")
plt.show()

disk.cleanup()
