"""Markdown tables and text, with special characters escaped."""

import re

from tabulate import tabulate


def make_table(columns):
    """Return a Markdown table.

    Parameters
    ----------
    columns : dict of str to sequence of str
        The title and the cells of each column, from left to right. Each is one line of
        Markdown, such as `escape` and `code` return.

    Returns
    -------
    str
    """
    # tabulate would parse numbers and remove their trailing zeros.
    return tabulate(columns, headers="keys", tablefmt="pipe", disable_numparse=True)


def escape(text):
    """Return text as one line, with Markdown's special characters escaped.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
    """
    return re.sub(r"([\\`*_~<>&|\[\]])", r"\\\1", _one_line(text))


def code(text):
    """Return text as one line of inline code if possible, otherwise escaped.

    Parameters
    ----------
    text : object

    Returns
    -------
    str
    """
    text = _one_line(text)
    # Inline code has no escapes: a backtick would end the code, and a vertical bar
    # would end the cell of the table.
    return escape(text) if set("|`") & set(text) else f"`{text}`"


def _one_line(text):
    return " ".join(str(text).split())
