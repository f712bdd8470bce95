"""Write docs/intersphinx/: the names that the documentation can link to on other sites.

    python tools/make_inventories.py FOLDER

An inventory lists the names and addresses of a site's pages. They are part of the
repository, so that the documentation is built without a network, and in the same way
each time. Run this script again when a new version of a dependency has new names.

FOLDER must contain one file NAME.inv for each NAME in SITES: the file `objects.inv`
from the site's address below, or from a package of the site's documentation, such as
Debian's python-sklearn-doc. Only names of Python objects, terms of glossaries and
labels of sections are kept: the other entries make up half of the files.

The files of torch and skorch are optional. Without them, their inventories list only
the names in WRITTEN_BY_HAND.
"""

import argparse
import re
import zlib
from pathlib import Path

# conf.py has the address of each site.
SITES = ["matplotlib", "numpy", "pillow", "python", "scipy", "sklearn"]

# The pages follow the structure of the sources of both documentations: "$" is replaced
# by the name itself.
WRITTEN_BY_HAND = {
    "skorch": {
        "skorch.callbacks.Callback": ("class", "callbacks.html#$"),
        "skorch.net.NeuralNet": ("class", "net.html#$"),
    },
    "torch": {
        "torch.Generator": ("class", "generated/torch.Generator.html#$"),
        "torch.Tensor": ("class", "tensors.html#$"),
        "torch.autocast": ("class", "amp.html#$"),
        "torch.nn.Module": ("class", "generated/torch.nn.Module.html#$"),
        "torch.optim.AdamW": ("class", "generated/torch.optim.AdamW.html#$"),
        "torch.optim.Optimizer": ("class", "optim.html#$"),
    },
}

OUTPUT = Path(__file__).parents[1] / "docs" / "intersphinx"
HEADER = "# Sphinx inventory version 2\n# Project: {}\n# Version: {}\n{}"
COMPRESSED = "# The remainder of this file is compressed using zlib.\n"
ENTRY = re.compile(r"(?P<name>.+?) (?P<kind>\S+:\S+) (?P<rest>-?\d+ \S* .*)")


def read(path):
    """Return the project, its version and the lines of the entries."""
    first, project, version, last, body = path.read_bytes().split(b"\n", 4)
    if first != b"# Sphinx inventory version 2" or b"zlib" not in last:
        raise ValueError(f"Expected an inventory of version 2 in {path}.")
    project = project.decode().removeprefix("# Project: ")
    # Debian adds "+dfsg" and more to versions.
    version = version.decode().removeprefix("# Version: ").split("+")[0]
    return project, version, zlib.decompress(body).decode().splitlines()


def is_kept(line):
    """Return whether the documentation could link to the name of this line."""
    entry = ENTRY.fullmatch(line)
    if entry is None:
        raise ValueError(f"Expected a line of an inventory, got {line!r}.")
    if entry["kind"] == "std:label":
        # Labels of the buttons under examples.
        return not entry["name"].startswith("sphx_glr_download_")
    return entry["kind"].startswith("py:") or entry["kind"] == "std:term"


def write(name, project, version, lines):
    """Write an inventory, and print its size."""
    path = OUTPUT / f"{name}.inv"
    body = zlib.compress("".join(f"{line}\n" for line in lines).encode(), 9)
    path.write_bytes(HEADER.format(project, version, COMPRESSED).encode() + body)
    print(f"{path.name}: {len(lines)} names, {path.stat().st_size / 1000:.1f} kB")


def main():
    """Write all inventories."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder with the files NAME.inv")
    folder = parser.parse_args().folder
    OUTPUT.mkdir(exist_ok=True)
    for name in SITES + sorted(WRITTEN_BY_HAND):
        path = folder / f"{name}.inv"
        if path.exists() or name in SITES:
            project, version, lines = read(path)
            write(name, project, version, [line for line in lines if is_kept(line)])
        else:
            entries = WRITTEN_BY_HAND[name].items()
            lines = [f"{n} py:{kind} 1 {page} -" for n, (kind, page) in entries]
            write(name, name, "", lines)


if __name__ == "__main__":
    main()
