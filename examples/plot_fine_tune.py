"""
A new kind of cell: from a pretrained model and ten images
===========================================================

Your lab sorts cells differently, or has a kind that BloodMNIST does not know, and there
are only few images of each. This example starts from features that were learnt on other
cells, and shows what they are worth.
"""

# %%
# A model of other cells
# ----------------------
# To have cells that a model has never seen, we make one without neutrophils and
# monocytes. It stands for :func:`~skblood.load_pretrained`, which knows all eight.

import numpy as np

from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train")
test = load_bloodmnist_sample("test")
names = np.array([name.split("(")[0] for name in train.target_names])
y_train, y_test = names[train.target], names[test.target]

known = ~np.isin(y_train, ["neutrophil", "monocyte"])
earlier = BloodCNNClassifier(width=10, random_state=0)
earlier.fit(train.images[known], y_train[known])
print(earlier.classes_)

# %%
# Ten images of each kind
# -----------------------

rng = np.random.default_rng(0)
few = np.concatenate(
    [rng.choice(np.flatnonzero(y_train == name), 10, replace=False) for name in names]
)
X_few, y_few = train.images[few], y_train[few]

# %%
# With ``warm_start=True``, `fit` goes on from what the network has learnt. The classes
# are not those of before, so the last layer begins anew. Beside it, the same network
# that starts from nothing.

from copy import deepcopy

tuned = deepcopy(earlier).set_params(warm_start=True).fit(X_few, y_few)
scratch = BloodCNNClassifier(width=10, random_state=0).fit(X_few, y_few)

print(f"from features: {tuned.score(test.images, y_test):.3f}")
print(f"from nothing:  {scratch.score(test.images, y_test):.3f}")

# %%
# Which kinds gained
# ------------------

import matplotlib.pyplot as plt
from sklearn.metrics import recall_score

kinds = tuned.classes_
recalls = {
    "from features": recall_score(y_test, tuned.predict(test.images), average=None),
    "from nothing": recall_score(y_test, scratch.predict(test.images), average=None),
}
fig, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for i, (label, recall) in enumerate(recalls.items()):
    ax.barh(np.arange(len(kinds)) - 0.4 * i, recall, 0.4, label=label)
ax.set_yticks(np.arange(len(kinds)) - 0.2, kinds)
ax.set(xlabel="recall on the test images", xlim=(0, 1))
ax.invert_yaxis()
ax.legend(loc="lower left")
plt.show()

# %%
# One draw of ten images is no measurement: with others, the figures are others. The
# :doc:`results </results>` have the means of five draws, for 5 to 50 images of each
# kind. With your own images, start from :func:`~skblood.load_pretrained`:
#
# .. code-block:: python
#
#    clf = load_pretrained().set_params(warm_start=True).fit(X_own, y_own)
