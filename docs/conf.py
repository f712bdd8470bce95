"""Sphinx configuration."""

import re
import sys
from functools import partial
from pathlib import Path

import torch

import skblood
from skblood import _sklearn_compat

project = "skblood"
author = "The skblood developers"
copyright = author
version = release = skblood.__version__

# This folder has the extension `measured`, which draws the figures of measured results,
# `notebook_links`, and the order of the examples.
sys.path.insert(0, str(Path(__file__).parent))
extensions = [
    "measured",
    "notebook_links",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_parser",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

# Docstrings put parameter names between single backticks, as scikit-learn's do.
default_role = "literal"
# Quotation marks stay straight, so that ``default="auto"`` can be copied into code.
smartquotes_action = "De"
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}

# A link to a Python name that does not exist is a warning, which makes the build fail.
nitpicky = True

# docs/intersphinx/ lists the names that these sites explain, so that the build needs no
# network and always makes the same links. `tools/make_inventories.py` writes the lists.
SITES = {
    "matplotlib": "https://matplotlib.org/stable/",
    "numpy": "https://numpy.org/doc/stable/",
    "pillow": "https://pillow.readthedocs.io/en/stable/",
    "python": "https://docs.python.org/3/",
    "scipy": "https://docs.scipy.org/doc/scipy/",
    "sklearn": "https://scikit-learn.org/stable/",
    "skorch": "https://skorch.readthedocs.io/en/stable/",
    "torch": "https://docs.pytorch.org/docs/stable/",
}
intersphinx_mapping = {
    name: (address, f"intersphinx/{name}.inv") for name, address in SITES.items()
}
# Without this, a mistyped label of this documentation could become a link to a section
# of another site. A label or term of another site is written with the name of the site:
# ":term:`sklearn:array-like`".
intersphinx_disabled_reftypes = ["std:*"]

# The template for classes lists the methods, so numpydoc must not list them again.
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

# Public names of skblood, and the full names under which the reference lists them.
PUBLIC_NAMES = {
    name: f"skblood.datasets.{name}" if "datasets" in module else f"skblood.{name}"
    for name, module in skblood._MODULE_OF.items()
} | {
    "Calibration": "skblood.calibration.Calibration",
    "CellGridDisplay": "skblood.display.CellGridDisplay",
    "CellImagePreprocessor": "skblood.preprocessing.CellImagePreprocessor",
    "LazyImages": "skblood.datasets.LazyImages",
    "make_smear": "skblood.datasets.make_smear",
    "ReliabilityDisplay": "skblood.display.ReliabilityDisplay",
    "RiskCoverageDisplay": "skblood.display.RiskCoverageDisplay",
    "RobustAugmentation": "skblood.augmentation.RobustAugmentation",
    "SaliencyDisplay": "skblood.display.SaliencyDisplay",
    "SmearDisplay": "skblood.display.SmearDisplay",
    "TrainingCurveDisplay": "skblood.display.TrainingCurveDisplay",
}

# In the types of parameters and results, only the words below are links.
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {
    "array-like": ":term:`array-like <sklearn:array-like>`",
    "classifier": ":term:`classifier <sklearn:classifier>`",
    "path-like": ":term:`path-like <python:path-like object>`",
    "skorch.NeuralNet": "skorch.net.NeuralNet",
}
# numpydoc makes links of these words, which every reader knows.
for word in "None True False bool callable dict float int list str tuple".split():
    numpydoc_xref_aliases[word] = word
for name in [
    "matplotlib.axes.Axes",
    "matplotlib.colorbar.Colorbar",
    "matplotlib.collections.LineCollection",
    "matplotlib.figure.Figure",
    "matplotlib.image.AxesImage",
    "matplotlib.lines.Line2D",
    "matplotlib.patches.StepPatch",
    "matplotlib.text.Text",
    "skorch.callbacks.Callback",
    "torch.Generator",
    "torch.Tensor",
]:
    numpydoc_xref_aliases[name] = f":class:`{name}`"
numpydoc_xref_aliases |= {
    # The names of classes. The names of functions are no types.
    name: full
    for name, full in PUBLIC_NAMES.items()
    if name[0].isupper()
}

# The button copies commands without their prompts and without their output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_line_continuation_character = "\\"
# Blocks without a language are output, such as that of the examples.
copybutton_selector = "div:not(.highlight-none, .highlight-text) > div.highlight pre"

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"[\\/]plot_",
    "within_subsection_order": "example_order.ExampleOrder",
    # The ONNX page includes this script, which needs command-line arguments.
    "ignore_pattern": r"without_torch\.py",
    # sphinx-gallery writes a list of examples for each public name; the templates of
    # the reference pages show it.
    "doc_module": "skblood",
    "backreferences_dir": "generated/examples",
    # The comments that choose the thumbnails are not part of the pages.
    "remove_config_comments": True,
    "show_memory": False,
    # The pages of computation times load scripts from other sites.
    "write_computation_times": False,
    "show_signature": False,
}

html_theme = "pydata_sphinx_theme"
html_title = "skblood"
html_show_sourcelink = False
# The search and the reference are easier to use than an index of all names.
html_use_index = False
html_static_path = ["_static"]
html_css_files = ["skblood.css"]
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}
# Without a mode, the theme reports an error to the browser.
html_context = {"default_mode": "auto"}
# These pages have no child pages, so their left sidebar would be empty.
html_sidebars = {"index": [], "getting_started": []}


# The HTML representations of estimators on the pages of the examples link to the
# reference of the same build. The address is relative to the folder auto_examples.
_sklearn_compat.DOCUMENTATION_URL = "../"


def link_scikit_learn(app, what, name, obj, options, lines):
    """Let docstrings inherited from scikit-learn link to its documentation."""
    if (getattr(obj, "__module__", None) or "").startswith("sklearn."):
        lines[:] = [
            re.sub(r":(ref|term):`", r":external+sklearn:\1:`", line) for line in lines
        ]


def link_names(app, what, name, obj, options, lines):
    """Turn public names between single backticks in docstrings into links."""
    link = partial(link_name, name)
    lines[:] = [
        re.sub(r"(?<![`:\w])`([A-Za-z_][\w.]*)`(?![`_])", link, line) for line in lines
    ]


def link_name(page, match):
    """Return a link for a name between backticks, if it is a public name."""
    name = match[1]
    full = PUBLIC_NAMES.get(name, name)
    root = full.split(".")[0]
    if full == page or "." not in full or root not in {"skblood", *SITES}:
        return match[0]
    return f":py:obj:`{name} <{full}>`"


def name_torch_bases(app, name, obj, options, bases):
    """Link to torch's classes under the names that torch documents."""
    # torch.nn.Module.__module__ is "torch.nn.modules.module", which has no page.
    for i, base in enumerate(bases):
        for module in (torch.nn, torch.optim):
            if getattr(module, base.__name__, None) is base:
                bases[i] = f":py:class:`{module.__name__}.{base.__name__}`"


def add_short_names(app, env):
    """Let names of `skblood.datasets` also be found under `skblood`."""
    # The examples import them from there, and their code becomes links.
    objects = env.domains.python_domain.objects
    for name in skblood.__all__:
        if PUBLIC_NAMES[name] in objects:
            entry = objects[PUBLIC_NAMES[name]]
            objects.setdefault(f"skblood.{name}", entry._replace(aliased=True))


def setup(app):
    """Register the event handlers."""
    # Before numpydoc, which has priority 500 and writes labels in another form.
    app.connect("autodoc-process-docstring", link_scikit_learn, priority=400)
    app.connect("autodoc-process-docstring", link_names)
    app.connect("autodoc-process-bases", name_torch_bases)
    app.connect("env-updated", add_short_names)
