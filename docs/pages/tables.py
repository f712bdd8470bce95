"""Loads results, and formats them as reStructuredText tables."""

import json
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
BENCHMARKS = REPOSITORY / "benchmarks"
DOCS = REPOSITORY / "docs"


def load(name):
    """Return benchmarks/results/`name`.json."""
    return json.loads(results_path(name).read_text())


def results_path(name):
    return BENCHMARKS / "results" / f"{name}.json"


def template(script):
    """Return the text of the template beside a script."""
    return Path(script).with_suffix(".rst.template").read_text()


def decimal(value, digits=4):
    """Format a number; numbers below 1 have no leading zero, as is usual for scores."""
    text = f"{value:.{digits}f}"
    return text.lstrip("0") if value < 1 else text


def accuracy(summary):
    """Format the mean accuracy, with its standard deviation if there is one."""
    mean, std = summary["mean"]["accuracy"], summary["std"]["accuracy"]
    return decimal(mean) if std is None else f"{decimal(mean)} ± {decimal(std)}"


def table(header, rows):
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        cells = [str(cell) for cell in row]
        lines += [f"   * - {cells[0]}".rstrip()]
        lines += [f"     - {cell}".rstrip() for cell in cells[1:]]
    return "\n".join(lines)
