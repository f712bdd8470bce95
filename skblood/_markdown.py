"""Text and tables in Markdown that nothing in them can break."""

import re

from tabulate import tabulate


def make_table(columns):
    """Return a table.

    Parameters
    ----------
    columns : dict of str to sequence of str
        Title and cells of each column, from left to right: Markdown on one line, as
        the functions below make it.

    Returns
    -------
    str
    """
    # Numbers are text here: parsed, they would lose their last zeros.
    return tabulate(columns, headers="keys", tablefmt="pipe", disable_numparse=True)


def escape(text):
    """Return text on one line, in which nothing is taken for Markdown.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
    """
    return re.sub(r"([\\`*_~<>&|\[\]])", r"\\\1", _one_line(text))


def code(text):
    """Return text on one line in the letters of code, or else as it is.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
    """
    text = _one_line(text)
    # Code has no escapes, and a bar in it may end the table's cell.
    return escape(text) if set("|`") & set(text) else f"`{text}`"


def _one_line(text):
    return " ".join(str(text).split())
