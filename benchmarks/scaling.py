"""Measure what several workers add to the speed of searches, predictions and trainings.

    python benchmarks/scaling.py                        # all parts
    python benchmarks/scaling.py --parts search,predict # these parts

Each part is a module in benchmarks/scaling_parts/. A part that is measured again
replaces its figures in benchmarks/results/scaling.json. The other parts of the file are
kept.
"""

import json
import pkgutil
from importlib import import_module

import scaling_parts
from common.command_line import make_parser
from common.recording import update_results

PARTS = sorted(module.name for module in pkgutil.iter_modules(scaling_parts.__path__))


def main():
    parser = make_parser(__doc__)
    parser.add_argument(
        "--parts",
        default=",".join(PARTS),
        metavar="PART,…",
        help="parts to measure, with commas between them (default: %(default)s)",
    )
    parser.add_argument(
        "--short",
        action="store_true",
        help="try the parts with few images, and write no results",
    )
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(
            f"unknown parts: {', '.join(sorted(unknown))}. Choose from "
            f"{', '.join(PARTS)}"
        )
    for part in parts:
        measure = import_module(f"scaling_parts.{part}").measure
        figures = measure(short=options.short)
        print(f"{part}: {json.dumps(figures, indent=2)}", flush=True)
        if not options.short:
            update_results("scaling", {part: figures})


if __name__ == "__main__":
    main()
