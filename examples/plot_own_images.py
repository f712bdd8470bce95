"""
Own images: how do you classify the cells of your own microscope?
=================================================================

This example starts from a folder of image files with one sub-folder for each class. It
trains a classifier on these images and ends with a report and a figure.
"""

# %%
# A folder of pictures
# --------------------
# For this example we write such a folder, with images that are part of skblood. Each
# picture has 120×120 pixels, with one cell in the middle. The software of a microscope
# can export such pictures.

from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from skblood import load_bloodmnist_sample

lab = TemporaryDirectory()
cells = load_bloodmnist_sample("train", labels="names")
for i, (cell, name) in enumerate(zip(cells.images, cells.target, strict=True)):
    folder = Path(lab.name, name)
    folder.mkdir(exist_ok=True)
    picture = Image.new("RGB", (120, 120), (226, 198, 190))
    picture.paste(Image.fromarray(cell).resize((84, 84)), (18, 18))
    picture.save(folder / f"cell{i}.jpg", quality=90)

# %%
# Load the images as arrays
# -------------------------
# With ``labels="names"``, the label of an image is the name of its sub-folder. ``crop``
# is the side of the square, in pixels, that is cut from the middle of each picture
# before it is resized. A file that cannot be read raises an error that names the file.

from skblood import load_cell_images

own = load_cell_images(lab.name, size=28, crop=84, labels="names")
print(own.images.shape, own.images.dtype)
print(own.target_names)
print(own.filenames[:3])

# %%
# Train and predict
# -----------------
# A quarter of the images is set aside, so that the classifier is tested on images that
# it was not trained on.

from sklearn.model_selection import train_test_split

from skblood import BloodCNNClassifier

X_train, X_test, y_train, y_test = train_test_split(
    own.images, own.target, test_size=0.25, stratify=own.target, random_state=0
)
clf = BloodCNNClassifier(width=16, max_epochs=15, random_state=0).fit(
    X_train, y_train
)
predicted = clf.predict(X_test)

# %%
# Print a report
# --------------

from sklearn.metrics import classification_report

print(classification_report(y_test, predicted))

# %%
# Look at the least certain predictions
# -------------------------------------
# These are the ten cells whose predicted class has the lowest probability. Check such
# cells first.

import matplotlib.pyplot as plt
import numpy as np

from skblood.display import CellGridDisplay

confidence = clf.predict_proba(X_test).max(axis=1)
least = np.argsort(confidence)[:10]
display = CellGridDisplay.from_predictions(
    X_test[least],
    predicted[least],
    y_true=y_test[least],
    probabilities=confidence[least],
    n_columns=5,
)
display.ax_.set_title("Predictions with the lowest probabilities")
plt.show()

lab.cleanup()
