"""``skblood audit``: its list, its report and its errors."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from skblood import audit_labels, load_pretrained
from skblood.__main__ import main
from skblood._cli import audit as audit_module
from skblood.datasets._folder import find_images

MODEL = "bloodmnist-28-robust"
NAMES = np.array(list("abcdefgh"))


def run(*arguments):
    return main([str(argument) for argument in ("audit", *arguments)])


@pytest.fixture
def folder(new_cells, tmp_path):
    """Return a folder of 41 images: b/cell0 is of class a, and c/copy is c/cell2."""
    X, y = new_cells
    for i, (image, label) in enumerate(zip(X, y, strict=True)):
        parent = tmp_path / "cells" / ("b" if i == 0 else NAMES[label])
        parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(parent / f"cell{i}.png")
    Image.fromarray(X[2]).save(tmp_path / "cells" / "c" / "copy.png")
    return tmp_path / "cells"


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_prints_the_suspects_and_a_summary(folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}
    assert run(folder, "--model", MODEL) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith(f"{folder}/b/cell0.png ")
    assert f"duplicate of {folder}/c/cell2.png" in out
    assert "1 identical pairs and 0 similar ones, 0 of them" in err
    assert "add -o REPORT" in err
    # No image was changed or moved.
    assert before == {path: path.read_bytes() for path in folder.rglob("*.png")}


def test_formats_list_the_same_suspects(folder, capsys):
    assert run(folder, "--model", MODEL, "--format", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert run(folder, "--model", MODEL, "--format", "csv") == 0
    lines = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["image"] for row in rows] == [line["image"] for line in lines]
    assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
    copies = [row for row in rows if row["copy_of"]]
    assert {row["image"] for row in copies} == {row["copy_of"] for row in copies}


def test_agrees_with_the_function(folder, capsys):
    assert run(folder, "--model", MODEL, "--format", "json", "--folds", "4") == 0
    rows = json.loads(capsys.readouterr().out)
    paths, _, _ = find_images(folder)
    X = np.array([np.asarray(Image.open(path)) for path in paths])
    y = np.array([path.parent.name for path in paths])
    found = audit_labels(X, y, load_pretrained(MODEL), cv=4)
    expected = [str(paths[i]) for i in found.table["index"]]
    assert [row["image"] for row in rows] == expected


def test_report_can_be_looked_at(folder, tmp_path, capsys):
    report = tmp_path / "report"
    assert run(folder, "--model", MODEL, "-o", report) == 0
    assert "contact sheet" in capsys.readouterr().err
    names = {path.name for path in report.iterdir()}
    assert names == {"suspects.csv", "duplicates.csv", "contact-sheet.png"}
    rows = read_csv(report / "suspects.csv")
    assert rows[0]["image"] == f"{folder}/b/cell0.png"
    assert (rows[0]["label"], rows[0]["reason"]) == ("b", "contradictory prediction")
    (pair,) = read_csv(report / "duplicates.csv")
    assert pair["similarity"] == "1.0000"
    assert (pair["is_exact"], pair["is_contradictory"]) == ("true", "false")
    with Image.open(report / "contact-sheet.png") as sheet:
        assert min(sheet.size) > 80


def test_unreadable_files_are_left_out(folder, capsys):
    (folder / "a" / "broken.png").write_bytes(b"no image")
    assert run(folder, "--model", MODEL) == 1
    out, err = capsys.readouterr()
    assert f"{folder}/a/broken.png: " in err
    assert out.startswith(f"{folder}/b/cell0.png")
    assert "41 images" in err


def test_shards_are_accepted(folder, tmp_path, capsys):
    shards = tmp_path / "shards"
    assert main(["convert", str(folder), "-o", str(shards)]) == 0
    assert run(shards, "--model", MODEL, "-o", tmp_path / "report") == 0
    capsys.readouterr()
    rows = read_csv(tmp_path / "report" / "suspects.csv")
    assert rows[0]["image"].endswith("b/cell0.png")


def test_bad_input_is_refused(folder, tmp_path, capsys, monkeypatch):
    for arguments, message in [
        ((tmp_path / "nothing",), "does not exist"),
        ((folder / "a",), "Expected one sub-folder for each class"),
        ((folder, "-o", folder / "report"), "output outside of the images"),
        ((folder, "-o", folder), "contains files"),
        ((folder, "--model", "unknown"), "Expected a model file"),
    ]:
        assert run(*arguments) == 1
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run(folder, "--folds", "1")
    assert "at least 2 folds" in capsys.readouterr().err
    monkeypatch.setattr(audit_module, "find_spec", lambda name: None)
    assert run(folder) == 1
    assert "skblood[audit]" in capsys.readouterr().err


def test_a_failed_report_leaves_nothing(folder, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("skblood._cli.report.write_pages", fail)
    assert run(folder, "--model", MODEL, "-o", tmp_path / "report") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["cells"]
