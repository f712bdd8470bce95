"""Reads benchmarks/results/, and formats numbers."""

import json
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def load(name):
    """Return benchmarks/results/`name`.json."""
    return json.loads((BENCHMARKS / "results" / f"{name}.json").read_text())


def decimal(value, digits=4):
    """Format a number; numbers below 1 have no leading zero, as is usual for scores."""
    text = f"{value:.{digits}f}"
    return text.lstrip("0") if value < 1 else text


def mean_and_std(summary, measure="accuracy", digits=4):
    """Format a mean with its standard deviation, if there is one."""
    mean, std = summary["mean"][measure], summary["std"].get(measure)
    text = decimal(mean, digits)
    return text if std is None else f"{text} ± {decimal(std, digits)}"


def without_description(figures):
    """Return the figures without the description of how they were measured."""
    described = ("command", "versions", "machine")
    return {name: v for name, v in figures.items() if name not in described}


def literal(text):
    """Format a command as code."""
    return f"``{text}``"
