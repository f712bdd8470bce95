"""
Streaming: how do you learn from more images than fit into memory?
==================================================================

Two ways: images that stay in a file and are mapped into memory, and ``partial_fit``
over files that are read one after the other. This example streams shards from the
disk, and looks at the accuracy as they pass.
"""

# %%
# Shards on the disk
# ------------------
# A shard is a file with some of the images and their labels. Yours may come from as
# many slides, or days; here 1,600 cells become ten of them.

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from skblood import BloodCNNClassifier, load_bloodmnist_sample

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)

disk = TemporaryDirectory()
order = np.random.default_rng(0).permutation(len(X))
for i, rows in enumerate(np.array_split(order, 10)):
    np.savez(Path(disk.name, f"shard{i}.npz"), X=X[rows], y=y[rows])

# %%
# One pass after the other
# ------------------------
# ``partial_fit`` makes one pass over what it is given and remembers where its optimiser
# was. It has to know all classes from the first call on. ``fit`` lowers its learning
# rate by a schedule; a stream has no end that one could lead to, so here the rate is
# lowered from pass to pass.

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
# What came of it
# ---------------

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.plot(seen, accuracy, marker="o")
ax.set(xlabel="images seen", ylabel="accuracy on 400 others", ylim=(0, 1))
ax.grid(alpha=0.3)
plt.show()

# %%
# Mapped instead of streamed
# --------------------------
# If the images lie in one file, ``fit`` itself can be given more of them than the
# memory holds: ``load_bloodmnist(size=224, mmap_mode="r")``, or
# ``np.load(…, mmap_mode="r")`` for an array of your own. Each batch is read when its
# turn comes.

stored = Path(disk.name, "X.npy")
np.save(stored, X)
mapped = np.load(stored, mmap_mode="r")
clf = BloodCNNClassifier(width=16, max_epochs=1, random_state=0).fit(mapped, y)
print(type(mapped).__name__, clf.n_iter_)

disk.cleanup()
