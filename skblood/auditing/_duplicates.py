"""Images that occur more than once, exactly or nearly."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

# Only images whose embeddings have at least this cosine similarity are compared by
# their pixels. Of 500 images of BloodMNIST that were saved as JPEG, shifted by one
# pixel or made 5 % brighter, at least 99 % are then found (benchmarks/audit.py).
MIN_COSINE = 0.96
# Pixels are compared at about this side, and after shifts by at most this part of it.
COMPARED_SIDE, MAX_SHIFT = 28, 2
# Number of pairs that are compared at a time, which limits the memory.
BLOCK = 1024


def find_duplicates(images, directions, min_similarity):
    """Return pairs of images that show the same.

    Exact duplicates have identical pixels. Near duplicates are mutual nearest
    neighbours by their embeddings, whose pixels correlate at least by `min_similarity`.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, C)
    directions : ndarray of shape (n, n_embedding)
        Embeddings, scaled to a length of 1.
    min_similarity : float

    Returns
    -------
    dict of str to ndarray of shape (n_pairs,)
        "first" and "second" are indices of images, "similarity" is the correlation, and
        "is_exact" says whether all pixels are equal. Of k identical images, there are
        k - 1 pairs: the first image with each of the others.
    """
    first_of_same = _find_first_of_same(images)
    copies = np.flatnonzero(first_of_same != np.arange(len(images)))
    # An image and its copy are nearest neighbours, and would hide all near duplicates.
    kept = np.flatnonzero(first_of_same == np.arange(len(images)))
    a, b = (kept[side] for side in _find_mutual_neighbors(directions[kept]))
    similarity = _compare_in_blocks(images, a, b)
    is_near = similarity >= min_similarity
    n_copies = len(copies)
    return {
        "first": np.concatenate([first_of_same[copies], a[is_near]]),
        "second": np.concatenate([copies, b[is_near]]),
        "similarity": np.concatenate([np.ones(n_copies), similarity[is_near]]),
        "is_exact": np.repeat([True, False], [n_copies, is_near.sum()]),
    }


def connect(n, first, second, groups=None):
    """Return one number for images that are connected by pairs or a common group.

    Parameters
    ----------
    n : int
        Number of images.
    first, second : ndarray of int, of shape (n_pairs,)
    groups : array-like of shape (n,), default=None

    Returns
    -------
    ndarray of int, of shape (n,)
    """
    if groups is not None:
        _, one_of_group, group = np.unique(
            groups, return_index=True, return_inverse=True
        )
        first = np.concatenate([first, np.arange(n)])
        second = np.concatenate([second, one_of_group[group]])
    graph = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    _, numbers = connected_components(graph, directed=False)
    return numbers


def _find_first_of_same(images):
    """Return for each image the index of the first image with the same pixels."""
    flat = np.ascontiguousarray(images).reshape(len(images), -1)
    rows = flat.view(np.dtype((np.void, flat.dtype.itemsize * flat.shape[1])))
    _, first, inverse = np.unique(rows.ravel(), return_index=True, return_inverse=True)
    return first[inverse]


def _find_mutual_neighbors(directions):
    """Return the pairs of images that are the nearest neighbours of each other."""
    n = len(directions)
    if n < 2:
        return np.empty((2, 0), dtype=int)
    # Of vectors with a length of 1, those with the smallest distance have the largest
    # cosine similarity. Each vector is its own neighbour unless X is given.
    neighbors = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(directions)
    distance, nearest = (values.ravel() for values in neighbors.kneighbors())
    indices = np.arange(n)
    is_pair = (nearest[nearest] == indices) & (indices < nearest)
    is_pair &= distance**2 <= 2 * (1 - MIN_COSINE)
    return indices[is_pair], nearest[is_pair]


def _compare_in_blocks(images, first, second):
    blocks = range(0, len(first), BLOCK)
    parts = [
        _compare(images[first[i : i + BLOCK]], images[second[i : i + BLOCK]])
        for i in blocks
    ]
    return np.concatenate([np.empty(0), *parts])


def _compare(images, others):
    """Return the largest correlation of the pixels of each pair.

    The second image may be flipped, rotated by right angles, and shifted. The same cell
    can be in two photographs that overlap, and then it is not at the same place.
    """
    images, others = _reduce(images), _reduce(others)
    reach = min(MAX_SHIFT, (min(images.shape[1:3]) - 1) // 2)
    shifts = range(-reach, reach + 1)
    fixed = _standardize(_cut_edge(images, reach))
    best = np.full(len(images), -1.0)
    for view in _flips_and_rotations(others):
        for shift in [(dy, dx) for dy in shifts for dx in shifts]:
            moved = _cut_edge(np.roll(view, shift, axis=(1, 2)), reach)
            # Rolled pixels come back at the other edge, which is cut off.
            best = np.maximum(best, (fixed * _standardize(moved)).sum(axis=1))
    return best


def _reduce(images):
    """Return images of about 28 pixels: means of square blocks."""
    step = max(1, min(images.shape[1:3]) // COMPARED_SIDE)
    n, height, width, n_channels = images.shape
    height, width = height // step, width // step
    images = images[:, : height * step, : width * step].astype(np.float32)
    blocks = images.reshape(n, height, step, width, step, n_channels)
    return blocks.mean(axis=(2, 4))


def _flips_and_rotations(images):
    """Yield the 8 views of square images, or the 4 views of others."""
    is_square = images.shape[1] == images.shape[2]
    for n_turns in range(4) if is_square else (0, 2):
        turned = np.rot90(images, n_turns, axes=(1, 2))
        yield turned
        yield turned[:, :, ::-1]


def _cut_edge(images, width):
    height, length = images.shape[1:3]
    return images[:, width : height - width, width : length - width]


def _standardize(images):
    """Return rows with a mean of 0 and a length of 1; of plain images, zeros."""
    rows = images.reshape(len(images), -1)
    rows = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.maximum(lengths, np.finfo(np.float32).tiny)
