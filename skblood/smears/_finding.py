"""Find the nucleated cells and the platelets in a photograph of a smear."""

from numbers import Real

import numpy as np
from sklearn.utils import Bunch

from .._sklearn_compat import Interval, StrOptions, validate_params
from .._warnings import warn
from ..datasets._decode import LARGEST_IMAGE
from ._density import measure_density, measure_edge_width
from ._nucleated_cells import find_nucleated_cells, subtract_background
from ._nuclei import find_nuclei
from ._outlines import find_boxes, find_middles, touches_edge
from ._photograph import check_photograph, resize
from ._platelets import find_platelets
from ._scale import MAX_SCALE, MIN_SCALE, resolve_scale
from ._shading import subtract_shading
from ._sizes import PIXELS_PER_UM

# In sharp photographs, the sharpest edges of cells are 1.0 to 1.9 µm wide. A Gaussian
# blur with a standard deviation of 1 µm makes them at least so wide.
MAX_EDGE_WIDTH = 2.2
# A photograph must have room for a white cell.
SMALLEST_UM = 10


@validate_params(
    {
        "image": ["array-like"],
        "pixels_per_um": [
            Interval(Real, MIN_SCALE, MAX_SCALE, closed="both"),
            StrOptions({"auto"}),
        ],
    },
    prefer_skip_nested_validation=True,
)
def find_cells(image, *, pixels_per_um="auto"):
    """Find the nucleated cells and the platelets in a photograph of a blood smear.

    The smear must have a Romanowsky stain (Wright, Giemsa, May-Grünwald-Giemsa), and
    lie in a single layer, with background between the cells. The method is classical
    image analysis and needs no training. Its parameters were chosen on photographs of
    one microscope:

    1. The scale is measured from the red cells that do not touch other cells: their
       mean diameter is 7.5 µm. The photograph is then resized to 4 pixels per
       micrometre.
    2. Pixels become optical densities relative to the background, also where the light
       is uneven. Nuclei absorb more red light than all other parts. The difference
       between the green and the blue light that they absorb is also larger. The
       thresholds are Otsu's [1]_.
    3. Cytoplasm is what is near a nucleus and has neither the colour of the background
       nor that of red cells. Touching cells are separated where they are narrow, by a
       watershed of the distance to their edge [2]_.
    4. Platelets are small, round, purple maxima of the Laplacian of Gaussian [3]_.

    Parameters
    ----------
    image : array-like of shape (H, W, 3), dtype uint8
        RGB pixels of the photograph. Its shorter side has at least 64 pixels, and it
        has at most 89 million pixels. One with 4 to 20 pixels per micrometre, as a
        lens with a magnification of 40 to 100 gives, suits best.
    pixels_per_um : float or "auto", default="auto"
        Number of pixels per micrometre. With "auto", it is 1/7.5 of the median
        diameter of the red cells. If fewer than two of them do not touch other
        cells, or if fewer than five do not and their scale differs from that of the
        nuclei by a factor of more than 2, the largest nuclei are assumed to be 10 µm
        wide, which is less accurate, and a warning says so. Pass the number if you know
        it, or if the red cells have another size, as in some anaemias.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        A dictionary-like object. The n cells are sorted from top to bottom. Positions
        are in pixels of the photograph, in the order of NumPy's axes:

        kinds : ndarray of str, of shape (n,)
            "nucleated" (white cells and nucleated red cells) or "platelet".
        boxes : ndarray of int, of shape (n, 4)
            Top, left, bottom and right of each cell. Bottom and right are the first row
            and column after the cell.
        centers : ndarray of float, of shape (n, 2)
            Row and column of the middle of each box.
        areas : ndarray of float, of shape (n,)
            Area of each cell in square micrometres. That of a platelet includes its
            pale rim.
        is_cut : ndarray of bool, of shape (n,)
            Whether the edge of the photograph cuts the cell.
        labels : ndarray of int32, of shape (H, W)
            The outlines: 0 for the background and i + 1 for the cell with the index i.
        pixels_per_um : float
            The scale.
        n_red_cells : int
            Number of red cells from which the scale was measured; 0 if it was passed
            or measured by nuclei.
        edge_width : float
            Width of the sharpest edges of cells in micrometres, at most 5. A photograph
            is out of focus if it is above 2.2.

    Raises
    ------
    TypeError
        If the pixels are not uint8.
    ValueError
        If the image has another shape, is grey, too small or too large, or shows
        neither red cells nor nuclei from which the scale could be measured.

    Warns
    -----
    UserWarning
        If the photograph is out of focus, or if the scale was measured by nuclei.

    See Also
    --------
    crop_cells : Cut the cells out, as the classifiers take them.
    count_cells : The differential count of one or several photographs.

    Notes
    -----
    The page :doc:`/results/smears` has the errors on photographs of another laboratory.
    A photograph of 640×480 pixels takes about 0.2 seconds. Time and memory depend on
    the resized photograph: 1 to 2 seconds and 0.1 to 0.3 GB for each million of its
    pixels.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE
       Transactions on Systems, Man, and Cybernetics 9(1), 1979.
       :doi:`10.1109/TSMC.1979.4310076`

    .. [2] S. Beucher, C. Lantuéjoul, "Use of watersheds in contour detection",
       International Workshop on Image Processing, Rennes, 1979.

    .. [3] T. Lindeberg, "Feature detection with automatic scale selection",
       International Journal of Computer Vision 30(2), 1998.
       :doi:`10.1023/A:1008045108935`

    Examples
    --------
    >>> from skblood import find_cells
    >>> from skblood.datasets import load_bloodmnist_sample, make_smear
    >>> X, _ = load_bloodmnist_sample("test", return_X_y=True)
    >>> smear = make_smear(X[:6], random_state=0)
    >>> cells = find_cells(smear.image)
    >>> cells.boxes.shape
    (6, 4)
    >>> abs(cells.pixels_per_um / smear.pixels_per_um - 1) < 0.05
    True
    """
    found = find_cells_unchecked(check_photograph(image), pixels_per_um)
    if found.edge_width > MAX_EDGE_WIDTH:
        warn(
            f"{describe_blur(found.edge_width)} Cells can be missed, and the "
            "predictions for them are not reliable."
        )
    return found


def find_cells_unchecked(pixels, pixels_per_um):
    """Find cells without a warning if the photograph is out of focus.

    Parameters
    ----------
    pixels : ndarray of shape (H, W, 3), dtype uint8
        From `check_photograph`.
    pixels_per_um : float or "auto"

    Returns
    -------
    Bunch
        As `find_cells` returns it.
    """
    scale, n_red_cells = resolve_scale(pixels, pixels_per_um)
    _check_size(pixels.shape, scale)
    density = measure_density(resize(pixels, PIXELS_PER_UM / scale))
    density = subtract_shading(density)
    small_labels, n_nucleated = _segment(density)
    labels = _enlarge(small_labels, pixels.shape[:2])
    return Bunch(
        **_describe(labels, n_nucleated, scale),
        pixels_per_um=scale,
        n_red_cells=n_red_cells,
        edge_width=measure_edge_width(density, PIXELS_PER_UM),
    )


def describe_blur(edge_width):
    """Return a sentence about a photograph that is out of focus.

    Parameters
    ----------
    edge_width : float
        In micrometres.

    Returns
    -------
    str
    """
    return (
        "Expected a sharp photograph, got one that is out of focus: the edges of its "
        f"cells are {edge_width:.1f} µm wide, not up to {MAX_EDGE_WIDTH} µm."
    )


def _check_size(shape, scale):
    """Raise an error if a photograph of this scale is too small or too large."""
    height, width = (side / scale for side in shape[:2])
    if min(height, width) < SMALLEST_UM:
        raise ValueError(
            f"Expected a photograph of at least {SMALLEST_UM}×{SMALLEST_UM} µm, got "
            f"{width:.0f}×{height:.0f} µm at {scale:.1f} pixels per micrometre. Check "
            "pixels_per_um, or take a photograph at a lower magnification."
        )
    if height * width * PIXELS_PER_UM**2 > LARGEST_IMAGE:
        raise ValueError(
            "Expected a photograph of at most "
            f"{LARGEST_IMAGE / PIXELS_PER_UM**2 / 1e6:.1f} mm², got "
            f"{height * width / 1e6:.1f} mm² at {scale:.1f} pixels per micrometre. "
            "Check pixels_per_um, or cut it into smaller photographs."
        )


def _segment(density):
    """Return a label image: first the nucleated cells, then the platelets.

    The second return value is the number of nucleated cells.
    """
    nuclei = find_nuclei(density)
    density = subtract_background(density, nuclei)
    cells = find_nucleated_cells(density, nuclei)
    platelets = find_platelets(density, cells)
    n_nucleated = cells.max()
    return np.where(platelets > 0, platelets + n_nucleated, cells), n_nucleated


def _enlarge(labels, shape):
    """Return a label image with the height and width of the photograph."""
    rows, columns = (
        ((np.arange(n) + 0.5) * n_small / n).astype(int)
        for n, n_small in zip(shape, labels.shape, strict=True)
    )
    return labels[rows][:, columns]


def _describe(labels, n_nucleated, scale):
    """Return the label image and the arrays that describe the cells, as a dict."""
    boxes = find_boxes(labels)
    areas = np.bincount(labels.ravel(), minlength=len(boxes) + 1)[1:] / scale**2
    kinds = np.where(np.arange(len(boxes)) < n_nucleated, "nucleated", "platelet")
    order = np.lexsort((boxes[:, 1], boxes[:, 0]))
    new_label = np.zeros(len(boxes) + 1, dtype=np.int32)
    new_label[order + 1] = np.arange(1, len(boxes) + 1)
    boxes = boxes[order]
    return {
        "kinds": kinds[order],
        "boxes": boxes,
        "centers": find_middles(boxes),
        "areas": areas[order],
        "is_cut": np.array([touches_edge(b, labels.shape) for b in boxes], dtype=bool),
        "labels": new_label[labels],
    }
