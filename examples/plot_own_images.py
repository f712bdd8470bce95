"""
Own images: from a folder of JPEGs to a report
==============================================

How do you classify the cells of your own microscope? This example begins with what a
lab has, a folder of picture files with one sub-folder a class, and ends with a report.
"""

# %%
# A folder of pictures
# --------------------
# Yours is there already. Here we make one, of cells that come with skblood: pictures of
# 120×120 pixels with the cell in the middle, as a microscope's software exports them.

from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from skblood import load_bloodmnist_sample

lab = TemporaryDirectory()
cells = load_bloodmnist_sample("train")
for i, (cell, kind) in enumerate(zip(cells.images, cells.target, strict=True)):
    folder = Path(lab.name, cells.target_names[kind].split("(")[0])
    folder.mkdir(exist_ok=True)
    picture = Image.new("RGB", (120, 120), (226, 198, 190))
    picture.paste(Image.fromarray(cell).resize((84, 84)), (18, 18))
    picture.save(folder / f"cell{i}.jpg", quality=90)

# %%
# The images as arrays
# --------------------
# The names of the sub-folders become the classes. ``crop`` cuts a square from the
# middle of each picture before it is resized; a file that cannot be read would be
# named.

from skblood import load_cell_images

own = load_cell_images(lab.name, size=28, crop=84)
print(own.images.shape, own.images.dtype)
print(own.target_names)
print(own.filenames[:3])

# %%
# Training and predicting
# -----------------------
# A part is held back, so that the report is of cells that the classifier has not seen.

from sklearn.model_selection import train_test_split

from skblood import BloodCNNClassifier

X_train, X_test, y_train, y_test = train_test_split(
    own.images, own.target, test_size=0.25, stratify=own.target, random_state=0
)
clf = BloodCNNClassifier(width=16, max_epochs=15, random_state=0).fit(X_train, y_train)
predicted = clf.predict(X_test)

# %%
# The report
# ----------

from sklearn.metrics import classification_report

print(classification_report(y_test, predicted, target_names=own.target_names))

# %%
# The cells it is least sure of
# -----------------------------
# These are the ones to look at first.

import matplotlib.pyplot as plt
import numpy as np

confidence = clf.predict_proba(X_test).max(axis=1)
figure, axes = plt.subplots(2, 5, figsize=(10, 4.6), layout="constrained")
for ax, i in zip(axes.flat, np.argsort(confidence)[:10], strict=True):
    ax.imshow(X_test[i], interpolation="bicubic")
    is_right = predicted[i] == y_test[i]
    ax.set_title(
        f"{own.target_names[predicted[i]]}\n{confidence[i]:.0%}",
        color="black" if is_right else "firebrick",
        fontsize=9,
    )
    ax.axis("off")
figure.suptitle("Least sure: what it says, in red where it is wrong")
plt.show()

lab.cleanup()
