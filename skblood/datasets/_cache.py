"""The archives on the disk: where they are, and whether they are undamaged."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from skblood._warnings import warn
from skblood.datasets import _unpack
from skblood.datasets._download import address_of, download

# The default folder of the medmnist package, so that both packages share the files.
DEFAULT_DATA_HOME = "~/.medmnist"


class ChecksumError(OSError):
    """The checksum of a file is not the published one."""


def find_data_home(data_home=None):
    """Return the folder of the archives: `data_home`, $SKBLOOD_DATA or the default."""
    if data_home is None:
        data_home = os.environ.get("SKBLOOD_DATA") or DEFAULT_DATA_HOME
    # An absolute path, so that error messages say exactly where the file should be.
    return Path(data_home).expanduser().absolute()


def read_archive(archive, read, *, data_home=None, download_if_missing=True):
    """Read an archive and verify its checksum at the same time.

    Parameters
    ----------
    archive : Archive
    read : callable
        ``read(path)`` returns the content. If the file is damaged, `read` may raise
        any exception: the error about the checksum replaces it.
    data_home, download_if_missing
        See `load_bloodmnist`.

    Returns
    -------
    path : Path
    content : object
        The return value of `read`.
    """
    path = find_data_home(data_home) / archive.filename
    download_if_needed(archive, path, download_if_missing)
    with ThreadPoolExecutor(1) as pool:
        verification = pool.submit(verify, archive, path)
        try:
            return path, read(path)
        finally:
            verification.result()


def find_unpacked(archive, *, data_home=None, download_if_missing=True):
    """Return the folder of an archive's arrays; download and unpack it if needed.

    Parameters
    ----------
    archive : Archive
    data_home, download_if_missing
        See `load_bloodmnist`.

    Returns
    -------
    Path
        A folder of ``.npy`` files. If it is up to date, the archive itself need not
        exist any more.
    """
    path = find_data_home(data_home) / archive.filename
    folder = _unpack.folder_of(path)
    if not _unpack.is_current(folder, archive):
        download_if_needed(archive, path, download_if_missing)
        changed = _unpack.find_changed(folder)
        if changed:
            warn(
                f"Files in {folder} have changed since they were unpacked: "
                f"{', '.join(changed)}. {archive.filename} is unpacked again."
            )
        try:
            _unpack.unpack(archive, path, verify)
        except ChecksumError:
            raise
        except OSError as error:
            reason = f"{path} could not be unpacked into {folder}: {error}"
            raise OSError(reason) from error
    return folder


def download_if_needed(archive, path, download_if_missing=True):
    """Download an archive if there is no file at its path.

    Parameters
    ----------
    archive : Archive
    path : Path
    download_if_missing : bool, default=True
        If False, a missing file is an error.

    Raises
    ------
    FileNotFoundError
        If the file is missing and was not downloaded.
    """
    if path.exists():
        return
    if not download_if_missing:
        raise _missing_error(archive, path, "`download_if_missing` is False.")
    try:
        download(archive, path)
    except OSError as error:
        reason = f"it could not be downloaded: {error}"
        raise _missing_error(archive, path, reason) from error


def verify(archive, path):
    """Raise ChecksumError unless a file has the checksum of its archive."""
    found = _md5(path)
    if found != archive.md5:
        raise ChecksumError(
            f"Expected {path} to have the MD5 checksum {archive.md5}, got {found}. The "
            "file is damaged, incomplete or a different file. It was not changed. "
            "Delete or rename it: the next call then downloads the file again."
        )


def _md5(path):
    with open(path, "rb") as file:
        # The publisher provides MD5 checksums. Python in FIPS mode disables MD5 unless
        # the call says that it is not used for security.
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return digest.hexdigest()


def _missing_error(archive, path, reason):
    return FileNotFoundError(
        f"{archive.title} at {archive.size} x {archive.size} pixels is not at {path}, "
        f"and {reason}\n"
        f"To add the file yourself, download {address_of(archive)} (MD5 checksum "
        f"{archive.md5}) and save it as {path}\n"
        "Without a download, load_bloodmnist_sample() loads a small sample of images "
        "of 28 x 28 pixels."
    )
