"""What every benchmark writes beside its figures: versions, machine, command."""

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
PACKAGES = ["skblood", "scikit-learn", "skorch", "torch", "numpy", "medmnist"]


def write_results(name, figures):
    """Write figures to results/`name`.json, with all that is needed to repeat them."""
    arguments = [f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]
    record = {
        "command": " ".join(["python", *arguments]),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        **figures,
    }
    path = RESULTS / f"{name}.json"
    beside = path.with_suffix(".tmp")
    beside.write_text(json.dumps(record, indent=2) + "\n")
    beside.replace(path)
    print(f"\nWritten to benchmarks/results/{path.name}")


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = cpuinfo.read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()
