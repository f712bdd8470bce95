"""
Photographs: how many white cells are of which kind?
====================================================

A blood count begins with photographs of a smear, not with images of single cells. This
example finds the cells in photographs, names them, and counts them: the differential
count. The photographs are synthetic, so the true count is known.
"""

# %%
# Photographs of a smear
# ----------------------
# :func:`~skblood.datasets.make_smear` places images of single cells among red cells
# that it draws. The cells are test images of the sample that is part of skblood, in
# about the proportions of healthy blood. In practice, you would read your own
# photographs with ``numpy.asarray(PIL.Image.open(path).convert("RGB"))``.

import matplotlib.pyplot as plt
import numpy as np

from skblood.datasets import load_bloodmnist_sample, make_smear

X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
N_OF_EACH = {
    "neutrophil": 36,
    "lymphocyte": 18,
    "monocyte": 4,
    "eosinophil": 2,
    "platelet": 12,
}
chosen = np.concatenate(
    [np.flatnonzero(y == kind)[:n] for kind, n in N_OF_EACH.items()]
)
chosen = np.random.default_rng(0).permutation(chosen)
smears = [
    make_smear(X[part], y[part], random_state=seed)
    for seed, part in enumerate(np.split(chosen, 3))
]
photographs = [smear.image for smear in smears]
print([photograph.shape for photograph in photographs])

# %%
# Find the cells
# --------------
# :func:`~skblood.find_cells` measures the scale by the red cells, and finds nucleated
# cells and platelets by their colour. It needs no training. The outlines are a label
# image, as other programs use it too.

from skblood import find_cells

found = find_cells(photographs[0])
print(f"{found.pixels_per_um:.1f} pixels per micrometre, ", end="")
print(f"measured by {found.n_red_cells} red cells")
kinds = found.kinds.tolist()
print(
    kinds.count("nucleated"),
    "nucleated,",
    kinds.count("platelet"),
    "platelets",
)

fig, ax = plt.subplots(figsize=(6, 6), layout="constrained")
ax.imshow(photographs[0])
ax.contour(found.labels > 0, [0.5], colors="#0072B2", linewidths=1.5)
ax.set_axis_off()
plt.show()

# %%
# Count
# -----
# :func:`~skblood.count_cells` does the rest: it cuts the cells out at the scale of the
# training images, classifies them with the pretrained model, and counts the kinds in
# all photographs together. The table is a dict of columns.

import pandas as pd

from skblood import count_cells

count = count_cells(photographs)
table = pd.DataFrame(count.table).set_index("kind")
true_kinds = np.concatenate([smear.target for smear in smears])
table["truth"] = [int((true_kinds == kind).sum()) for kind in table.index]
print(table.round(1).to_string())

# %%
# The interval says how far the rates of the whole blood can be from those of the cells
# that were counted. Errors of the model are not part of it, so look at the cells
# yourself. Those that the model is unsure about, or that do not resemble its training
# images, have a dashed box and a question mark.

# sphinx_gallery_thumbnail_number = 2
count.displays[0].plot()
plt.show()

# %%
# The rates with their intervals:

white = table[table["low"].notna()]
position = np.arange(len(white))
n_white = white["truth"].sum()

fig, ax = plt.subplots(figsize=(7, 3.5), layout="constrained")
ax.hlines(position, white["low"], white["high"], color="#0072B2", linewidth=2)
ax.plot(
    white["per_100_white_cells"], position, "o", color="#0072B2", label="count"
)
truth = 100 * white["truth"] / n_white
ax.plot(truth, position, "x", color="#D55E00", markersize=9, label="truth")
ax.set_yticks(position, white.index)
ax.set_xlabel("cells per 100 white cells")
ax.legend()
plt.show()

# %%
# On a real smear, the cells touch, the light is uneven, and the stain is another one.
# How many cells are found there is on the page :doc:`/results/smears`. If most cells
# are unfamiliar to the model, the count is not reliable: the page
# :doc:`/guide/smears` shows the way to a model of your own.
