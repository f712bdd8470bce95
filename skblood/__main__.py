"""The command line: ``skblood count``, ``predict``, ``suggest`` and so on."""

import gc
import os
import sys
import warnings

from skblood._cli.parser import make_parser
from skblood._cli.writers import printable


def run():
    """Run the command line and exit the process with its status."""
    # Importing torch creates about half a million objects that live until the process
    # ends. The garbage collector would scan them many times, and once more at exit.
    # This would take a quarter of the run time.
    gc.set_threshold(100_000)
    status = main()
    gc.freeze()
    sys.exit(status)


def main(arguments=None):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        By default, the command-line arguments of this process.

    Returns
    -------
    int
        The exit status: 0 for success, 1 for an error, 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With status 2 if the arguments are not valid, and 0 after ``--help`` and
        ``--version``.
    """
    options = make_parser().parse_args(arguments)
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        return _run_command(options)


def _show_warning(message, *_):
    """Print a warning without the line of Python code that caused it."""
    print(f"skblood: Warning: {printable(message)}", file=sys.stderr)


def _run_command(options):
    """Run a command, and print its errors."""
    # Escape characters that the terminal's encoding lacks, instead of raising an error.
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return options.run(options)
    except BrokenPipeError:
        # The program that reads the output, such as `head`, has closed the pipe. Python
        # flushes the standard output at exit, which would raise the same error again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, ValueError, ImportError) as error:
        print(f"skblood: {printable(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    run()
