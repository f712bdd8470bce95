"""The arrays of an archive as files of their own, which can be mapped into memory."""

import json
import os
import warnings
import zipfile
import zlib
from pathlib import Path

from skblood.datasets._download import only_process, work_folder

MANIFEST = "manifest.json"
BLOCK = 2**20


def unpack(archive, path, verify):
    """Return the folder of an archive's arrays, unpacked unless they are there.

    Parameters
    ----------
    archive : Archive
    path : Path
        Of the archive. It need not be there any more once it has been unpacked.
    verify : callable
        Called before anything is unpacked; raises unless the archive is whole.

    Returns
    -------
    Path
        Of a folder of ``.npy`` files.
    """
    folder = path.with_suffix("")
    if not _is_current(folder, archive):
        with only_process(path):
            if not _is_current(folder, archive):
                verify()
                _unpack(archive, path, folder)
    return folder


def find_changed(folder):
    """Return the names of unpacked files that are not as they were when unpacked."""
    stamps = json.loads((folder / MANIFEST).read_text())["files"]
    return [name for name, stamp in stamps.items() if _stamp(folder / name) != stamp]


def find_damaged(folder):
    """Return the same after reading every byte."""
    checksums = json.loads((folder / MANIFEST).read_text())["crc32"]
    return [name for name, crc in checksums.items() if _crc32(folder / name) != crc]


def _is_current(folder, archive):
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except FileNotFoundError:
        return False
    if manifest["md5"] != archive.md5:
        return False
    changed = find_changed(folder)
    if changed:
        warnings.warn(
            f"{', '.join(changed)} in {folder} changed after being unpacked; "
            f"{archive.filename} is unpacked again.",
            UserWarning,
            stacklevel=4,
        )
    return not changed


def _unpack(archive, path, folder):
    with work_folder(path) as work:
        new = Path(work, "new")
        with zipfile.ZipFile(path) as arrays:
            arrays.extractall(new)  # which compares each array with its checksum
            checksums = {info.filename: info.CRC for info in arrays.infolist()}
        manifest = {
            "md5": archive.md5,
            "crc32": checksums,
            "files": {name: _stamp(new / name) for name in checksums},
        }
        (new / MANIFEST).write_text(json.dumps(manifest, indent=2))
        if folder.exists():
            os.replace(folder, Path(work, "old"))
        os.replace(new, folder)


def _stamp(path):
    """Return what tells that a file has been written to, or None if it is gone."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _crc32(path):
    checksum = 0
    try:
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                checksum = zlib.crc32(block, checksum)
    except FileNotFoundError:
        return None
    return checksum
