"""Cells of other microscopes are unfamiliar to the pretrained models."""

import os
from pathlib import Path

import pytest

from skblood import assess, load_cell_images, load_pretrained
from skblood.pretrained import pretrained_names

FOLDER = os.environ.get("SKBLOOD_MICROSCOPES")


@pytest.mark.skipif(not FOLDER, reason="needs the folder in SKBLOOD_MICROSCOPES")
@pytest.mark.parametrize("model", pretrained_names())
@pytest.mark.parametrize(("name", "crop"), [("tecom", None), ("cellavision", 210)])
def test_cells_of_other_microscopes_are_unfamiliar(model, name, crop):
    images = load_cell_images(Path(FOLDER, name), crop=crop).images
    assert assess(load_pretrained(model), images).is_unfamiliar.mean() > 0.9
