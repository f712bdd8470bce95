"""
Few images: how does one use ten images of each class best?
===========================================================

It takes time to label cells. This example compares four ways to use 2 to 20 labelled
cells of each class: two of them start from a pretrained model, and two do not.

The pretrained model has seen the same cells in their original colours, with their
labels. The figure therefore shows how the methods work, and not how accurate they are
for your cells. :doc:`plot_new_microscope` shows the steps for your own cells.
"""

# %%
# Cells in another stain
# ----------------------
# In practice, you would use images from your own microscope. Here, the images that are
# part of skblood are made bluer and darker, to simulate another stain. Pretrained
# models predict class names, so the labels are loaded as names.

import matplotlib.pyplot as plt
import numpy as np

from skblood import load_bloodmnist_sample
from skblood.display import CellGridDisplay

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")


def restain(images):
    return np.rint(255 * (images / 255) ** [1.8, 1.4, 0.9]).astype(np.uint8)


X, y = restain(train.images), train.target
X_test, y_test = restain(test.images), test.target

first = [np.flatnonzero(y == name)[0] for name in train.target_names]
figure, axes = plt.subplots(2, 1, figsize=(8.5, 3), layout="constrained")
for ax, title, images in [
    (axes[0], "Original stain", train.images),
    (axes[1], "Simulated stain", X),
]:
    CellGridDisplay(images[first]).plot(ax=ax)
    ax.set_title(title)
plt.show()

# %%
# Four ways to use few labelled cells
# -----------------------------------
# - **Fine-tuning.** With ``warm_start=True``, `fit` continues from the weights of the
#   pretrained model. If your classes differ from those of the model, use your own class
#   names as labels: `fit` then reinitialises the output layer and keeps all other
#   weights.
# - **A support vector machine (SVM) on embeddings.** `FrozenEstimator` keeps the
#   pretrained model as it is. As a step of a pipeline, the model returns its
#   embeddings, and only the SVM is fitted.
# - **Random weights.** A network with the same architecture is trained from the
#   beginning.
# - **An SVM on pixels.** It uses no network.

from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skblood import BloodCNNClassifier, load_pretrained


def fine_tuned():
    clf = load_pretrained("bloodmnist-28-tiny")
    return clf.set_params(warm_start=True, max_epochs=30, random_state=0)


def on_embeddings():
    frozen = FrozenEstimator(load_pretrained("bloodmnist-28-tiny"))
    return make_pipeline(frozen, StandardScaler(), SVC())


def random_weights():
    return BloodCNNClassifier(
        width=14,
        depth=1,
        stem_stride=2,
        stochastic_depth=0,
        max_epochs=30,
        random_state=0,
    )


def on_pixels():
    flatten = FunctionTransformer(
        lambda images: images.reshape(len(images), -1)
    )
    return make_pipeline(flatten, StandardScaler(), PCA(0.95), SVC(C=10))


methods = {
    "pretrained model, fine-tuned": fine_tuned,
    "SVM on embeddings of the pretrained model": on_embeddings,
    "network from random weights": random_weights,
    "SVM on pixels": on_pixels,
}

# %%
# Compare them
# ------------
# For each number of labels, the cells are drawn three times. To keep this example fast,
# the networks are trained for 30 epochs. By default, there are more, which helps in
# particular the network from random weights. :doc:`/results/accuracy` compares the
# methods with the default number of epochs on the whole BloodMNIST.

from sklearn.model_selection import train_test_split

counts = [2, 5, 10, 20]
accuracy = {name: np.empty((len(counts), 3)) for name in methods}
for i, count in enumerate(counts):
    for draw in range(3):
        X_few, _, y_few, _ = train_test_split(
            X, y, train_size=8 * count, stratify=y, random_state=draw
        )
        for name, make_model in methods.items():
            model = make_model().fit(X_few, y_few)
            accuracy[name][i, draw] = model.score(X_test, y_test)

unchanged = load_pretrained("bloodmnist-28-tiny").score(X_test, y_test)
print(
    f"{'labelled cells of each class':43}" + "".join(f"{n:>7}" for n in counts)
)
for name, scores in accuracy.items():
    print(
        f"{name:43}" + "".join(f"{mean:7.3f}" for mean in scores.mean(axis=1))
    )
print(f"{'pretrained model, without labels':43}{unchanged:7.3f}")

# %%
# Draw the result
# ---------------
# Without labels, the pretrained model is wrong for most cells. Fine-tuning is the most
# accurate method for every number of labels. The embeddings come from a network that is
# not adapted to the new colours; they are nevertheless much better than pixels.

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
colors = ["#0072B2", "#009E73", "#D55E00", "#CC79A7"]
for (name, scores), color, marker in zip(
    accuracy.items(), colors, "os^D", strict=True
):
    mean, std = scores.mean(axis=1), scores.std(axis=1)
    ax.errorbar(
        counts, mean, std, color=color, marker=marker, capsize=3, label=name
    )
ax.axhline(unchanged, color="black", ls=":")
ax.text(
    counts[-1],
    unchanged - 0.02,
    "pretrained model, without labels",
    ha="right",
    va="top",
)
ax.set(
    xscale="log",
    xlabel="labelled cells of each class",
    ylabel="accuracy on 400 other cells",
    ylim=(0, 1),
    title="Mean and standard deviation of three draws",
)
ax.set_xticks(counts, counts)
ax.minorticks_off()
ax.grid(alpha=0.3)
ax.legend(loc="lower right", bbox_to_anchor=(1, 0.23))
# sphinx_gallery_thumbnail_number = 2
plt.show()

# %%
# This stain is simulated: the change of the colours is the same for all cells. A real
# second microscope differs in more ways, and needs more labels.
# :doc:`/results/microscopes` has the accuracy for cells of two other microscopes.
