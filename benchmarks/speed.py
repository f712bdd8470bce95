"""Measure the speed and the memory of skblood, each row against a target.

Most rows compare skblood with a reference, which is measured in the same run on the
same machine. The references are in benchmarks/references/, and the rows in
benchmarks/speed_rows/.

    python benchmarks/speed.py                      # all rows, about 90 minutes
    python benchmarks/speed.py fit-default grid-cnn # these rows
    python benchmarks/speed.py --short              # the rows that take seconds
    python benchmarks/speed.py --gpu                # the rows that need a GPU

A row that is measured again replaces its figures in benchmarks/results/speed.json. The
other rows of the file are kept.
"""

import torch
from common.command_line import make_parser
from common.recording import update_results
from speed_rows import (
    busy,
    fitting,
    gpu,
    growth,
    memory,
    predicting,
    racing,
    searching,
    starting,
)
from speed_rows.declaration import SpeedRow

# In the order of the table.
MODULES = [fitting, racing, busy, predicting, memory, growth, searching, starting]


def rows_of(module):
    return {row.name: row for row in vars(module).values() if isinstance(row, SpeedRow)}


ROWS = {name: row for module in MODULES for name, row in rows_of(module).items()}
GPU_ROWS = rows_of(gpu)


def run(row):
    """Measure a row, print it, and write it to the results."""
    figures = row.measure(row.n_pairs)
    value = figures[row.figure]
    target = row.target_text
    summary = {"title": row.title, "target": target, "reached": value}
    update_results("speed", {row.name: {**summary, **figures}})
    verdict = "reached" if row.is_reached_by(value) else "MISSED"
    print(f"{row.title}: {value:.4g} (target {target}: {verdict})")
    for name in ("ours_seconds", "reference_seconds"):
        if name in figures:
            print(f"    {name}: " + " ".join(f"{s:.3f}" for s in figures[name]))


def main():
    parser = make_parser(__doc__)
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="ROW",
        help=f"rows to measure (default: all of {', '.join(ROWS)})",
    )
    parser.add_argument(
        "--short", action="store_true", help="measure the rows that take seconds"
    )
    parser.add_argument(
        "--gpu", action="store_true", help=f"measure {', '.join(GPU_ROWS)}"
    )
    options = parser.parse_args()
    if options.gpu and not torch.cuda.is_available():
        parser.error("--gpu requires a GPU with CUDA, which this machine does not have")
    rows = GPU_ROWS if options.gpu else ROWS
    unknown = set(options.rows) - set(rows)
    if unknown:
        parser.error(
            f"unknown rows: {', '.join(sorted(unknown))}. Choose from {', '.join(rows)}"
        )
    names = options.rows or [
        name for name, row in rows.items() if row.short or not options.short
    ]
    for name in names:
        run(rows[name])


if __name__ == "__main__":
    main()
