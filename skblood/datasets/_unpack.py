"""Unpack the arrays of an archive to files that can be mapped into memory."""

import json
import os
import zipfile
import zlib
from pathlib import Path

from skblood.datasets._locking import file_lock, temporary_folder

MANIFEST = "manifest.json"
# Bytes that are read at a time.
BLOCK = 2**20


def folder_of(path):
    """Return the folder to which the archive at a path is unpacked."""
    return path.with_suffix(".unpacked")


def unpack(archive, path, verify):
    """Unpack an archive, unless another process has done so in the meantime.

    Parameters
    ----------
    archive : Archive
    path : Path
        The path of the archive.
    verify : callable
        ``verify(archive, path)`` raises an error if the file is damaged.

    Raises
    ------
    OSError
        If the archive is damaged, if the folder cannot be written, or if it exists
        already but was not created by skblood. An existing folder is not changed.
    """
    folder = folder_of(path)
    with file_lock(path):
        if not is_current(folder, archive):
            if folder.exists() and _read_manifest(folder) is None:
                raise FileExistsError(
                    f"{folder} already exists and was not created by skblood. Move or "
                    "rename this folder."
                )
            verify(archive, path)
            _unpack(archive, path, folder)


def is_current(folder, archive):
    """Return whether a folder contains the unchanged arrays of this archive."""
    manifest = _read_manifest(folder)
    is_of_archive = manifest is not None and manifest["md5"] == archive.md5
    return is_of_archive and not find_changed(folder)


def find_changed(folder):
    """Return the names of the files that were changed or deleted after unpacking."""
    expected = (_read_manifest(folder) or {"files": {}})["files"]
    return [
        name
        for name, size_and_time in expected.items()
        if _size_and_time(folder / name) != size_and_time
    ]


def verify_unpacked(archive, folder):
    """Raise OSError unless all bytes in a folder are the same as in the archive."""
    manifest = _read_manifest(folder)
    if manifest is None:
        raise OSError("not unpacked by skblood")
    if manifest["md5"] != archive.md5:
        raise OSError("unpacked from another version of the archive")
    checksums = manifest["crc32"]
    damaged = [name for name, crc in checksums.items() if _crc32(folder / name) != crc]
    if damaged:
        raise OSError(f"changed since it was unpacked: {', '.join(damaged)}")


def _read_manifest(folder):
    """Return what `_unpack` recorded about a folder, or None if there is no record."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    is_ours = isinstance(manifest, dict) and set(manifest) == {"md5", "crc32", "files"}
    return manifest if is_ours else None


def _unpack(archive, path, folder):
    with temporary_folder(path) as temporary:
        new = Path(temporary, "new")
        with zipfile.ZipFile(path) as arrays:
            arrays.extractall(new)  # This also verifies the CRC-32 of each array.
            checksums = {info.filename: info.CRC for info in arrays.infolist()}
        manifest = {
            "md5": archive.md5,
            "crc32": checksums,
            "files": {name: _size_and_time(new / name) for name in checksums},
        }
        with open(new / MANIFEST, "w") as file:
            json.dump(manifest, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        if folder.exists():
            os.replace(folder, Path(temporary, "old"))
        os.replace(new, folder)


def _size_and_time(path):
    """Return the size and the modification time of a file, or None if it is missing."""
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
