"""Writes results, with the command, the package versions and the machine."""

import json
import os
import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

import torch

from skblood._runtime.hardware import resolve_precision

RESULTS = Path(__file__).parents[1] / "results"
PREDICTIONS = RESULTS / "predictions"
PACKAGES = ["skblood", "scikit-learn", "skorch", "torch", "numpy", "medmnist"]


def write_results(name, figures):
    """Write figures to results/`name`.json, with what is needed to repeat the run."""
    _write(name, {**_describe_run(), **figures})


def update_results(name, parts):
    """Replace parts of results/`name`.json; each part gets its own description."""
    path = RESULTS / f"{name}.json"
    earlier = json.loads(path.read_text()) if path.exists() else {}
    run = _describe_run()
    _write(name, earlier | {part: {**run, **parts[part]} for part in parts})


def instructions():
    """Return the processor's vector instructions, as torch uses them."""
    vector = torch.backends.cpu.get_cpu_capability()
    has_bfloat16 = resolve_precision("auto", "cpu") == "bfloat16"
    return f"{vector} with bfloat16" if has_bfloat16 else vector


def _describe_run():
    arguments = [f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]
    return {
        "command": shlex.join(["python", *arguments]),
        "versions": {
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "instructions": instructions(),
            "cores": os.cpu_count(),
        },
    }


def _write(name, record):
    path = RESULTS / f"{name}.json"
    # Renaming replaces the file in one step, so an interrupted run leaves the old one.
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(record, indent=2) + "\n")
    unfinished.replace(path)
    print(f"\nWrote benchmarks/results/{path.name}")


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = cpuinfo.read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.processor()
