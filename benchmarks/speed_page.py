"""Write docs/speed.rst from benchmarks/results/speed.json. Run this after speed.py.

python benchmarks/speed_page.py
"""

from statistics import median

from results_page import DOCS, load, table
from speed import ROWS

PAGE = DOCS / "speed.rst"
INTRODUCTION = """\
.. Written by benchmarks/speed_page.py from benchmarks/results/speed.json.

Speed
=====

Each row is one measurement by ``python benchmarks/speed.py``, on a machine with {cores}
cores ({processor}) and no GPU. What is compared was timed in turn, in one run, and the
ratio is the median of the pairs' ratios; the seconds are medians.

"""
REFERENCES = """

The references
--------------

The loop that ``fit`` is held against. Its pixels are standardised float32 tensors from
the start, its network, optimiser, augmentation and precision are ours:

.. literalinclude:: ../benchmarks/references/torch_loop.py
   :language: python
   :lines: 8-

Plain skorch, with arrays that are float32 from the start:

.. literalinclude:: ../benchmarks/references/plain_skorch.py
   :language: python
   :lines: 7-
"""


def seconds(figures, whose):
    times = figures.get(f"{whose}_seconds")
    if times is None:
        return ""
    return f"{median(times):.3g}"


def row(name, figures):
    reached = f"{figures['reached']:.3g}"
    if not ROWS[name].reached(figures["reached"]):
        reached += " (missed)"
    return [
        figures["title"],
        figures["target"],
        reached,
        seconds(figures, "ours"),
        seconds(figures, "reference"),
    ]


def main():
    results = load("speed")
    rows = [row(name, results[name]) for name in ROWS if name in results]
    header = ["", "target", "reached", "ours, s", "reference, s"]
    machine = next(iter(results.values()))["machine"]
    page = INTRODUCTION.format(**machine) + table(header, rows) + REFERENCES
    PAGE.write_text(page)
    missing = [name for name in ROWS if name not in results]
    if missing:
        print(f"Not measured, and left out: {', '.join(missing)}")


if __name__ == "__main__":
    main()
