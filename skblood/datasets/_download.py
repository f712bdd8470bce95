"""Download an archive, verify its checksum, and move it to its final path."""

import os
import shutil
import sys
from pathlib import Path

from skblood.datasets._locking import file_lock, temporary_folder

MIRROR = "SKBLOOD_MIRROR"
# Seconds to wait for a connection, and for the next bytes of a response.
TIMEOUT = 30
# Further attempts after the first one. Pooch waits 1, 2 and 3 seconds before them.
RETRIES = 3
# HTTP status codes after which another attempt cannot succeed. Other errors, such as
# 429 (too many requests) and 500 (internal server error), may be temporary.
FINAL_STATUS = (400, 401, 403, 404, 405, 406, 410, 451)
# Bytes that are written at a time. Pooch's default of 1 KiB would cause many writes.
BLOCK = 2**17


def address_of(archive):
    """Return the URL of an archive: on the mirror in $SKBLOOD_MIRROR, if it is set."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return archive.url
    if not mirror.startswith(("http://", "https://")):
        raise ValueError(
            f"The environment variable {MIRROR} must be a URL that begins with http:// "
            f"or https://, got {mirror!r}."
        )
    return f"{mirror.rstrip('/')}/{archive.filename}"


def download(archive, path):
    """Download an archive, unless another process has done so in the meantime.

    Parameters
    ----------
    archive : Archive
    path : Path
        Where to save it. Its folder is created if needed.

    Raises
    ------
    OSError
        If the archive cannot be downloaded, verified or written. No part of it is left
        on the disk.
    """
    address = address_of(archive)
    path.parent.mkdir(parents=True, exist_ok=True)
    with file_lock(path):
        if not path.exists():
            with temporary_folder(path) as folder:
                _move_into_place(_fetch(archive, address, folder), path)


def _fetch(archive, address, folder):
    """Download to a folder, with retries; return the path of the verified file."""
    # Imported here because reading a file that is already there does not need pooch.
    import pooch

    source = pooch.create(
        path=folder,
        base_url="",
        registry={archive.filename: f"md5:{archive.md5}"},
        urls={archive.filename: address},
        retry_if_failed=RETRIES,
    )
    try:
        return source.fetch(archive.filename, downloader=_download_once)
    except ValueError as error:  # Pooch raises ValueError if the checksum is wrong.
        raise OSError(str(error)) from error


def _download_once(url, output_file, source):
    """Download for pooch, and prevent retries after an HTTP status in FINAL_STATUS.

    Pooch retries after a ValueError and after the errors of requests, but not after
    another OSError.
    """
    import pooch
    from requests import HTTPError

    # `sys.stderr` is None in programs without a console, such as pythonw.exe.
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    downloader = pooch.HTTPDownloader(
        progressbar=on_terminal, chunk_size=BLOCK, timeout=TIMEOUT
    )
    try:
        downloader(url, output_file, source)
    except HTTPError as error:
        if error.response.status_code in FINAL_STATUS:
            raise OSError(str(error)) from error
        raise


def _move_into_place(part, path):
    # Pooch creates its temporary file with access for the owner alone, so the other
    # users of a shared data_home could not read it. A file made by `touch` has the
    # permissions that the umask allows. They are copied to the temporary file.
    template = Path(part).with_name("permissions")
    template.touch()
    shutil.copymode(template, part)
    os.replace(part, path)
