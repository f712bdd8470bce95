"""
Save and share: how does a model get to another computer?
=========================================================

This example fits a small classifier, saves it in four file formats, and loads it again.
It compares the sizes of the files and the predictions. It also writes a model card,
which tells other people what the model is for and how accurate it is.

Besides skblood, the ONNX part needs optional packages:
``pip install "skblood[onnx]" onnxruntime``.
"""

# %%
# Fit a classifier
# ----------------

from pathlib import Path
from tempfile import TemporaryDirectory

from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")
clf = BloodCNNClassifier(width=8, stem_stride=2, max_epochs=20, random_state=0)
clf.fit(train.images, train.target)
print(
    f"accuracy on 400 other cells: {clf.score(test.images, test.target):.3f}"
)

# %%
# Save and load it
# ----------------
# `save_model` writes one file in the safetensors format, with the weights, the
# parameters and a checksum. The file holds no code, so it is safe to load such a file
# from people whom you do not know. On the same machine and with the same number of
# threads, the predictions of the loaded classifier are identical. Here, all files are
# written to a temporary folder.

import numpy as np

from skblood import load_model, save_model

folder = TemporaryDirectory()
files = {"safetensors": Path(folder.name, "cells.safetensors")}
save_model(clf, files["safetensors"])
loaded = load_model(files["safetensors"])

expected = clf.predict_proba(test.images)
print(
    "identical:", np.array_equal(loaded.predict_proba(test.images), expected)
)

# %%
# Other file formats
# ------------------
# - With ``half_precision=True``, `save_model` stores the weights as float16. The file
#   is about half as large.
# - A pickle file can hold any object, also a pipeline. **Loading it runs code from the
#   file**: load only files of people whom you trust.
# - An ONNX file predicts with onnxruntime, without skblood and without torch, also in
#   C++, C#, Java or JavaScript. It cannot be trained further.

import pickle

import onnxruntime

from skblood import to_onnx

files["half precision"] = Path(folder.name, "half.safetensors")
save_model(clf, files["half precision"], half_precision=True)

files["pickle"] = Path(folder.name, "cells.pickle")
files["pickle"].write_bytes(pickle.dumps(clf))

files["ONNX"] = Path(folder.name, "cells.onnx")
to_onnx(clf, files["ONNX"])

# %%
# Predict with each of the files. The ONNX file takes images with pixels from 0 to 255.
# It returns the label and the probabilities of each image.

session = onnxruntime.InferenceSession(files["ONNX"])
labels, onnx_probabilities = session.run(None, {"images": test.images})
print(labels[:3])

half = load_model(files["half precision"])
unpickled = pickle.loads(files["pickle"].read_bytes())
probabilities = {
    "safetensors": loaded.predict_proba(test.images),
    "half precision": half.predict_proba(test.images),
    "pickle": unpickled.predict_proba(test.images),
    "ONNX": onnx_probabilities,
}

# %%
# Write a model card
# ------------------
# `model_card` scores the classifier on test images and writes a Markdown file. It says
# what the model is for, how it was trained, how accurate it is for each class, and what
# is not known. Send this file with the model. Its beginning and one of its tables are:

from skblood import model_card

card = model_card(
    clf,
    test.images,
    test.target,
    Path(folder.name, "cells.md"),
    training_data="The 1,600 training images of the sample in skblood.",
    license="CC BY 4.0",
)
print(card[: card.index("## Training data")])
print(card[card.index("## Classes") : card.index("## Confusion matrix")])

# %%
# Compare the files
# -----------------
# The left panel shows the sizes of the files. The right panel shows how much the
# probabilities of 400 cells differ from those of the original classifier, at most. They
# are identical with safetensors and pickle. In half precision, the weights are rounded,
# so the probabilities differ a little, and single labels can change. onnxruntime
# computes in another order than torch, which leads to rounding errors.

import matplotlib.pyplot as plt

kilobytes = [file.stat().st_size / 1000 for file in files.values()]
differences = [abs(p - expected).max() for p in probabilities.values()]
for name, p in probabilities.items():
    n_same = (p.argmax(axis=1) == expected.argmax(axis=1)).sum()
    print(f"{name}: {n_same} of 400 labels are the same")

figure, (left, right) = plt.subplots(
    1, 2, figsize=(8.5, 3), sharey=True, layout="constrained"
)
bars = left.barh(list(files), kilobytes, color="#0072B2")
left.bar_label(bars, fmt="%.0f kB", padding=4)
left.set(title="size of the file", xlabel="kB", xlim=(0, 250))
# A bar of length zero has no place on a logarithmic axis.
bars = right.barh(list(files), np.maximum(differences, 1e-8), color="#D55E00")
right.bar_label(
    bars, [f"{d:.1g}" if d else "identical" for d in differences], padding=4
)
right.set(
    title="largest difference of a probability",
    xlabel="difference (logarithmic axis)",
    xscale="log",
    xlim=(1e-8, 1),
)
left.invert_yaxis()
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

folder.cleanup()
