"""The look that the figures have in common."""

import matplotlib.pyplot as plt

# From the palette of Okabe and Ito, which people with any type of colour vision can
# tell apart.
SKBLOOD, OTHERS = "#D55E00", "0.45"
PALETTE = ["#D55E00", "#0072B2", "#E69F00", "#009E73", "#56B4E9", "#000000"]
MARKERS = "os^Dv*"


def new_figure(width=7, height=4, **options):
    """Return a figure and its axes."""
    return plt.subplots(figsize=(width, height), layout="constrained", **options)


def draw_bars(ax, labels, values, *, colors):
    """Draw horizontal bars from zero, with their values as text."""
    bars = ax.barh(labels, values, color=colors, height=0.7)
    ax.bar_label(bars, fmt="%.2f", padding=5, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)


def draw_points(ax, labels, values, *, errors=None, colors=SKBLOOD, texts):
    """Draw one point in a row for each label, for axes that do not begin at zero."""
    rows = range(len(labels))
    ax.hlines(rows, 0, values, color="0.9", zorder=0)
    ax.errorbar(values, rows, xerr=errors, fmt="none", ecolor="0.3", capsize=3)
    ax.scatter(values, rows, color=colors, s=45, zorder=3)
    for row, value, text in zip(rows, values, texts, strict=True):
        offset = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center"}
        ax.annotate(text, (value, row), fontsize=8, **offset)
    ax.set_yticks(rows, labels)
    ax.set_ylim(len(labels) - 0.5, -0.8)
    ax.spines[["top", "right"]].set_visible(False)
