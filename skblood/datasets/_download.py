"""How an archive gets to where it belongs: whole, verified, and by one process."""

import os
import shutil
import sys
from pathlib import Path

from skblood.datasets._locking import only_process, work_folder

MIRROR = "SKBLOOD_MIRROR"
# Seconds without a byte after which a server counts as gone.
PATIENCE = 30
# Further attempts, the first after a second, each a second later than the one before.
RETRIES = 3
# Refusals that stay; of the others, "too many requests" passes, and so may 500.
FINAL_STATUS = (400, 401, 403, 404, 405, 406, 410, 451)
# Pooch's own blocks of a kilobyte are written one by one.
BLOCK = 2**17


def address_of(archive):
    """Return where an archive is downloaded from: $SKBLOOD_MIRROR, or its publisher."""
    mirror = os.environ.get(MIRROR)
    if not mirror:
        return archive.url
    if not mirror.startswith(("http://", "https://")):
        raise ValueError(
            f"The environment variable {MIRROR} must be an address that begins with "
            f"http:// or https://, got {mirror!r}."
        )
    return f"{mirror.rstrip('/')}/{archive.filename}"


def download(archive, path):
    """Download an archive, unless another process has done so meanwhile.

    Raises
    ------
    OSError
        If it could not be downloaded, verified, or written. Nothing is left behind.
    """
    address = address_of(archive)
    path.parent.mkdir(parents=True, exist_ok=True)
    with only_process(path):
        if not path.exists():
            with work_folder(path) as folder:
                _put_in_place(_fetch(archive, address, folder), path)


def _fetch(archive, address, folder):
    """Download into a folder, with retries; return the path of the verified file."""
    # Imported here since a file that is there does without.
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
    except ValueError as error:  # a wrong checksum, to pooch
        raise OSError(str(error)) from error


def _download_once(url, output_file, source):
    """Download for pooch, and spare it the retries that cannot help."""
    import pooch
    from requests import HTTPError

    # Programs without a console have no stderr at all.
    on_terminal = sys.stderr is not None and sys.stderr.isatty()
    downloader = pooch.HTTPDownloader(
        progressbar=on_terminal, chunk_size=BLOCK, timeout=PATIENCE
    )
    try:
        downloader(url, output_file, source)
    except HTTPError as error:
        if error.response.status_code in FINAL_STATUS:
            raise OSError(str(error)) from error
        raise


def _put_in_place(part, path):
    # Pooch's temporary file is its owner's alone, which would lock others out of a
    # shared data_home. A new file shows what the umask allows.
    usual = Path(part).with_name("permissions")
    usual.touch()
    shutil.copymode(usual, part)
    os.replace(part, path)
