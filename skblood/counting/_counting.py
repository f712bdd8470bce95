"""Find, classify and count the cells in photographs of a smear."""

from numbers import Real

import numpy as np
from sklearn.utils import Bunch

from .._sklearn_compat import HasMethods, Interval, StrOptions, validate_params
from .._warnings import warn
from ..assessment import MIN_PROBABILITY
from ..display import SmearDisplay
from ..pretrained import load_pretrained
from ..smears._scale import MAX_SCALE, MIN_SCALE
from ._examination import (
    choose_for_scale,
    examine,
    image_side,
    measure_common_scale,
    name_cells,
)
from ._table import count_kinds, count_white_cells, list_kinds

# From this fraction of unfamiliar cells on, the classifier probably does not know the
# microscope or the stain.
MANY_UNFAMILIAR = 0.2


@validate_params(
    {
        "photographs": ["array-like"],
        "classifier": [HasMethods(["predict_proba"]), None],
        "pixels_per_um": [
            Interval(Real, MIN_SCALE, MAX_SCALE, closed="both"),
            StrOptions({"auto"}),
        ],
        "min_probability": [Interval(Real, 0, 1, closed="both")],
        "errors": [StrOptions({"raise", "warn"})],
    },
    prefer_skip_nested_validation=True,
)
def count_cells(
    photographs,
    classifier=None,
    *,
    pixels_per_um="auto",
    min_probability=MIN_PROBABILITY,
    errors="raise",
):
    """Count the cells of each kind in photographs of a blood smear.

    This is the differential count: the number of white cells of each kind. `find_cells`
    finds the cells and decides which of them are platelets. The classifier classifies
    all others, and `assess` says which predictions are doubtful. Cells that the edge of
    a photograph cuts are found, but not counted. For research and teaching, not for
    diagnosis.

    Parameters
    ----------
    photographs : ndarray of shape (H, W, 3), or list of these, dtype uint8
        RGB pixels of one or several photographs of one smear, at the same magnification
        and without overlap. See `find_cells` for what they have to show.
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier, \
            default=None
        A fitted classifier for square colour images. None loads the pretrained model
        "bloodmnist-28".
    pixels_per_um : float or "auto", default="auto"
        Number of pixels per micrometre. With "auto", it is the median scale of the
        photographs that show red cells, of at most 32 evenly spaced ones. If none shows
        red cells, each photograph gets its own scale, measured by its nuclei.
    min_probability : float, default=0.85
        A prediction with a lower probability is doubtful.
    errors : {"raise", "warn"}, default="raise"
        What to do with a photograph that cannot be counted: raise the error, or warn
        and leave the photograph out.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        A dictionary-like object:

        table : dict of str to ndarray of shape (n_kinds,)
            The columns of the table, for example for ``pandas.DataFrame(table)``. Each
            class of the classifier is a row. If it has no class of platelets, and some
            were found, "platelet" is a row too.

            - "kind": the name of the class.
            - "count": the number of cells, including doubtful ones.
            - "per_100_white_cells": the number for each 100 white cells. All classes
              are white cells but those with the names "platelet", "thrombocyte",
              "erythroblast", "normoblast", "NRBC", "nucleated red cell" and "nucleated
              red blood cell"; capitals and a plural "s" do not matter.
            - "low", "high": the ends of the 95 % interval of this number; NaN for kinds
              that are no white cells. The intervals are simultaneous, for a multinomial
              distribution, and wider if the photographs differ more than by chance. The
              errors of the classifier are not part of them.
            - "doubtful": how many of the cells are unsure or unfamiliar.

        cells : dict of str to ndarray of shape (n, ...)
            All cells, also those that are cut. "photograph" is the index of the
            photograph, "box" its top, left, bottom and right in pixels, "area" the area
            in square micrometres, "kind" the name of the class, and "state" is "sure",
            "unsure" or "unfamiliar" (see `assess`) or "cut". "probability" is that of
            the class, and "familiarity" a percentage; they are NaN for cells that are
            cut, and where the classifier has none.
        crops : ndarray of shape (n, size, size, 3), dtype uint8
            The images of the cells that the classifier has seen.
        n_white_cells : int
            Number of white cells that were counted.
        pixels_per_um : float
            The scale.
        displays : list of SmearDisplay
            One for each photograph that was counted. Its method `plot` draws the
            photograph with the boxes and kinds of the cells.

    Raises
    ------
    TypeError, ValueError
        If a photograph is invalid, out of focus, or shows no cells from which its scale
        could be measured. If `errors` is "warn", a ValueError is raised only if no
        photograph can be counted.
    NotFittedError
        If the classifier is not fitted.

    Warns
    -----
    UserWarning
        If no white cell was found, if a fifth of the cells or more are unfamiliar, if
        the classifier has no familiarity, if the scale was measured by nuclei, or if a
        photograph was left out.

    See Also
    --------
    find_cells, crop_cells, assess : The steps of the count.

    Examples
    --------
    >>> from skblood import count_cells
    >>> from skblood.datasets import load_bloodmnist_sample, make_smear
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    >>> smear = make_smear(X[:20], y[:20], random_state=0)
    >>> found = count_cells(smear.image)
    >>> dict(zip(found.table["kind"].tolist(), found.table["count"].tolist()))
    {'basophil': 1, ...}
    >>> display = found.displays[0].plot()
    """
    photographs = _as_list(photographs)
    if classifier is None:
        classifier = load_pretrained()
    size = image_side(classifier)
    if pixels_per_um == "auto":
        pixels_per_um = measure_common_scale(choose_for_scale(photographs))
    examined, indices = [], []
    for i, photograph in enumerate(photographs):
        try:
            examined.append(examine(photograph, pixels_per_um, size))
            indices.append(i)
        except (TypeError, ValueError) as error:
            message = f"Photograph {i}: {error}"
            if errors == "raise":
                raise type(error)(message) from error
            warn(f"{message} This photograph was left out.")
    if not examined:
        raise ValueError(
            "Expected photographs of a smear, got none that could be counted. The "
            "warnings give the reason for each."
        )
    cells = name_cells(examined, classifier, min_probability)
    kinds = list_kinds(classifier, cells)
    cells.photograph = np.array(indices)[cells.photograph]
    table = count_kinds(cells, kinds, len(photographs))
    n_white_cells = count_white_cells(table)
    _warn_about(cells, n_white_cells)
    return Bunch(
        table=table,
        cells=cells,
        crops=np.concatenate([found.crops for found in examined]),
        n_white_cells=n_white_cells,
        pixels_per_um=float(np.median([found.pixels_per_um for found in examined])),
        displays=[make_display(photographs[i], cells, i, kinds) for i in indices],
    )


def make_display(photograph, cells, index, kinds):
    """Return the display of one photograph.

    Parameters
    ----------
    photograph : array-like of shape (H, W, 3), dtype uint8
    cells : Bunch
        The cells of all photographs.
    index : int
        The index of the photograph in `cells`.
    kinds : list of str
        The kinds of all photographs.

    Returns
    -------
    SmearDisplay
    """
    is_here = cells.photograph == index
    return SmearDisplay(
        np.asarray(photograph),
        boxes=cells.box[is_here],
        kinds=cells.kind[is_here],
        states=cells.state[is_here],
        all_kinds=kinds,
    )


def _as_list(photographs):
    """Return a list of photographs; an array with three axes is a single one."""
    if isinstance(photographs, np.ndarray) and photographs.ndim < 4:
        return [photographs]
    photographs = list(photographs)
    if not photographs:
        raise ValueError("Expected one or several photographs, got an empty list.")
    return photographs


def _warn_about(cells, n_white_cells):
    """Warn if there is nothing to count, or if many cells are unfamiliar."""
    if n_white_cells == 0:
        warn(
            "No white cell was found, so there is no differential count. If you see "
            "white cells, check the scale (pixels_per_um), the stain and the focus."
        )
    n_unfamiliar = int((cells.state == "unfamiliar").sum())
    n_counted = int((cells.state != "cut").sum())
    if n_unfamiliar > 0 and n_unfamiliar >= MANY_UNFAMILIAR * n_counted:
        warn(
            f"{n_unfamiliar} of {n_counted} cells are unfamiliar: they do not "
            "resemble the training images of the classifier. Probably the microscope "
            "or the stain is another one, or the scale is wrong. Do not rely on this "
            "count. Label about fifty of the cells (suggest_images chooses them), and "
            "fit a classifier to them."
        )
    if n_counted > 0 and np.isnan(cells.familiarity).all():
        warn(
            "The classifier has no familiarity, so cells that do not resemble its "
            "training images are not marked. Call its method fit_familiarity first."
        )
