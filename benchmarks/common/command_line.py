"""Command-line options that several benchmark scripts share."""

import argparse


def make_parser(description, *, seeds=None, jobs=None):
    """Return a parser that shows a script's docstring as its help text.

    `seeds` and `jobs` are the default values of ``--seeds`` and ``--jobs``. With None,
    the script does not have that option.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if seeds is not None:
        parser.add_argument(
            "--seeds",
            type=int,
            default=seeds,
            help="number of random seeds (default: %(default)s)",
        )
    if jobs is not None:
        parser.add_argument(
            "--jobs",
            type=int,
            default=jobs,
            help="number of fits that run in parallel (default: %(default)s)",
        )
    return parser
