"""
Embeddings in 2-D: which cells look alike to a classifier?
==========================================================

`transform` returns the embedding of each image: the numbers from which the last layer
of the network computes the class. Images that look alike to the classifier have similar
embeddings. This example draws the embeddings of 400 cells as a map, and looks at the
cells that lie among those of another class.
"""

# %%
# Compute the embeddings
# ----------------------
# The 400 images are from the test split of BloodMNIST: the pretrained model was not
# trained on them. Each embedding has 128 values.

import numpy as np

from skblood import load_bloodmnist_sample, load_pretrained

X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
clf = load_pretrained()
embeddings = clf.transform(X)
print(embeddings.shape, embeddings.dtype)

# %%
# Draw a map
# ----------
# t-SNE places images with similar embeddings close together. The distance between two
# groups, and the size of a group, mean little.

import matplotlib.pyplot as plt
from sklearn.manifold import TSNE

points = TSNE(metric="cosine", perplexity=20, random_state=0).fit_transform(
    embeddings
)
# The palette of Okabe and Ito, which people with any type of colour vision can tell
# apart, and one marker for each class.
colors = (
    "#000000 #E69F00 #56B4E9 #009E73 #F0E442 #0072B2 #D55E00 #CC79A7".split()
)
markers = "os^DvPX*"
figure, ax = plt.subplots(figsize=(9, 6), layout="constrained")
for label, color, marker in zip(clf.classes_, colors, markers, strict=True):
    of_class = points[y == label]
    ax.scatter(
        *of_class.T,
        s=30,
        c=color,
        marker=marker,
        lw=0.3,
        ec="black",
        label=label,
    )
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
ax.set(xticks=[], yticks=[], title="400 cells, by their embeddings")
plt.show()

# %%
# Look at the cells among those of another class
# ----------------------------------------------
# For each cell, the most frequent class among its ten nearest neighbours is found.
# Where this is another class than that of the cell, it is written below the image like
# a wrong prediction. Some of these cells are hard to name, also for people.

from sklearn.neighbors import NearestNeighbors

from skblood.display import CellGridDisplay

neighbors = NearestNeighbors(n_neighbors=10, metric="cosine").fit(embeddings)
# Without an argument, `kneighbors` leaves out the image itself.
labels_around = y[neighbors.kneighbors(return_distance=False)]
counts = (labels_around[..., np.newaxis] == clf.classes_).sum(axis=1)
most_frequent = clf.classes_[counts.argmax(axis=1)]
others = np.flatnonzero(most_frequent != y)
print(f"{len(others)} of {len(X)} cells")
CellGridDisplay.from_predictions(
    X[others], most_frequent[others], y_true=y[others], n_columns=5
)
plt.show()
