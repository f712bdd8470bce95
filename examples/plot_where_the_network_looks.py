"""
Saliency maps: does the network look at the cell, or at its surroundings?
=========================================================================

A network can be right for the wrong reason: it could recognise a class by the red
cells around the white cell, or by the colour of the background. This example draws
which pixels the pretrained model uses, and then deletes these pixels to check that it
needs them.

It needs the extra ``explain``: ``pip install "skblood[explain,plot]"``.
"""

# %%
# Draw the pixels that raise the logit
# ------------------------------------
# Below each image, the pixels are orange that raise the logit of the predicted class,
# and blue if they lower it. Integrated gradients compare the image with an empty image
# in the mean colour of the training images. Most of the orange pixels are in the cell,
# and many of them in the nucleus.
#
# Platelets are an exception: the model takes an empty image for a platelet. Their
# maps therefore say what makes them less like a platelet than an empty image is.

import matplotlib.pyplot as plt
import numpy as np

from skblood import load_bloodmnist_sample, load_pretrained
from skblood.display import SaliencyDisplay

X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
some = np.concatenate([np.flatnonzero(y == name)[:8] for name in np.unique(y)])
X, y = X[some], y[some]
clf = load_pretrained()

SaliencyDisplay.from_estimator(clf, X[::4])
plt.show()

# %%
# Draw the regions, with Grad-CAM
# -------------------------------
# Grad-CAM is faster and coarser: it shows which regions of the last feature maps raise
# the logit. Feature maps of this model have 7×7 positions.

SaliencyDisplay.from_estimator(clf, X[::4], method="grad_cam")
plt.show()

# %%
# Delete pixels
# -------------
# A map can look plausible and be wrong. If a map is right, the probability of the
# predicted class falls when the pixels with the highest values are deleted, and it
# falls faster than if other pixels are deleted. Deleted pixels get the mean colour.
#
# Four orders are compared: the pixels with the highest values of each method first,
# pixels at random, and the pixels farthest from the centre of the image, where the
# surroundings are. Platelets are left out, because an empty image is a platelet to the
# model.

is_used = clf.predict(X) != "platelet"
cells = X[is_used]
column = clf.predict_proba(cells).argmax(axis=1)
n, height, width, _ = cells.shape
train = load_bloodmnist_sample("train")
mean_colour = train.images.mean(axis=(0, 1, 2)).round()


def mean_probability(scores, fraction):
    """Delete the pixels with the highest scores in each image."""
    pixels = cells.reshape(n, -1, 3).copy()
    n_deleted = round(fraction * height * width)
    order = np.argsort(-scores.reshape(n, -1), axis=1)[:, :n_deleted]
    np.put_along_axis(pixels, order[..., np.newaxis], mean_colour, axis=1)
    probabilities = clf.predict_proba(pixels.reshape(cells.shape))
    return probabilities[np.arange(n), column].mean()


maps = {}
for method in ("integrated_gradients", "grad_cam"):
    display = SaliencyDisplay.from_estimator(clf, cells, method=method)
    maps[method] = display.saliency
    plt.close(display.figure_)
rows, columns = np.indices((height, width))
distance = np.hypot(rows - (height - 1) / 2, columns - (width - 1) / 2)
orders = {
    "farthest from the centre": np.tile(distance, (n, 1, 1)),
    "at random": np.random.default_rng(0).random((n, height, width)),
    "highest in integrated gradients": maps["integrated_gradients"],
    "highest in Grad-CAM": maps["grad_cam"],
}
fractions = [0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]
curves = {
    name: [mean_probability(scores, fraction) for fraction in fractions]
    for name, scores in orders.items()
}

# %%
# Draw the result
# ---------------
# Without 30 % of the pixels, at the edges, the mean probability is still about 0.9.
# Without the 10 % with the highest values in a map, it is below 0.4. So the network
# looks at the cell, and the maps show the pixels that it needs. Integrated gradients
# find the most important 5 % better; beyond 10 %, Grad-CAM finds the regions better.

print(f"{'deleted':33}" + "".join(f"{f:>6.0%}" for f in fractions))
for name, values in curves.items():
    print(f"{name:33}" + "".join(f"{value:6.2f}" for value in values))

figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
colors = ["#009E73", "#000000", "#D55E00", "#0072B2"]
for (name, values), color, marker in zip(
    curves.items(), colors, "os^D", strict=True
):
    ax.plot(fractions, values, color=color, marker=marker, label=name)
ax.set(
    xlabel="fraction of the pixels that are deleted",
    ylabel="mean probability of the predicted class",
    ylim=(0, 1),
    title=f"{n} cells: pixels are deleted in four orders",
)
ax.grid(alpha=0.3)
ax.legend(title="pixels that are deleted first")
# sphinx_gallery_thumbnail_number = 1
plt.show()

# %%
# A map shows which pixels the model uses, and not whether it uses them in the right
# way. The result holds for this model and for cells in the centre of their images. For
# a model that is trained on other images, repeat this test.
