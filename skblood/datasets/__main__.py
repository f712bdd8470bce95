"""List, verify or download the archives: ``python -m skblood.datasets``."""

import argparse
import sys

from skblood.datasets import _manifest
from skblood.datasets._cache import download_if_needed, find_data_home, verify
from skblood.datasets._unpack import folder_of, verify_unpacked


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = _make_parser()
    # Intermixed parsing allows options between the command and the sizes.
    options = parser.parse_intermixed_args(arguments)
    archives = _manifest.collection(options.name).archives
    sizes = ", ".join(map(str, archives))
    for size in options.size:
        if size not in archives:
            parser.error(f"size must be one of {sizes}, got {size}")
    if options.command == "download" and not options.size:
        parser.error(f"download needs at least one size: {sizes}")
    chosen = [archives[size] for size in options.size or archives]
    try:
        return COMMANDS[options.command](chosen, find_data_home(options.data_home))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _list(archives, home):
    print(home)
    for archive in archives:
        path = home / archive.filename
        state = f"{path.stat().st_size / 1e6:,.0f} MB" if path.exists() else "missing"
        if folder_of(path).exists():
            state += ", unpacked"
        print(f"  {archive.filename}: {state}")
    return 0


def _verify(archives, home):
    """Read every byte of the archives and folders that exist, and check it."""
    results = []
    for archive in archives:
        path = home / archive.filename
        for place, check in [(path, verify), (folder_of(path), verify_unpacked)]:
            if place.exists():
                results.append(_run_check(check, archive, place))
                print(f"{place}: {results[-1]}")
    if not results:
        print(f"{home}: nothing to verify")
    return int(any(result != "OK" for result in results))


def _run_check(check, archive, place):
    try:
        check(archive, place)
    except OSError as error:
        return str(error)
    return "OK"


def _download(archives, home):
    for archive in archives:
        path = home / archive.filename
        download_if_needed(archive, path)
        verify(archive, path)
        print(path)
    return 0


COMMANDS = {"list": _list, "verify": _verify, "download": _download}


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m skblood.datasets",
        description="List, verify or download the archives of a MedMNIST data set.",
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=COMMANDS,
        default="list",
        help="what to do with the archives (default: list)",
    )
    parser.add_argument(
        "size",
        nargs="*",
        type=int,
        help="image size in pixels: 28, 64, 128 or 224 (default for list and verify: "
        "all)",
    )
    parser.add_argument(
        "--name",
        choices=_manifest.names(),
        default="bloodmnist",
        help="name of the data set (default: %(default)s)",
    )
    parser.add_argument(
        "--data-home",
        metavar="FOLDER",
        help="folder of the archives (default: the environment variable "
        "SKBLOOD_DATA, else ~/.medmnist)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
