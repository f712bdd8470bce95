"""
Another stain: a pretrained model and ten images of each kind
==============================================================

What do you do when your cells do not look like those that a model was trained on? This
example stains cells anew, sees a pretrained model fail on them, and mends it with ten
images of each kind.
"""

# %%
# Cells in another stain
# ----------------------
# Yours come from your microscope. Here, the cells of skblood's sample are made bluer
# and darker.

import numpy as np

from skblood import load_bloodmnist_sample

train = load_bloodmnist_sample("train")
test = load_bloodmnist_sample("test")


def restain(images):
    return np.rint(255 * (images / 255) ** [1.8, 1.4, 0.9]).astype(np.uint8)


names = np.array(test.target_names)
X_test, y_test = restain(test.images), names[test.target]

# %%
# The pretrained model as it is
# -----------------------------
# It has never seen such colours.

from skblood import load_pretrained

clf = load_pretrained("bloodmnist-28-tiny")
scores = {
    "pretrained,\nits own stain": clf.score(test.images, y_test),
    "pretrained,\nthe new stain": clf.score(X_test, y_test),
}

# %%
# Ten images of each kind
# -----------------------
# With ``warm_start=True``, `fit` goes on from what the network has learnt.

rng = np.random.default_rng(0)
few = np.concatenate(
    [rng.choice(np.flatnonzero(train.target == k), 10, replace=False) for k in range(8)]
)
X_few, y_few = restain(train.images[few]), names[train.target[few]]

clf.set_params(warm_start=True).fit(X_few, y_few)
scores["trained further,\n80 images"] = clf.score(X_test, y_test)

# %%
# Beside it, the same network that starts from nothing.

from skblood import BloodCNNClassifier

scratch = BloodCNNClassifier(width=10, stochastic_depth=0, random_state=0)
scores["from nothing,\n80 images"] = scratch.fit(X_few, y_few).score(X_test, y_test)

# %%
# What it is worth
# ----------------

import matplotlib.pyplot as plt

fig, axes = plt.subplot_mosaic([["own", "bars"], ["new", "bars"]], figsize=(8, 3.5))
for name, images in [("own", test.images), ("new", X_test)]:
    one_of_each = [images[test.target == k][0] for k in range(4)]
    axes[name].imshow(np.hstack(one_of_each))
    axes[name].set_title(f"{name} stain")
    axes[name].axis("off")
bars = axes["bars"].barh(list(scores), list(scores.values()))
axes["bars"].bar_label(bars, fmt="%.2f", padding=3)
axes["bars"].set(xlabel="accuracy on the test images", xlim=(0, 1.15))
axes["bars"].invert_yaxis()
fig.tight_layout()
plt.show()

# %%
# One draw of ten images is no measurement: the :doc:`results </results>` have the means
# of five draws, for 5 to 50 images of each kind, and for kinds of cells that are new.
# If your kinds are others, ``y_few`` has their names: the last layer then begins anew,
# and the rest of the network goes on.
