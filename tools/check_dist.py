"""Check the packages that users install: build them, install one, run the quickstart.

The package index would show the README, so twine checks that it can be shown. The
wheel is installed into a new environment, and everything runs in a new folder. The
check stops if Python imports skblood from elsewhere, such as the checkout.

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
    "skblood/datasets/data/bloodmnist_sample.json",
    "skblood/datasets/data/bloodmnist_sample.webp",
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
# Names of files and folders that are results of builds, or belong to environments.
IN_NEITHER = {
    "__pycache__",
    "_build",
    "auto_examples",
    "build",
    "dist",
    "generated",
}
# Only these files and folders may have a name that begins with a dot.
MAY_BE_HIDDEN = {".ci", ".gitignore", ".pre-commit-config.yaml"}
# The pretrained model and the sample are files of the package.
USE_PRETRAINED = """
from skblood import load_bloodmnist_sample, load_pretrained

test = load_bloodmnist_sample("test", labels="names")
accuracy = load_pretrained().score(test.images, test.target)
print(f"Accuracy of the pretrained model: {accuracy:.3f}")
assert accuracy > 0.9, "Expected an accuracy above 0.9."
"""


def run(*command, **options):
    """Run a command, and stop if it fails."""
    print("$", *command, flush=True)
    subprocess.run(list(map(str, command)), check=True, **options)


def is_left_over(name):
    """Tell whether a file is the result of a build, or belongs to an environment."""
    parts = set(name.split("/"))
    hidden = {part for part in parts - MAY_BE_HIDDEN if part.startswith(".")}
    return bool(hidden or parts & IN_NEITHER or name.endswith(".pyc"))


def check_names(title, names, wanted):
    """Stop if files are missing, or if results of builds are among them."""
    problems = [
        f"expected the file {name}, got none" for name in wanted if name not in names
    ]
    problems += [
        f"expected no result of a build, got {name}"
        for name in filter(is_left_over, names)
    ]
    if problems:
        raise SystemExit("\n".join(f"{title}: {problem}" for problem in problems))
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


def install(wheel, folder):
    """Install the wheel into a new environment, and return where its programs are."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    constraints = REPOSITORY / "constraints.txt"
    command = [programs / "python", "-m", "pip", "install", "-q", "-c", constraints]
    run(*command, f"{wheel}[plot]")
    return programs


def check_installed(programs, source, folder):
    """Use the installed package in a new folder."""
    python = programs / "python"
    folder.mkdir()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    outside = {"cwd": folder, "env": {**environment, "MPLBACKEND": "Agg"}}
    find = [python, "-c", "import skblood; print(skblood.__file__)"]
    found = subprocess.check_output(find, text=True, **outside).strip()
    if not Path(found).resolve().is_relative_to(programs.parent.resolve()):
        raise SystemExit(f"Expected the installed skblood, got {found}.")
    run(programs / "skblood", "--version", **outside)
    run(programs / "skblood", "--help", **outside)
    run(python, "-c", USE_PRETRAINED, **outside)
    run(python, source / "examples" / "plot_quickstart.py", "--save", **outside)
    if not (folder / "quickstart.png").exists():
        raise SystemExit("Expected that the quickstart saves a figure, got none.")


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel, sdist = build(folder / "dist")
        source = check_contents(wheel, sdist, folder)
        programs = install(wheel, folder / "env")
        check_installed(programs, source, folder / "work")


if __name__ == "__main__":
    main()
