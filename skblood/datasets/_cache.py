"""Archives on disk: where they lie, whether they are whole, how they get there."""

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from skblood.datasets import _unpack
from skblood.datasets._download import address_of, download

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
    make_available(archive, path, download_if_missing)
    with ThreadPoolExecutor(1) as pool:
        checking = pool.submit(verify, archive, path)
        try:
            return path, read(path)
        finally:
            checking.result()


def unpacked_archive(archive, *, data_home=None, download_if_missing=True):
    """Return the folder of an archive's arrays, unpacked first where it is missing.

    Parameters
    ----------
    archive : Archive
    data_home, download_if_missing
        See `load_bloodmnist`.

    Returns
    -------
    Path
        Of a folder of ``.npy`` files. The archive itself need not be there any more.
    """
    path = find_data_home(data_home) / archive.filename
    folder = _unpack.folder_of(path)
    if not _unpack.is_current(folder, archive):
        make_available(archive, path, download_if_missing)
        changed = _unpack.find_changed(folder)
        if changed:
            warnings.warn(
                f"{', '.join(changed)} in {folder} changed after being unpacked: "
                f"{archive.filename} is unpacked again.",
                UserWarning,
                stacklevel=4,
            )
        try:
            _unpack.unpack(archive, path, verify)
        except ChecksumError:
            raise
        except OSError as error:
            reason = f"{path} could not be unpacked into {folder}: {error}"
            raise OSError(reason) from error
    return folder


def make_available(archive, path, download_if_missing=True):
    """Download an archive if it is not there."""
    if path.exists():
        return
    if not download_if_missing:
        raise _missing(archive, path, "`download_if_missing` is False.")
    try:
        download(archive, path)
    except OSError as error:
        reason = f"it could not be downloaded: {error}"
        raise _missing(archive, path, reason) from error


def verify(archive, path):
    """Raise unless a file is the archive it should be."""
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


def _missing(archive, path, reason):
    return FileNotFoundError(
        f"{archive.title} at {archive.size} x {archive.size} pixels is not at {path}, "
        f"and {reason}\n"
        f"To add it by hand, download {address_of(archive)} (MD5 checksum "
        f"{archive.md5}) and save it as {path}\n"
        "load_bloodmnist_sample() gives blood cells of 28 x 28 pixels that need no "
        "download."
    )
