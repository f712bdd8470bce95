"""Lists, verifies and downloads the data: ``python -m skblood.datasets``."""

import argparse
import sys

from skblood.datasets import _manifest
from skblood.datasets._cache import find_data_home, make_available, verify
from skblood.datasets._unpack import folder_of, verify_unpacked


def main(arguments=None):
    """Run the command line; return the exit status."""
    parser = _make_parser()
    # Intermixed, so that options may stand between the command and the sizes.
    options = parser.parse_intermixed_args(arguments)
    archives = _manifest.collection(options.name).archives
    for size in options.size:
        if size not in archives:
            parser.error(f"there is no size {size}; there are {[*archives]}")
    if options.command == "download" and not options.size:
        parser.error(f"download which size? There are {[*archives]}")
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
        state = f"{path.stat().st_size / 1e6:,.0f} MB" if path.exists() else "not here"
        if folder_of(path).exists():
            state += ", unpacked"
        print(f"  {archive.filename}: {state}")
    return 0


def _verify(archives, home):
    """Read every byte of what is there."""
    verdicts = []
    for archive in archives:
        path = home / archive.filename
        for place, check in [(path, verify), (folder_of(path), verify_unpacked)]:
            if place.exists():
                verdicts.append(_verdict(check, archive, place))
                print(f"{place}: {verdicts[-1]}")
    if not verdicts:
        print(f"{home}: nothing to verify")
    return int(any(verdict != "whole" for verdict in verdicts))


def _verdict(check, archive, place):
    try:
        check(archive, place)
    except OSError as error:
        return str(error)
    return "whole"


def _download(archives, home):
    for archive in archives:
        path = home / archive.filename
        make_available(archive, path)
        verify(archive, path)
        print(path)
    return 0


COMMANDS = {"list": _list, "verify": _verify, "download": _download}


def _make_parser():
    parser = argparse.ArgumentParser(
        prog="python -m skblood.datasets",
        description="List, verify or download the files of the data.",
    )
    parser.add_argument("command", nargs="?", choices=COMMANDS, default="list")
    parser.add_argument("size", nargs="*", type=int, help="28, 64, 128, 224")
    parser.add_argument("--name", choices=_manifest.names(), default="bloodmnist")
    parser.add_argument("--data-home", metavar="FOLDER")
    return parser


if __name__ == "__main__":
    sys.exit(main())
