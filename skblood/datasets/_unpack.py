"""The arrays of an archive as files of their own, which can be mapped into memory."""

import json
import os
import zipfile
import zlib
from pathlib import Path

from skblood.datasets._locking import only_process, work_folder

MANIFEST = "manifest.json"
BLOCK = 2**20


def folder_of(path):
    """Return the folder into which the archive at a path is unpacked."""
    return path.with_suffix(".unpacked")


def unpack(archive, path, verify):
    """Unpack an archive, unless another process has done so meanwhile.

    Parameters
    ----------
    archive : Archive
    path : Path
        Where it is.
    verify : callable
        ``verify(archive, path)`` raises unless the archive is whole.

    Raises
    ------
    OSError
        If the folder cannot be written. What was there before is there still.
    """
    folder = folder_of(path)
    with only_process(path):
        if not is_current(folder, archive):
            if folder.exists() and _read_manifest(folder) is None:
                raise FileExistsError(
                    f"{folder} is there, and was not unpacked by skblood: move it away"
                )
            verify(archive, path)
            _unpack(archive, path, folder)


def is_current(folder, archive):
    """Tell whether a folder has an archive's arrays, and nobody wrote to them."""
    manifest = _read_manifest(folder)
    is_of_archive = manifest is not None and manifest["md5"] == archive.md5
    return is_of_archive and not find_changed(folder)


def find_changed(folder):
    """Return the names of files that were written to after they were unpacked."""
    stamps = (_read_manifest(folder) or {"files": {}})["files"]
    return [name for name, stamp in stamps.items() if _stamp(folder / name) != stamp]


def verify_unpacked(archive, folder):
    """Raise OSError unless a folder has what was in an archive, bit by bit."""
    manifest = _read_manifest(folder)
    if manifest is None:
        raise OSError("not unpacked by skblood")
    if manifest["md5"] != archive.md5:
        raise OSError("unpacked from another release")
    checksums = manifest["crc32"]
    damaged = [name for name, crc in checksums.items() if _crc32(folder / name) != crc]
    if damaged:
        raise OSError(f"not as it was unpacked: {', '.join(damaged)}")


def _read_manifest(folder):
    """Return what was noted when a folder was unpacked, or None if nothing was."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    is_ours = isinstance(manifest, dict) and set(manifest) == {"md5", "crc32", "files"}
    return manifest if is_ours else None


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
        with open(new / MANIFEST, "w") as file:
            json.dump(manifest, file, indent=2)
            file.flush()
            os.fsync(file.fileno())
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
