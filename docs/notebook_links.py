"""Sphinx extension: writes links as plain text in the notebooks of the examples.

sphinx-gallery turns the text of an example into Markdown, in which Sphinx's roles, such
as ``:func:`~skblood.assess```, mean nothing. It has no option for this.
"""

import re

from sphinx_gallery import notebook

# sphinx-gallery itself converts ":math:".
ROLE = re.compile(r":(?!math:)[\w:+]+:`(?P<text>[^`<]+?)(?P<target>\s*<[^`>]+>)?`")


def to_plain_text(match):
    """Return the text of a link, or its target as code if it has no text."""
    if match["target"]:
        return match["text"]
    name = match["text"]
    return f"``{name.split('.')[-1] if name.startswith('~') else name}``"


def setup(app):
    """Replace the roles before sphinx-gallery converts the text."""
    convert = notebook.rst2md

    def convert_without_roles(text, *args, **kwargs):
        return convert(ROLE.sub(to_plain_text, text), *args, **kwargs)

    notebook.rst2md = convert_without_roles
    return {"parallel_read_safe": True}
