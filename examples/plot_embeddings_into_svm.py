"""
Embeddings into an SVM: how few labelled cells are enough?
==========================================================

The embeddings of a pretrained classifier are useful features for any scikit-learn
classifier, in particular with few labels. This example compares a support vector
machine on embeddings with the same machine on pixels, for 2 to 50 labelled cells of
each class.

The pretrained model has seen labelled cells of the same microscope, including all of
those used here. The figure therefore shows how the method works, and not how accurate
it is for cells of your own: :doc:`plot_new_microscope` is about these.
"""

# %%
# Put the pretrained model into a pipeline
# ----------------------------------------
# `FrozenEstimator` keeps the pretrained model as it is: fitting the pipeline fits only
# the support vector machine. As a step of a pipeline, the model returns its embeddings.

from sklearn.decomposition import PCA
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skblood import load_bloodmnist_sample, load_pretrained

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)


def flatten(images):
    return images.reshape(len(images), -1)


on_embeddings = make_pipeline(
    FrozenEstimator(load_pretrained("bloodmnist-28-tiny")), StandardScaler(), SVC()
)
on_pixels = make_pipeline(
    FunctionTransformer(flatten), StandardScaler(), PCA(0.95), SVC(C=10)
)

# %%
# Compare them
# ------------
# For each number of labels, the cells are drawn five times.

import numpy as np
from sklearn.model_selection import train_test_split

counts = [2, 5, 10, 20, 50]
models = {"on embeddings": on_embeddings, "on pixels": on_pixels}
accuracy = {name: np.empty((len(counts), 5)) for name in models}
for i, count in enumerate(counts):
    for draw in range(5):
        X_few, _, y_few, _ = train_test_split(
            X, y, train_size=8 * count, stratify=y, random_state=draw
        )
        for name, model in models.items():
            accuracy[name][i, draw] = model.fit(X_few, y_few).score(X_test, y_test)

# %%
# Draw the result
# ---------------

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for (name, scores), color, marker in zip(
    accuracy.items(), ["#0072B2", "#D55E00"], "os", strict=True
):
    mean, std = scores.mean(axis=1), scores.std(axis=1)
    ax.errorbar(counts, mean, std, color=color, marker=marker, capsize=3, label=name)
ax.set(
    xscale="log",
    xlabel="labelled cells of each class",
    ylabel="accuracy on 400 other cells",
    title="A support vector machine",
)
ax.set_xticks(counts, counts)
ax.minorticks_off()
ax.legend()
plt.show()
for name, scores in accuracy.items():
    print(name, scores.mean(axis=1).round(3))
