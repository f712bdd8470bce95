"""The folder that ``skblood count -o`` writes, for checking by eye."""

import re
import secrets
import shutil
from contextlib import contextmanager

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from sklearn.utils import Bunch

from skblood._cli.tables import write_cells_csv, write_csv
from skblood.counting._counting import make_display
from skblood.datasets._decode import read_photograph
from skblood.display import CellGridDisplay
from skblood.display._smear import INCHES
from skblood.smears import crop_cells
from skblood.smears._outlines import find_middles

# Side of the images of single cells in pixels, as that of the sources of BloodMNIST.
CELL_SIDE = 200
# Side of the images in the contact sheet; how many there are on a page and in a row.
THUMBNAIL_SIDE, N_ON_PAGE, N_COLUMNS = 80, 240, 12
# Limits for the longer side of the annotated photographs in pixels: the texts stay
# readable, and the files small.
MIN_SIDE, MAX_SIDE = 1600, 4000


def write_report(folder, table, cells, photographs, kinds):
    """Write the report. A new folder appears only when it is complete.

    Parameters
    ----------
    folder : Path
        A new or an empty folder.
    table, cells
        From `skblood.count_cells`.
    photographs : dict of Path to float
        The photographs, and the pixels per micrometre of each.
    kinds : list of str
        The kinds in the table.
    """
    with unfinished_folder(folder) as part:
        with create(part / "table.csv") as file:
            write_csv(file, table)
        with create(part / "cells.csv") as file:
            write_cells_csv(file, cells, list(photographs))
        thumbnails = _write_images(part, cells, photographs, kinds)
        _write_contact_sheets(part, cells, thumbnails)


@contextmanager
def unfinished_folder(folder):
    """Yield a temporary folder; its files are in `folder` when they are complete.

    Parameters
    ----------
    folder : Path
        A new or an empty folder.
    """
    # A folder that exists can be the current folder, a link or a mount point, so it is
    # not replaced: the finished files are moved into it.
    was_there = folder.exists()
    name = f".{secrets.token_hex(8)}.part"
    part = folder / name if was_there else folder.with_name(folder.name + name)
    part.mkdir()
    try:
        yield part
        if was_there:
            for path in part.iterdir():
                path.rename(folder / path.name)
        else:
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def create(path):
    """Open a new text file."""
    # File names on Linux can contain bytes that are not UTF-8.
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")


def _write_images(folder, cells, photographs, kinds):
    """Write the annotated photographs and the cells, and return small images of these.

    The images are in the order of `cells`; those of cells that are cut are black.
    """
    thumbnails = np.zeros(
        (len(cells.kind), THUMBNAIL_SIDE, THUMBNAIL_SIDE, 3), dtype=np.uint8
    )
    names, folders = _unique_names(photographs), _name_folders(kinds)
    (folder / "photographs").mkdir()
    for i, (path, scale) in enumerate(photographs.items()):
        pixels = read_photograph(path)
        _write_annotated(
            folder / "photographs" / f"{names[i]}.png",
            make_display(pixels, cells, i, kinds),
        )
        is_counted = (cells.photograph == i) & (cells.state != "cut")
        indices = np.flatnonzero(is_counted)
        found = Bunch(centers=find_middles(cells.box[indices]), pixels_per_um=scale)
        crops = crop_cells(pixels, found, size=CELL_SIDE)
        for index, crop in zip(indices, crops, strict=True):
            image = Image.fromarray(crop)
            image.save(
                _place(folder, cells, index, folders) / f"{names[i]}_{index:05}.png"
            )
            thumbnails[index] = image.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    return thumbnails


def _name_folders(kinds):
    """Return a folder name for each kind."""
    # The names of classes can contain characters that are not allowed here.
    names = [re.sub(r"[^\w ()-]", "_", kind) for kind in kinds]
    if len({name.casefold() for name in names} - {""}) < len(names):
        names = [f"{i}_{name}" for i, name in enumerate(names, start=1)]
    return dict(zip(kinds, names, strict=True))


def _place(folder, cells, index, names):
    """Return the folder for the image of a cell, and create it."""
    if cells.state[index] == "sure":
        place = folder / "sorted" / names[cells.kind[index]]
    else:
        place = folder / "to-sort"
    place.mkdir(parents=True, exist_ok=True)
    return place


def _unique_names(paths):
    """Return the names of files without suffix, with a number if two are equal."""
    stems = [path.stem for path in paths]
    if len({stem.casefold() for stem in stems}) == len(stems):
        return stems
    return [f"{i}_{stem}" for i, stem in enumerate(stems, start=1)]


def _write_annotated(path, display):
    height, width = display.image.shape[:2]
    longer = max(height, width)
    pixels = min(max(longer, MIN_SIDE), MAX_SIDE)
    figure = Figure(figsize=(width / longer * INCHES, height / longer * INCHES))
    display.plot(ax=figure.add_axes((0, 0, 1, 1)))
    figure.savefig(path, dpi=pixels / INCHES)


def _write_contact_sheets(folder, cells, thumbnails):
    """Write pictures with all cells, sorted by kind; the least probable come first."""
    counted = np.flatnonzero(cells.state != "cut")
    order = counted[np.lexsort((cells.probability[counted], cells.kind[counted]))]
    texts = [_describe_cell(cells, i) for i in order]
    write_pages(folder, thumbnails[order], texts, cells.state[order] != "sure")


def write_pages(folder, images, texts, is_marked):
    """Write contact sheets of at most 240 images each.

    Parameters
    ----------
    folder : Path
    images : ndarray of shape (n, H, W, 3), dtype uint8
    texts : list of str
    is_marked : ndarray of bool, of shape (n,)
    """
    starts = range(0, len(images), N_ON_PAGE)
    for number, start in enumerate(starts, start=1):
        page = slice(start, start + N_ON_PAGE)
        display = CellGridDisplay(
            images[page], texts=texts[page], is_marked=is_marked[page]
        )
        figure = Figure(
            figsize=display.measure_size(n_columns=N_COLUMNS), layout="constrained"
        )
        display.plot(n_columns=N_COLUMNS, ax=figure.subplots())
        suffix = "" if len(starts) == 1 else f"-{number}"
        figure.savefig(folder / f"contact-sheet{suffix}.png", dpi=THUMBNAIL_SIDE)


def _describe_cell(cells, index):
    probability, state = cells.probability[index], cells.state[index]
    text = cells.kind[index]
    if not np.isnan(probability):
        text += f" {probability:.2f}"
    return text if state == "sure" else f"{text}\n{state}"
