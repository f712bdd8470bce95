"""Check the packages that users install: build them, install one, run the quickstart.

The package index would show the README, so twine checks that it can be shown. The
wheel is installed into a new environment, and everything runs in a new folder, so that
no file of the checkout can be used by mistake.

    python tools/check_dist.py
"""

import argparse
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).parents[1]
# Files without which an installed package would not work.
IN_WHEEL = [
    "skblood/__init__.py",
    "skblood/models/bloodmnist-28.safetensors",
    "skblood/models/bloodmnist-28-robust.safetensors",
    "skblood/models/bloodmnist-28-tiny.safetensors",
    "skblood/datasets/data/ATTRIBUTION.md",
]
# What somebody needs who works with the source.
IN_SDIST = [
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks/speed.py",
    "constraints.txt",
    "docs/conf.py",
    "docs/images/cells.png",
    "examples/plot_quickstart.py",
    "tests/conftest.py",
]
# Results of builds and environments.
IN_NEITHER = ("__pycache__", ".venv", "_build", "auto_examples", "generated", ".pytest")


def run(*command, **options):
    """Run a command, and stop if it fails."""
    print("$", *command, flush=True)
    subprocess.run(list(map(str, command)), check=True, **options)


def check_names(title, names, wanted):
    """Stop if files are missing, or if results of builds are among them."""
    missing = [name for name in wanted if name not in names]
    left_over = [n for n in names if any(part in n for part in IN_NEITHER)]
    if missing or left_over:
        raise SystemExit(
            f"{title}: expected the files {missing}, got none of them. "
            f"Expected no results of builds, got {left_over}."
        )
    print(f"{title}: {len(names)} files")


def build(folder):
    """Build both packages in a folder, and return their paths."""
    run(sys.executable, "-m", "build", "--outdir", folder, REPOSITORY)
    [wheel], [sdist] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    return wheel, sdist


def check_contents(wheel, sdist, folder):
    """Check the lists of files, and return the folder of the unpacked source."""
    with zipfile.ZipFile(wheel) as archive:
        check_names(f"wheel, {size(wheel)}", archive.namelist(), IN_WHEEL)
    with tarfile.open(sdist) as archive:
        root, *_ = archive.getnames()[0].split("/")
        names = [name.removeprefix(f"{root}/") for name in archive.getnames()]
        check_names(f"source, {size(sdist)}", names, IN_SDIST)
        archive.extractall(folder, filter="data")
    return folder / root


def size(path):
    return f"{path.stat().st_size / 1e6:.1f} MB"


def check_installed(wheel, source, folder):
    """Install the wheel into a new environment, and use it there."""
    venv.create(folder / "env", with_pip=True)
    scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    constraints = REPOSITORY / "constraints.txt"
    run(python, "-m", "pip", "install", "-q", "-c", constraints, f"{wheel}[plot]")
    workplace = folder / "work"
    workplace.mkdir()
    outside = {
        "cwd": workplace,
        "env": {**os.environ, "PYTHONPATH": "", "MPLBACKEND": "Agg"},
    }
    run(scripts / "skblood", "--version", **outside)
    run(python, source / "examples" / "plot_quickstart.py", "--save", **outside)
    if not (workplace / "quickstart.png").exists():
        raise SystemExit("Expected that the quickstart saves a figure, got none.")


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = build(folder / "dist")
        source = check_contents(wheel, sdist, folder)
        check_installed(wheel, source, folder)


if __name__ == "__main__":
    main()
