"""The command count: its tables, its report, its errors and its exit status."""

import csv
import io
import json
import os
import shlex
import shutil
import struct
import sys
import zlib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

mpl.use("agg")

from skblood import (
    count_cells,
    load_bloodmnist_sample,
    load_cell_images,
    load_model,
    load_pretrained,
    save_model,
)
from skblood.__main__ import main
from skblood._cli.parser import make_parser
from skblood.datasets import make_smear

SCALE = 6
COLUMNS = ["kind", "count", "per_100_white_cells", "low", "high", "doubtful"]
CELL_COLUMNS = [
    *("photograph", "top", "left", "bottom", "right"),
    *("area", "kind", "probability", "familiarity", "state"),
]


def run(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def images():
    """Return 24 images with their class names: 3 of each class in turn."""
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    first = [np.flatnonzero(y == name)[:3] for name in np.unique(y)]
    indices = np.stack(first, axis=1).ravel()
    return X[indices], y[indices]


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def make_photograph(images, seed=0):
    return make_smear(images, pixels_per_um=SCALE, random_state=seed).image


def restain(pixels, powers):
    return np.round(255 * (pixels / 255) ** powers).astype(np.uint8)


@pytest.fixture(scope="module")
def photograph(images):
    """Return a photograph with four cells: two white cells and two others."""
    X, y = images
    kinds = ["eosinophil", "neutrophil", "erythroblast", "platelet"]
    return make_photograph(X[[y.tolist().index(kind) for kind in kinds]])


@pytest.fixture(scope="module")
def smear(images, tmp_path_factory):
    """Return a folder with two photographs of nine cells. Tests must not change it."""
    folder = tmp_path_factory.mktemp("count") / "smear"
    for i, part in enumerate([slice(9), slice(9, 18)]):
        save(folder / f"field {i}.png", make_photograph(images[0][part], seed=i))
    return folder


@pytest.fixture(scope="module")
def expected(smear):
    """Return what `count_cells` finds in these photographs."""
    paths = sorted(smear.iterdir())
    return count_cells([np.asarray(Image.open(path)) for path in paths])


@pytest.fixture
def one(photograph, tmp_path):
    """Return the path of a photograph with four cells."""
    return save(tmp_path / "one.png", photograph)


@pytest.fixture(scope="module")
def other_stain(images, tmp_path_factory):
    """Return the path of a photograph with 24 cells in another stain."""
    field = restain(make_photograph(images[0]), [1.8, 1.4, 0.9])
    return save(tmp_path_factory.mktemp("other") / "stain.png", field)


@pytest.fixture(scope="module")
def dark(images, tmp_path_factory):
    """Return the path of a photograph with 24 cells that is much too dark."""
    field = restain(make_photograph(images[0]), 1.8)
    return save(tmp_path_factory.mktemp("dark") / "dark.png", field)


@pytest.fixture(scope="module")
def platelets(tmp_path_factory):
    """Return the path of a photograph without white cells."""
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    field = make_photograph(X[y == "platelet"][:3])
    return save(tmp_path_factory.mktemp("platelets") / "platelets.png", field)


@pytest.fixture
def no_work(monkeypatch):
    """Make a test fail if the command loads a model."""

    def fail(*_):
        raise AssertionError("the command has begun to work")

    monkeypatch.setattr("skblood._cli.count.load_classifier", fail)


def read_table(text):
    return list(csv.DictReader(io.StringIO(text)))


def read_csv(path):
    return read_table(path.read_text(encoding="utf-8"))


def files_below(folder, pattern="*"):
    return sorted(path for path in folder.rglob(pattern) if path.is_file())


# -- The output ------------------------------------------------------------------------


def test_count_prints_a_table(smear, expected, capsys):
    assert run("count", smear) == 0
    out, err = capsys.readouterr()
    header, _, *lines = out.splitlines()
    assert header.split("  ")[0] == "kind"
    for name in ("cells", "per 100 white cells", "95 % interval", "doubtful"):
        assert name in header
    table = expected.table
    assert len(lines) == len(table["kind"])
    for i, line in enumerate(lines):
        kind, low, high = (table[name][i] for name in ("kind", "low", "high"))
        interval = "" if np.isnan(low) else f"{low:.1f} to {high:.1f}"
        words = [
            *(kind, table["count"][i], f"{table['per_100_white_cells'][i]:.1f}"),
            *(interval, table["doubtful"][i]),
        ]
        assert line.split() == " ".join(map(str, words)).split()
    [summary] = err.splitlines()
    n_white, n = expected.n_white_cells, len(expected.crops)
    scale = f"{expected.pixels_per_um:.1f} pixels per micrometre"
    assert summary.startswith(
        f"skblood: 2 photographs, {scale}: {n_white} white cells and {n - n_white} "
        "others;"
    )
    n_unsure, n_unfamiliar = (
        (expected.cells.state == state).sum() for state in ("unsure", "unfamiliar")
    )
    assert f"; {n_unsure} of them unsure, {n_unfamiliar} unfamiliar." in summary


def test_count_prints_csv(smear, expected, capsys):
    assert run("count", smear, "--format", "csv") == 0
    rows = read_table(capsys.readouterr().out)
    assert list(rows[0]) == COLUMNS
    for name in ("kind", "count", "doubtful"):
        assert [row[name] for row in rows] == list(map(str, expected.table[name]))
    for name in ("per_100_white_cells", "low", "high"):
        numbers = ["" if np.isnan(x) else f"{x:.1f}" for x in expected.table[name]]
        assert [row[name] for row in rows] == numbers


def parse_strictly(text):
    """Parse JSON, which has no NaN."""

    def fail(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=fail)


def test_count_prints_json(smear, expected, capsys):
    assert run("count", smear, "--format", "json") == 0
    found = parse_strictly(capsys.readouterr().out)
    assert list(found) == ["photographs", "kinds", "cells"]
    scales = [photograph["pixels_per_um"] for photograph in found["photographs"]]
    assert np.median(scales) == expected.pixels_per_um
    for i, row in enumerate(found["kinds"]):
        assert list(row) == COLUMNS
        for name, value in row.items():
            other = expected.table[name][i]
            if value is None:
                assert np.isnan(other)
            else:
                assert value == other
    platelet = found["kinds"][-1]
    assert platelet["kind"] == "platelet"
    assert platelet["low"] is platelet["high"] is None
    assert isinstance(platelet["count"], int)
    cells = expected.cells
    assert len(found["cells"]) == len(cells.kind)
    for i, cell in enumerate(found["cells"]):
        assert list(cell) == CELL_COLUMNS
        assert cell["photograph"] == str(smear / f"field {cells.photograph[i]}.png")
        box = [cell[name] for name in ("top", "left", "bottom", "right")]
        assert box == cells.box[i].tolist()
        assert (cell["kind"], cell["state"]) == (cells.kind[i], cells.state[i])
        for name in ("area", "probability", "familiarity"):
            assert cell[name] == pytest.approx(cells[name][i], rel=1e-5)


def test_cells_that_the_edge_cuts(smear, expected, tmp_path, capsys):
    pixels = np.asarray(Image.open(smear / "field 0.png"))
    boxes = expected.cells.box[expected.cells.photograph == 0]
    row = int(boxes[0, [0, 2]].mean())
    path = save(tmp_path / "cut.png", pixels[row:])
    assert run("count", path, "--format", "json", "-o", tmp_path / "report") == 0
    out, err = capsys.readouterr()
    found = parse_strictly(out)
    cut = [cell for cell in found["cells"] if cell["state"] == "cut"]
    assert len(cut) == (boxes[:, 0] < row).sum() > 0
    assert all(cell["top"] == 0 for cell in cut)
    assert all(cell["probability"] is cell["familiarity"] is None for cell in cut)
    n_counted = sum(row["count"] for row in found["kinds"])
    assert n_counted == len(found["cells"]) - len(cut)
    assert f"Not counted: {len(cut)} cells that the edge of a photograph cuts." in err
    # There are no images of these cells, but they are in the table of the cells.
    report = tmp_path / "report"
    rows = read_csv(report / "cells.csv")
    assert [row["state"] for row in rows] == [c["state"] for c in found["cells"]]
    n_images = sum(len(files_below(report / k)) for k in ("sorted", "to-sort"))
    assert n_images == n_counted


def test_the_order_of_the_arguments_is_kept(smear, capsys):
    second, first = smear / "field 1.png", smear / "field 0.png"
    assert run("count", second, first, "--format", "json") == 0
    cells = parse_strictly(capsys.readouterr().out)["cells"]
    names = [cell["photograph"] for cell in cells]
    assert names == sorted(names, reverse=True)
    assert len(set(names)) == 2


def test_another_model(tiny_cnn, cells, one, tmp_path, capsys):
    X, y = cells
    names = np.array([*"abcdefg", "platelet"])
    model = tmp_path / "own.safetensors"
    save_model(tiny_cnn().fit(X, names[y]), model)
    assert run("count", one, "--model", model, "--format", "json") == 0
    found = parse_strictly(capsys.readouterr().out)
    assert [row["kind"] for row in found["kinds"]] == names.tolist()
    assert all(cell["familiarity"] is None for cell in found["cells"])


# -- Options ---------------------------------------------------------------------------


def test_a_given_scale(one, photograph, capsys):
    assert run("count", one, "--pixels-per-um", "6.5", "--format", "json") == 0
    found = parse_strictly(capsys.readouterr().out)
    boxes = count_cells(photograph, pixels_per_um=6.5).cells.box
    assert [cell["right"] for cell in found["cells"]] == boxes[:, 3].tolist()


@pytest.mark.parametrize("number", ["0", "-6", "nan", "inf", "six", "", "1", "201"])
def test_bad_scales_have_status_2(number, one, capsys):
    with pytest.raises(SystemExit) as exit_:
        run("count", one, f"--pixels-per-um={number}")
    assert exit_.value.code == 2
    assert "--pixels-per-um" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["--format", "xml"], ["--crop", "auto"], ["-o"], ["--adapt", "--classes", "a,"]],
    ids=" ".join,
)
def test_wrong_usage_has_status_2(options, one, capsys):
    with pytest.raises(SystemExit) as exit_:
        run("count", one, *options)
    assert exit_.value.code == 2
    assert "usage: skblood" in capsys.readouterr().err


def test_help(capsys):
    with pytest.raises(SystemExit) as exit_:
        run("count", "--help")
    assert exit_.value.code == 0
    out = capsys.readouterr().out
    for option in ("--output", "--model", "--adapt", "--classes", "--pixels-per-um"):
        assert option in out


def test_adapt_with_some_classes(other_stain, capsys):
    classes = "eosinophils,Lymphocyte,monocyte,neutrophil,platelet"
    arguments = ["count", other_stain, "--format", "json", "--adapt"]
    assert run(*arguments, "--classes", classes) == 0
    out, err = capsys.readouterr()
    found = parse_strictly(out)
    assert [row["kind"] for row in found["kinds"]] == [
        *("eosinophil", "lymphocyte", "monocyte", "neutrophil", "platelet")
    ]
    assert sum(row["count"] for row in found["kinds"]) == 24
    assert "bloodmnist-28-robust was trained" in err
    assert run(*arguments) == 0
    kinds = parse_strictly(capsys.readouterr().out)["kinds"]
    assert [row["kind"] for row in kinds] == load_pretrained().classes_.tolist()
    # There are three cells of each kind. Without --adapt, almost all of them are
    # predicted as erythroblasts.
    assert sum(min(row["count"], 3) for row in kinds) > 16


def test_adapt_with_few_cells(one, capsys):
    assert run("count", one, "--adapt") == 0
    assert "Expected at least 20 images" in capsys.readouterr().err


def test_classes_without_adapt(one, no_work, capsys):
    assert run("count", one, "--classes", "neutrophil,monocyte") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Expected --classes together with --adapt" in err


def test_unknown_classes(one, capsys):
    assert run("count", one, "--adapt", "--classes", "neutrophil,blast") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "got blast." in err


# -- Photographs that cannot be counted ------------------------------------------------


def png_of(width, height):
    """Return a PNG file that declares a size, but contains only one row."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compress(bytes(1 + 3 * width))
    chunks = [
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in [(b"IHDR", header), (b"IDAT", row)]
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.fixture
def broken(tmp_path):
    """Return a folder of files that cannot be counted, and what is wrong with each."""
    folder = tmp_path / "broken"
    save(folder / "grey.png", np.full((80, 80, 3), 128, dtype=np.uint8))
    save(folder / "pixel.png", np.full((1, 1, 3), 128, dtype=np.uint8))
    (folder / "notes.txt").write_text("not an image")
    (folder / "bomb.png").write_bytes(png_of(10_000, 10_000))
    return folder, {
        "bomb.png": "at most 89,478,485 pixels",
        "grey.png": "got a grey one",
        "notes.txt": "not an image",
        "pixel.png": "at least 64×64",
    }


def test_broken_photographs_are_left_out(one, broken, photograph, tmp_path, capsys):
    folder, problems = broken
    report = tmp_path / "report"
    arguments = ["--format", "json", "-o", report]
    assert run("count", folder, one, *arguments) == 1
    out, err = capsys.readouterr()
    for name, problem in problems.items():
        [line] = [line for line in err.splitlines() if f"{folder / name}: " in line]
        assert line.startswith("skblood: ")
        assert problem in line
    cells = parse_strictly(out)["cells"]
    boxes = count_cells(photograph).cells.box
    assert [cell["top"] for cell in cells] == boxes[:, 0].tolist()
    assert {cell["photograph"] for cell in cells} == {str(one)}
    assert "1 photograph, " in err
    assert [path.name for path in (report / "photographs").iterdir()] == ["one.png"]


def test_only_broken_photographs(broken, tmp_path, capsys):
    report = tmp_path / "report"
    assert run("count", broken[0], "-o", report) == 1
    out, err = capsys.readouterr()
    assert out == ""
    # One line for each file, and no warning of Pillow.
    assert err.count("broken/") == 4
    assert err.count("\n") == 5
    assert err.endswith(
        "could be counted. The messages above give the reason for each.\n"
    )
    assert not report.exists()


def test_no_white_cells(platelets, tmp_path, capsys):
    report = tmp_path / "report"
    assert run("count", platelets, "-o", report) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Expected white cells, got none in 1 photograph(s): 3 other cells" in err
    # The pictures help to see why.
    assert (report / "contact-sheet.png").exists()


def test_a_photograph_without_white_cells_among_others(one, platelets, capsys):
    assert run("count", one, platelets, "--format", "csv") == 0
    rows = read_table(capsys.readouterr().out)
    assert rows[-1]["kind"] == "platelet"
    assert rows[-1]["count"] == "4"
    assert rows[-1]["per_100_white_cells"] == "200.0"


def test_a_missing_path(one, no_work, tmp_path, capsys):
    assert run("count", one, tmp_path / "missing.png") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "missing.png, which does not exist" in err
    assert err.count("\n") == 1


def test_an_empty_folder(no_work, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run("count", tmp_path / "empty") == 1
    assert "got no files" in capsys.readouterr().err


def test_a_missing_model(one, capsys):
    assert run("count", one, "--model", "missing.safetensors") == 1
    assert "got missing.safetensors, which does not exist" in capsys.readouterr().err


def test_a_model_of_grey_images(tiny_cnn, cells, one, tmp_path, capsys):
    X, y = cells
    path = tmp_path / "grey.safetensors"
    save_model(tiny_cnn(max_epochs=1).fit(X.mean(axis=3), y), path)
    assert run("count", one, "--model", path) == 1
    assert "square images with 3 channels" in capsys.readouterr().err


def test_control_characters_in_file_names(one, tmp_path, capsys):
    bad, good = tmp_path / "\x1b[2J.png", tmp_path / "\x1b[3J.png"
    bad.write_text("not an image")
    shutil.copyfile(one, good)
    assert run("count", bad, good, "-o", tmp_path / "report") == 1
    out, err = capsys.readouterr()
    assert r"/\x1b[2J.png: " in err
    assert "\x1b" not in out + err
    assert len(files_below(tmp_path / "report" / "photographs")) == 1


def test_control_characters_in_class_names(tiny_cnn, cells, one, tmp_path, capsys):
    X, y = cells
    names = np.array([f"\x1b[{i}m" for i in range(8)])
    model = tmp_path / "own.safetensors"
    save_model(tiny_cnn().fit(X, names[y]), model)
    for form in ("table", "csv", "json"):
        assert run("count", one, "--model", model, "--format", form) == 0
        out, err = capsys.readouterr()
        assert "\x1b" not in out + err
        assert "1b[0m" in out


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are any bytes")
def test_file_names_that_are_not_utf8(one, tmp_path, capsys):
    name = os.fsencode(tmp_path) + b"/caf\xe9.png"
    shutil.copyfile(one, name)
    report = tmp_path / "report"
    assert run("count", os.fsdecode(name), "-o", report) == 0
    assert len(read_csv(report / "cells.csv")) == 4


def test_the_same_photograph_twice(one, photograph, tmp_path, capsys):
    # Cells that are counted twice would make the intervals too narrow.
    report = tmp_path / "report"
    arguments = ["--format", "json", "-o", report]
    assert run("count", one, tmp_path / "." / "one.png", *arguments) == 0
    cells = parse_strictly(capsys.readouterr().out)["cells"]
    assert len(cells) == 4
    assert len(read_csv(report / "cells.csv")) == 4


# -- Unfamiliar cells ------------------------------------------------------------------


def test_unfamiliar_cells_without_report(other_stain, capsys):
    assert run("count", other_stain) == 0
    message, command = capsys.readouterr().err.splitlines()[-2:]
    assert message.startswith("skblood: Warning: unfamiliar cells: 24 of 24.")
    assert "bloodmnist-28 was trained" in message
    assert command == f"  skblood count {shlex.quote(str(other_stain))} -o report"


def test_the_next_command_gives_the_same_count(other_stain, capsys):
    options = ["--pixels-per-um", "6.5", "--model", "bloodmnist-28-robust"]
    assert run("count", other_stain, *options) == 0
    command = capsys.readouterr().err.splitlines()[-1]
    parsed = make_parser().parse_args(shlex.split(command)[1:])
    assert parsed.output == "report"
    assert parsed.pixels_per_um == 6.5
    assert parsed.model == "bloodmnist-28-robust"


def test_no_white_cells_because_all_are_unfamiliar(dark, tmp_path, capsys):
    # This model takes all of them for erythroblasts and platelets.
    model = ["--model", "bloodmnist-28-tiny"]
    assert run("count", dark, *model, "-o", tmp_path / "report") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "Expected white cells, got none" in err
    assert "unfamiliar" in err


def test_unfamiliar_cells_with_report(other_stain, tmp_path, capsys):
    report = tmp_path / "a report"
    assert run("count", other_stain, "-o", report) == 0
    message, command = capsys.readouterr().err.splitlines()[-2:]
    assert message.startswith("skblood: Warning: unfamiliar cells: 24 of 24.")
    assert command == f"  skblood suggest '{report}/to-sort' -n 50 -o to-label"
    assert not (report / "sorted").exists()
    assert len(files_below(report / "to-sort")) == 24
    # The command works.
    arguments = shlex.split(command)[1:-1]
    assert run(*arguments, tmp_path / "to-label") == 0
    assert len(files_below(tmp_path / "to-label")) == 24


# -- The report ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reported(smear, tmp_path_factory):
    """Return a report, and what the command has printed."""
    report = tmp_path_factory.mktemp("reported") / "report"
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        assert run("count", smear, "-o", report) == 0
    for stream in (out, err):
        stream.seek(0)
    return report, out.read(), err.read()


def test_files_of_the_report(reported, smear):
    report, out, err = reported
    assert {path.name for path in report.iterdir()} == {
        *("table.csv", "cells.csv", "contact-sheet.png"),
        *("photographs", "sorted", "to-sort"),
    }
    names = [path.name for path in files_below(report / "photographs")]
    assert names == [path.name for path in sorted(smear.iterdir())]
    assert [path.name for path in report.parent.iterdir()] == ["report"]
    assert out.startswith("kind")
    assert f"The report is in the folder {report}. Look at the contact sheet" in err


def test_tables_of_the_report(reported, smear, expected):
    report, _, _ = reported
    rows = read_csv(report / "table.csv")
    assert list(rows[0]) == COLUMNS
    assert [row["kind"] for row in rows] == expected.table["kind"].tolist()
    assert [int(row["count"]) for row in rows] == expected.table["count"].tolist()
    rows, cells = read_csv(report / "cells.csv"), expected.cells
    assert list(rows[0]) == CELL_COLUMNS
    assert [row["kind"] for row in rows] == cells.kind.tolist()
    assert [row["state"] for row in rows] == cells.state.tolist()
    for i, row in enumerate(rows):
        assert row["photograph"] == str(smear / f"field {cells.photograph[i]}.png")
        box = [int(row[name]) for name in ("top", "left", "bottom", "right")]
        assert box == cells.box[i].tolist()
        for name in ("area", "probability", "familiarity"):
            assert float(row[name]) == pytest.approx(cells[name][i], rel=1e-3)


def test_images_of_the_cells(reported, expected):
    report, _, _ = reported
    cells = expected.cells
    n_of = {path.name: len(files_below(path)) for path in (report / "sorted").iterdir()}
    is_sure = cells.state == "sure"
    kinds, counts = np.unique(cells.kind[is_sure], return_counts=True)
    assert n_of == dict(zip(kinds.tolist(), counts.tolist(), strict=True))
    assert len(files_below(report / "to-sort")) == (~is_sure).sum() > 0
    assert (cells.state != "cut").all()
    for path in files_below(report / "sorted") + files_below(report / "to-sort"):
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((200, 200), "RGB")


def test_images_show_the_cells_that_were_classified(reported, expected):
    report, _, _ = reported
    X, names = load_cell_images(
        report / "sorted", size=28, labels="names", return_X_y=True
    )
    assert (load_pretrained().predict(X) == names).mean() > 0.9
    order = np.lexsort((np.arange(len(expected.crops)), expected.cells.kind))
    crops = expected.crops[order[expected.cells.state[order] == "sure"]]
    assert np.abs(X.astype(int) - crops).mean() < 3


def test_pictures_of_the_report(reported, expected):
    report, _, _ = reported
    paths = files_below(report / "photographs")
    for path, display in zip(paths, expected.displays, strict=True):
        with Image.open(path) as image:
            assert abs(max(image.size) - 1600) <= 1
            assert abs(image.width - image.height) <= 2
            pixels = np.asarray(image.convert("RGB"))
        # The photograph fills the picture.
        corners = np.ix_([0, -1], [0, -1])
        difference = pixels[corners].astype(int) - display.image[corners]
        assert np.abs(difference).max() < 30
        # The boxes of basophils, the first kind, are blue.
        assert "basophil" in display.kinds
        assert np.all(pixels == [0, 0x72, 0xB2], axis=2).any()
    with Image.open(report / "contact-sheet.png") as image:
        assert image.width > 12 * 80
        assert image.height > 2 * 80


def test_many_cells_have_several_contact_sheets(one, tmp_path, monkeypatch):
    monkeypatch.setattr("skblood._cli.report.N_ON_PAGE", 3)
    report = tmp_path / "report"
    assert run("count", one, "-o", report) == 0
    assert [path.name for path in files_below(report) if "sheet" in path.name] == [
        "contact-sheet-1.png",
        "contact-sheet-2.png",
    ]


def test_train_accepts_the_sorted_cells(reported, tmp_path, capsys):
    report, _, _ = reported
    output = tmp_path / "own.safetensors"
    arguments = ["--epochs", 1, "--seed", 0, "--start", "bloodmnist-28-tiny"]
    assert run("train", report / "sorted", "-o", output, *arguments) == 0
    assert set(load_model(output).classes_) >= {
        path.name for path in (report / "sorted").iterdir()
    }


def test_equal_names_in_different_folders(photograph, tmp_path):
    folder = tmp_path / "smear"
    for name in ("x/field.png", "y/field.png", "field.jpg"):
        save(folder / name, photograph)
    report = tmp_path / "report"
    assert run("count", folder, "-o", report) == 0
    assert len(files_below(report / "photographs")) == 3
    n_images = sum(len(files_below(report / name)) for name in ("sorted", "to-sort"))
    assert n_images == len(read_csv(report / "cells.csv")) == 12


def test_names_that_look_like_those_of_equal_names(photograph, tmp_path):
    # The first two are called 1_field and 2_field in the report.
    names = ["x/field.png", "y/field.png", "1_field.png"]
    paths = [save(tmp_path / name, photograph) for name in names]
    report = tmp_path / "report"
    assert run("count", *paths, "-o", report) == 0
    assert len(files_below(report / "photographs")) == 3


def test_class_names_with_a_slash(tiny_cnn, cells, one, tmp_path):
    X, y = cells
    names = np.array([f"../{kind}/\\:{kind}" for kind in "abcdefgh"])
    model, report = tmp_path / "own.safetensors", tmp_path / "report"
    save_model(tiny_cnn().fit(X, names[y]), model)
    assert run("count", one, "--model", model, "-o", report, "--format", "json") == 0
    rows = read_csv(report / "cells.csv")
    kinds = {row["kind"] for row in rows if row["state"] == "sure"}
    assert kinds <= {*names, "platelet"}
    before = {path.name for path in tmp_path.iterdir()}
    assert before == {"own.safetensors", "report", "one.png"}
    n_images = sum(len(files_below(report / name)) for name in ("sorted", "to-sort"))
    assert n_images == len(rows) == 4
    if (report / "sorted").exists():
        for folder in (report / "sorted").iterdir():
            assert files_below(folder)
            assert not set("/\\:.") & set(folder.name)


def test_class_names_that_differ_only_in_a_slash(
    tiny_cnn, cells, one, tmp_path, monkeypatch
):
    X, y = cells
    names = np.array(["a/b", "a:b", "a_b", "c", "d", "e", "f", "g"])
    model, report = tmp_path / "own.safetensors", tmp_path / "report"
    save_model(tiny_cnn().fit(X, names[y]), model)

    def name_each_differently(crops, is_platelet, classifier):
        n = len(crops)
        return names[:n], np.ones(n), np.full(n, 50.0), np.zeros(n, dtype=bool)

    monkeypatch.setattr(
        "skblood.counting._examination._classify", name_each_differently
    )
    assert run("count", one, "--model", model, "-o", report) == 0
    # Two kinds in one folder would become one class in the training.
    assert len(list((report / "sorted").iterdir())) == 4


def test_an_existing_empty_folder(one, tmp_path):
    report = tmp_path / "report"
    report.mkdir()
    assert run("count", one, "-o", f"{report}/") == 0
    assert (report / "table.csv").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"report", "one.png"}


def test_the_current_folder(one, tmp_path, monkeypatch, capsys):
    report = tmp_path / "report"
    report.mkdir()
    monkeypatch.chdir(report)
    status = run("count", one, "-o", ".")
    assert status == 0, capsys.readouterr().err
    assert (report / "table.csv").exists()
    # The shell that is in this folder sees the files, too.
    assert Path("table.csv").exists()


def test_a_link_to_an_empty_folder(one, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    (tmp_path / "report").symlink_to("folder", target_is_directory=True)
    status = run("count", one, "-o", tmp_path / "report")
    assert status == 0, capsys.readouterr().err
    assert (tmp_path / "folder" / "table.csv").exists()


@pytest.mark.parametrize("kind", ["a file", "a folder with files", "no parent"])
def test_outputs_that_are_refused_before_any_work(kind, one, no_work, tmp_path, capsys):
    report = tmp_path / "report"
    if kind == "a file":
        report.write_text("mine")
    elif kind == "a folder with files":
        report.mkdir()
        (report / "notes.txt").write_text("mine")
    else:
        report = tmp_path / "missing" / "report"
    before = files_below(tmp_path)
    assert run("count", one, "-o", report) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert str(report) in err
    assert files_below(tmp_path) == before


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("error", [OSError("No space left"), KeyboardInterrupt()])
def test_nothing_is_left_if_writing_fails(
    error, exists, one, tmp_path, monkeypatch, capsys
):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("skblood._cli.report._write_contact_sheets", fail)
    report = tmp_path / "report"
    if exists:
        report.mkdir()
    status = run("count", one, "-o", report)
    out, err = capsys.readouterr()
    if isinstance(error, OSError):
        assert status == 1
        assert "skblood: No space left" in err
    else:
        assert status == 130
    # The table was printed before.
    assert out.startswith("kind")
    assert "the report" not in err
    assert report.exists() == exists
    assert files_below(tmp_path) == [one]


def test_report_without_matplotlib(one, no_work, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("count", one, "-o", tmp_path / "report") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert 'pip install "skblood[plot]"' in err
    assert not (tmp_path / "report").exists()


def test_table_without_matplotlib(one, monkeypatch, capsys):
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert run("count", one) == 0
    assert capsys.readouterr().out.startswith("kind")
