"""New Python processes, and the memory that a process uses."""

import os
import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[1]


def run_in_new_process(code, *arguments, environment=None):
    """Run Python code in a new process and return what it prints.

    The code finds `arguments` in ``sys.argv[1:]``, and can import the modules of this
    folder. `environment` is a dict of environment variables that are added.
    """
    search_path = [str(BENCHMARKS), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, search_path)),
            **(environment or {}),
        },
    ).stdout


def memory_in_bytes(field):
    """Return a memory figure of this process, as Linux reports it.

    `field` is the name of a line in ``/proc/self/status``: "VmRSS" is the memory in
    use, "VmHWM" its peak, and "RssAnon" the memory in use without pages of files.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    kibibytes = next(line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(kibibytes) * 1024
