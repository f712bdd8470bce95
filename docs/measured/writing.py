"""Writes tables, figures and numbers for the pages."""

import matplotlib.pyplot as plt

# A fixed salt gives elements of SVG files the same identifiers in every run.
plt.rcParams["svg.hashsalt"] = "skblood"


class Output:
    """The folder that the pages include files from.

    Parameters
    ----------
    folder : pathlib.Path
    """

    def __init__(self, folder):
        self._folder = folder
        self._numbers = {}
        folder.mkdir(parents=True, exist_ok=True)

    def table(self, name, header, rows, *, folded=None):
        """Write a table as ``NAME.inc``; with a title in `folded`, it can be opened."""
        lines = _list_table(header, rows)
        if folded is not None:
            indented = [f"   {line}".rstrip() for line in lines]
            lines = [f".. dropdown:: {folded}", "", *indented]
        self._write(f"{name}.inc", lines)

    def code(self, name, text):
        """Write Python code as ``NAME.inc``."""
        indented = [f"   {line}".rstrip() for line in text.splitlines()]
        self._write(f"{name}.inc", [".. code-block:: python", "", *indented])

    def figure(self, name, figure):
        """Write a figure as ``NAME.svg``."""
        # Without a date, the same results give the same file.
        figure.savefig(self._folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)

    def number(self, name, text):
        """Define what ``|NAME|`` stands for."""
        self._numbers[name] = text

    def write_numbers(self):
        """Write the definitions of all numbers."""
        self._write(
            "numbers.inc",
            [f".. |{name}| replace:: {text}" for name, text in self._numbers.items()],
        )

    def _write(self, file, lines):
        (self._folder / file).write_text("\n".join(lines) + "\n")


def _list_table(header, rows):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        first, *others = [str(cell) for cell in row]
        lines.append(f"   * - {first}".rstrip())
        lines += [f"     - {cell}".rstrip() for cell in others]
    return lines
