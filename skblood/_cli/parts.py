"""The blocks of files that a command reads at a time, and the part of a job array."""

import argparse
import re

# Limits for the images that are in memory at the same time: the number of images, and
# the number of pixels of all of them together.
MAX_IMAGES, MAX_PIXELS = 256, 2**24


def parse_part(text):
    """Return the part of a job array that an argument such as "3/16" names.

    Parameters
    ----------
    text : str

    Returns
    -------
    part, n_parts : int
        Parts are counted from 1.

    Raises
    ------
    argparse.ArgumentTypeError
        If the text has another form, or if there is no such part.
    """
    found = re.fullmatch("([0-9]+)/([0-9]+)", text)
    part, n_parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= part <= n_parts:
        raise argparse.ArgumentTypeError(
            "expected K/N with whole numbers K from 1 to N, such as 3/16 for the "
            f"third of 16 parts, got {text!r}"
        )
    return part, n_parts


def split_into_blocks(paths, size):
    """Split a sequence of files into blocks whose images fit into memory.

    Parameters
    ----------
    paths : list of Path, or ndarray of their positions
    size : int
        Height and width of the images in pixels.

    Returns
    -------
    list
        Parts of `paths`.
    """
    n_at_once = max(1, min(MAX_IMAGES, MAX_PIXELS // size**2))
    return [paths[i : i + n_at_once] for i in range(0, len(paths), n_at_once)]


def choose_part(blocks, part):
    """Return the blocks of one part of a job array.

    The images of a block are predicted together, which can change the last digits of a
    probability. A part has whole blocks, so all parts together give exactly the output
    of a single run.

    Parameters
    ----------
    blocks : list
    part : (int, int) or None
        The part and the number of parts, from `parse_part`. None chooses all blocks.

    Returns
    -------
    list
        Neighbouring blocks. It is empty if there are fewer blocks than parts and this
        part has none.
    """
    if part is None:
        return blocks
    k, n = part
    return blocks[len(blocks) * (k - 1) // n : len(blocks) * k // n]
