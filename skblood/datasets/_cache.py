"""Archives on disk: where they lie, whether they are whole, how they get there."""

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

# medmnist's own folder: what it has downloaded need not be downloaded again.
DEFAULT_DATA_HOME = "~/.medmnist"


class ChecksumError(OSError):
    """A file's content is not the expected one."""


def find_data_home(data_home=None):
    """Return the folder of the archives: `data_home`, $SKBLOOD_DATA or the default."""
    if data_home is None:
        data_home = os.environ.get("SKBLOOD_DATA") or DEFAULT_DATA_HOME
    # Absolute, so that an error names the exact place.
    return Path(data_home).expanduser().absolute()


def read_archive(archive, read, *, data_home=None, download_if_missing=True):
    """Read an archive, downloaded first where it is missing, and verify it meanwhile.

    Parameters
    ----------
    archive : Archive
    read : callable
        From the path to what is wanted. If the file is damaged this may fail in any
        way; what is raised is then the wrong checksum.
    data_home, download_if_missing
        See `load_bloodmnist`.

    Returns
    -------
    path : Path
    content : object
        What `read` returned.
    """
    path = find_data_home(data_home) / archive.filename
    if not path.exists():
        if not download_if_missing:
            raise _missing(archive, path, "`download_if_missing` is False.")
        _fetch(archive, path)
    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(_check, archive, path)
        try:
            return path, read(path)
        finally:
            checking.result()


def _check(archive, path):
    found = _md5(path)
    if found != archive.md5:
        raise ChecksumError(
            f"{path} has the MD5 checksum {found}, expected {archive.md5}: it is "
            "damaged, incomplete or another file. It was left as it is; move it away "
            "to have it downloaded again."
        )


def _md5(path):
    with open(path, "rb") as file:
        # Not for security: the algorithm is the publisher's choice, and hosts in
        # FIPS mode refuse MD5 without this.
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def _fetch(archive, path):
    try:
        _download(archive, path)
    except (OSError, HTTPException) as error:
        reason = f"it could not be downloaded: {error}"
        raise _missing(archive, path, reason) from error


def _download(archive, path):
    # Imported here since loading the sample, or a file that is there, does without.
    from sklearn.datasets import fetch_file

    path.parent.mkdir(parents=True, exist_ok=True)
    # On the file system of the target, so that the file appears whole or not at all.
    with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        part = fetch_file(archive.url, folder=folder, local_filename=path.name)
        found = _md5(part)
        if found != archive.md5:
            raise ChecksumError(
                f"what was received has the MD5 checksum {found}, "
                f"expected {archive.md5}"
            )
        _make_permissions_usual(part)
        os.replace(part, path)


def _make_permissions_usual(path):
    # `fetch_file` leaves a file that only its owner can read, which would lock others
    # out of a shared data_home. A new file shows what the umask allows.
    usual = path.with_name("permissions")
    usual.touch()
    shutil.copymode(usual, path)


def _missing(archive, path, reason):
    return FileNotFoundError(
        f"BloodMNIST at {archive.size} x {archive.size} pixels is not at {path}, and "
        f"{reason}\n"
        f"To add it by hand, download {archive.url} (MD5 checksum {archive.md5}) and "
        f"save it as {path}\n"
        "load_bloodmnist_sample() gives a sample of 28 x 28 pixels that needs no "
        "download."
    )
