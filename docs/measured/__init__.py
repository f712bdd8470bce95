"""Sphinx extension: turns the files of benchmarks/results/ into what the pages show.

Before the pages are read, each module of this folder adds to docs/generated/measured/:

- tables, as ``NAME.inc``, which a page includes;
- figures, as ``NAME.svg``;
- numbers, as substitutions in ``numbers.inc``. A page that includes this file writes a
  number as ``|NAME|``.
"""

from importlib import import_module

from measured.writing import Output

MODULES = [
    "accuracy",
    "audit",
    "confidence",
    "corruptions",
    "training_time",
    "fine_tuning",
    "microscopes",
    "pretrained",
    "processors",
    "published",
    "recipe",
    "scaling",
    "search",
    "smears",
    "speed",
]


def write(app):
    """Write all tables, figures and numbers."""
    output = Output(app.srcdir / "generated" / "measured")
    for name in MODULES:
        import_module(f"measured.{name}").add_to(output)
    output.write_numbers()


def setup(app):
    """Let Sphinx write the files before it looks for the pages."""
    app.connect("builder-inited", write)
    return {"parallel_read_safe": True}
