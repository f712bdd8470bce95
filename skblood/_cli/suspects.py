"""The suspects that ``skblood audit`` finds: as a list, and as a folder to look at."""

import csv
import json
import sys

import numpy as np

from skblood._cli.writers import printable

COLUMNS = [
    "number",
    "image",
    "label",
    "suggested",
    "quality",
    "familiarity",
    "copy_of",
    "reason",
]
PAIR_COLUMNS = ["first", "second", "similarity", "is_exact", "is_contradictory"]
# The table for people ends after so many suspects, so that the summary stays in view.
MAX_LINES = 20


def make_rows(found, paths):
    """Return a dict with the columns of `COLUMNS` for each suspect.

    Parameters
    ----------
    found : Bunch
        From `skblood.audit_labels`.
    paths : list of Path
        The files of all images.

    Returns
    -------
    list of dict
    """
    table, rows = found.table, []
    for number, index in enumerate(table["index"].tolist(), start=1):
        position = number - 1
        same = table["copies"] == table["copies"][position]
        others = table["index"][same & (table["index"] != index)]
        is_copy = table["copies"][position] >= 0
        rows.append(
            {
                "number": number,
                "image": str(paths[index]),
                "label": str(table["label"][position]),
                "suggested": str(table["suggested"][position]),
                "quality": float(table["quality"][position]),
                "familiarity": float(table["familiarity"][position]),
                "copy_of": str(paths[others[0]]) if is_copy else None,
                "reason": str(table["reason"][position]),
            }
        )
    return rows


def print_suspects(rows):
    """Print a line for each of the first suspects, for people."""
    width = max((len(row["image"]) for row in rows[:MAX_LINES]), default=0)
    for row in rows[:MAX_LINES]:
        text = f"{row['image']:{width}}  {row['quality']:.3f}  {describe(row)}"
        print(printable(text))
    if len(rows) > MAX_LINES:
        print(f"and {len(rows) - MAX_LINES} more")


def describe(row):
    """Return in a few words what may be wrong with an image."""
    label, suggested = row["label"], row["suggested"]
    if row["reason"] == "contradictory prediction":
        return f"{label}, perhaps {suggested}"
    if row["copy_of"] is not None:
        return f"{label}, {row['reason']} of {row['copy_of']}"
    return f"{label}, {row['reason']}"


def print_suspects_csv(rows):
    """Print a header and one line for each suspect."""
    write_suspects_csv(sys.stdout, rows)


def write_suspects_csv(file, rows):
    """Write the list of suspects to a file."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        text = {name: printable(row[name]) for name in ("label", "suggested")}
        numbers = {
            "quality": f"{row['quality']:.6f}",
            "familiarity": f"{row['familiarity']:.2f}",
        }
        writer.writerow({**row, **text, **numbers})


def print_suspects_json(rows):
    """Print a JSON list with one object for each suspect."""
    print(json.dumps(rows, indent=1))


def write_suspects(folder, found, paths, rows, pictures):
    """Write the report: two tables and contact sheets.

    Parameters
    ----------
    folder : Path
        A new or an empty folder. It appears when it is complete.
    found : Bunch
        From `skblood.audit_labels`.
    paths : list of Path
        The files of all images.
    rows : list of dict
        From `make_rows`.
    pictures : ndarray of shape (n_suspects, H, W, 3), dtype uint8
        The suspects.
    """
    from skblood._cli.report import create, unfinished_folder, write_pages

    with unfinished_folder(folder) as part:
        with create(part / "suspects.csv") as file:
            write_suspects_csv(file, rows)
        with create(part / "duplicates.csv") as file:
            _write_pairs(file, found.duplicates, paths)
        texts = [_describe_below_image(row) for row in rows]
        is_marked = np.array([row["label"] != row["suggested"] for row in rows])
        write_pages(part, pictures, texts, is_marked)


def _write_pairs(file, pairs, paths):
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(PAIR_COLUMNS)
    columns = (pairs[name].tolist() for name in PAIR_COLUMNS)
    for first, second, similarity, *flags in zip(*columns, strict=True):
        row = [paths[first], paths[second], f"{similarity:.4f}"]
        writer.writerow([*row, *(str(flag).lower() for flag in flags)])


def _describe_below_image(row):
    lines = [f"{row['number']}: {row['label']}"]
    if row["label"] != row["suggested"]:
        lines.append(f"perhaps {row['suggested']}")
    if row["reason"] != "contradictory prediction":
        lines.append(row["reason"])
    return "\n".join(lines)


SUSPECT_WRITERS = {
    "table": print_suspects,
    "csv": print_suspects_csv,
    "json": print_suspects_json,
}
