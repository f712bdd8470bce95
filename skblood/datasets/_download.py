"""How an archive gets to where it belongs: whole, verified, and by one process."""

import logging
import os
import shutil
import sys
from contextlib import contextmanager
from tempfile import TemporaryDirectory

MIRROR = "SKBLOOD_MIRROR"
# Seconds without a byte after which a server counts as gone; attempts beyond the first.
PATIENCE = 30
RETRIES = 3


def address_of(archive):
    """Return where an archive is downloaded from: $SKBLOOD_MIRROR, or its publisher."""
    mirror = os.environ.get(MIRROR)
    return f"{mirror.rstrip('/')}/{archive.filename}" if mirror else archive.url


def download(archive, path):
    """Download an archive, unless another process has done so meanwhile.

    Raises
    ------
    OSError
        If it could not be downloaded, verified, or written. Nothing is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with only_process(path):
        if not path.exists():
            with work_folder(path) as folder:
                _put_in_place(_fetch(archive, folder), path)


@contextmanager
def only_process(path):
    """Wait until no other process is at work on a path."""
    from filelock import FileLock

    # The system lets go of the lock of a process that dies.
    with FileLock(path.with_name(f".{path.name}.lock")):
        yield


@contextmanager
def work_folder(path):
    """Make a folder on the same file system, so that a rename moves what is in it.

    Those that killed processes have left are removed: nobody else is at work.
    """
    prefix = f".{path.name}-"
    for left_over in path.parent.glob(f"{prefix}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    with TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        yield folder


def _fetch(archive, folder):
    """Download into a folder, with retries; return the path of the verified file."""
    # Imported here since a file that is there does without.
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    source = pooch.create(
        path=folder,
        base_url="",
        registry={archive.filename: f"md5:{archive.md5}"},
        urls={archive.filename: address_of(archive)},
        retry_if_failed=RETRIES,
    )
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=PATIENCE
    )
    try:
        return source.fetch(archive.filename, downloader=downloader)
    except ValueError as error:  # a wrong checksum, to pooch
        raise OSError(str(error)) from error


def _put_in_place(part, path):
    # Pooch's temporary file is its owner's alone, which would lock others out of a
    # shared data_home. A new file shows what the umask allows.
    usual = path.with_name(f".{path.name}.permissions")
    usual.touch()
    shutil.copymode(usual, part)
    usual.unlink()
    os.replace(part, path)
