"""Sphinx configuration."""

import re
import sys
from pathlib import Path

from skblood import __version__

project = "skblood"
author = "The skblood developers"
copyright = author
version = release = __version__

# The extension `measured`, in this folder, draws the figures of measured results.
sys.path.insert(0, str(Path(__file__).parent))
extensions = [
    "measured",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "myst_parser",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

# Docstrings put parameter names between single backticks, as scikit-learn's do.
default_role = "literal"
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}

# The template for classes lists the methods, so numpydoc must not list them again.
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_",
    # The ONNX page includes this script, which needs command-line arguments.
    "ignore_pattern": r"without_torch\.py",
    # sphinx-gallery writes a list of examples for each public name; the templates of
    # the reference pages show it.
    "doc_module": "skblood",
    "backreferences_dir": "generated/examples",
    "show_memory": False,
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "skblood"
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
# These pages have no child pages, so their left sidebar would be empty.
html_sidebars = {"index": [], "getting_started": []}


def unlink_scikit_learn(app, what, name, obj, options, lines):
    """Turn links in docstrings inherited from scikit-learn into text."""
    # The pages that these links point to are not part of this documentation.
    if (getattr(obj, "__module__", None) or "").startswith("sklearn."):
        text = "\n".join(lines)
        text = re.sub(r":ref:`([^`<]+?)\s*<[^`]+>`", r"\1", text)
        text = re.sub(r":ref:`[^`]+`", "scikit-learn's documentation", text)
        lines[:] = text.split("\n")


def setup(app):
    """Register the event handlers."""
    app.connect("autodoc-process-docstring", unlink_scikit_learn)
