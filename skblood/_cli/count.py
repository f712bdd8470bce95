"""The command count: the differential count of photographs of a smear."""

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from skblood._cli.inputs import (
    DEFAULT_MODEL,
    ROBUST_MODEL,
    adapt,
    check_classes,
    choose_model,
    find_files,
    load_classifier,
)
from skblood._cli.outputs import check_is_new, print_message, progress_bar
from skblood._cli.summary import MANY, describe_missing_familiarity
from skblood._cli.tables import TABLE_WRITERS

FORMATS = list(TABLE_WRITERS)


def count(options):
    """Print how many cells of each kind are in photographs of a smear.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a photograph could not be counted, otherwise 0. Other errors are raised.
    """
    from skblood.counting._examination import image_side, name_cells
    from skblood.counting._table import count_kinds, count_white_cells, list_kinds

    check_classes(options)
    report = None if options.output is None else Path(options.output)
    if report is not None:
        check_is_new(report)
        _check_is_outside(report, options.photographs)
        _check_can_draw()
    # A folder can contain a photograph that is also given by its name.
    paths = {path.resolve(): path for path in find_files(options.photographs)}
    paths = list(paths.values())
    options.model = choose_model(options)
    classifier = load_classifier(options.model)
    readable, examined = _examine_all(paths, options, image_side(classifier))
    if options.adapt:
        crops = np.concatenate([found.crops for found in examined])
        classifier = adapt(classifier, crops, options.classes)
    cells = name_cells(examined, classifier)
    kinds = list_kinds(classifier, cells)
    table = count_kinds(cells, kinds, len(readable))
    scales = [found.pixels_per_um for found in examined]
    photographs = dict(zip(readable, scales, strict=True))
    has_white_cells = count_white_cells(table) > 0
    if has_white_cells:
        TABLE_WRITERS[options.format](table, cells, photographs)
        sys.stdout.flush()
        print_message(_describe(table, cells, photographs))
    if report is not None and (cells.state != "cut").any():
        from skblood._cli.report import write_report

        write_report(report, table, cells, photographs, kinds)
        print_message(
            f"The report is in the folder {report}. Look at the contact sheet there. "
            f"Then move wrong images in {report}/sorted to the right sub-folder, and "
            f"sort the images in {report}/to-sort, if there are any."
        )
    print_message(*_describe_unfamiliar(cells, options))
    if not has_white_cells:
        raise ValueError(_describe_no_white_cells(table, cells, len(readable)))
    return int(len(readable) < len(paths))


def _check_can_draw():
    """Raise ImportError before any work if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise ImportError(
            "The report needs matplotlib, which is not installed. Run "
            'pip install "skblood[plot]", or leave out --output.'
        )


def _check_is_outside(report, photographs):
    """Raise ValueError if the report would be among the photographs."""
    for path in map(Path, photographs):
        if path.is_dir() and report.resolve().is_relative_to(path.resolve()):
            raise ValueError(
                f"Expected a report outside of the photographs, got {report}, which is "
                f"in {path}: the next count would read the pictures of the report."
            )


def _examine_all(paths, options, size):
    """Return the photographs that can be counted, and the cells in each of them."""
    from skblood.counting._examination import (
        choose_for_scale,
        examine,
        measure_common_scale,
    )
    from skblood.datasets._decode import read_photograph

    scale = options.pixels_per_um
    if scale is None:
        scale = measure_common_scale(map(_read_or_none, choose_for_scale(paths)))
    readable, examined = [], []
    with progress_bar(len(paths), unit=" photographs", prints_meanwhile=False) as bar:
        for path in paths:
            try:
                examined.append(examine(read_photograph(path), scale, size))
                readable.append(path)
            except ValueError as error:
                print_message(f"{path}: {error}")
            bar.update()
    if not readable:
        raise ValueError(
            "Expected photographs of a smear, got none that could be counted. The "
            "messages above give the reason for each."
        )
    return readable, examined


def _read_or_none(path):
    from skblood.datasets._decode import UnreadableImageError, read_photograph

    try:
        return read_photograph(path)
    except UnreadableImageError:
        return None


def _describe_no_white_cells(table, cells, n_photographs):
    n_cut = int((cells.state == "cut").sum())
    n_others = int(table["count"].sum())
    return (
        f"Expected white cells, got none in {n_photographs} photograph(s): {n_others} "
        f"other cells, and {n_cut} cells that the edge of a photograph cuts. If you "
        "see white cells, check the scale (--pixels-per-um), the stain and the focus."
    )


def _describe(table, cells, photographs):
    """Return what was counted, in one line."""
    from skblood.counting._table import count_white_cells

    n_white, n_of = count_white_cells(table), _count_states(cells)
    n_others = int(table["count"].sum()) - n_white
    n, scale = len(photographs), np.median(list(photographs.values()))
    return (
        f"{n} photograph{'' if n == 1 else 's'}, {scale:.1f} "
        f"pixels per micrometre: {n_white} white cells and {n_others} others; "
        f"{n_of['unsure']} of them unsure, {n_of['unfamiliar']} unfamiliar. Not "
        f"counted: {n_of['cut']} cells that the edge of a photograph cuts."
    )


def _count_states(cells):
    states = ("unsure", "unfamiliar", "cut")
    return {state: int((cells.state == state).sum()) for state in states}


def _describe_unfamiliar(cells, options):
    """Return a warning about unfamiliar cells, and what to type next."""
    from skblood.pretrained import pretrained_names

    n_of = _count_states(cells)
    n_counted = len(cells.state) - n_of["cut"]
    if n_counted > 0 and np.isnan(cells.familiarity).all():
        return describe_missing_familiarity(options.model), None
    if n_of["unfamiliar"] < MANY * n_counted or n_of["unfamiliar"] == 0:
        return None, None
    message = (
        f"Warning: unfamiliar cells: {n_of['unfamiliar']} of {n_counted}. They do not "
        f"resemble the images on which {options.model} was trained: probably the "
        "microscope or the stain is another one, or the scale is wrong. Do not rely on "
        "this count. Train a model of your own. "
    )
    if options.output is None:
        return (
            message + "This command writes an image of each cell:",
            _repeat_with_report(options),
        )
    message += "This command begins with the 50 cells that are worth labelling first:"
    command = ["skblood", "suggest", f"{options.output}/to-sort"]
    command += ["-n", "50", "-o", "to-label"]
    if options.model not in pretrained_names():
        command += ["--model", options.model]
    return message, shlex.join(command)


def _repeat_with_report(options):
    """Return the current command, with --output."""
    command = ["skblood", "count", *options.photographs, "-o", "report"]
    if options.model != (ROBUST_MODEL if options.adapt else DEFAULT_MODEL):
        command += ["--model", options.model]
    if options.adapt:
        command += ["--adapt"]
    if options.classes is not None:
        command += ["--classes", ",".join(options.classes)]
    if options.pixels_per_um is not None:
        command += ["--pixels-per-um", str(options.pixels_per_um)]
    return shlex.join(command)
