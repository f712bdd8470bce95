"""`skblood predict --sets` and `skblood calibrate`."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from skblood import load_model, load_pretrained, prediction_sets, save_model
from skblood.__main__ import main

NAMES = load_pretrained("bloodmnist-28-tiny").classes_


def run(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def classifier(tiny_cnn, cells, new_cells):
    """Return a classifier that is often wrong, so its sets have several classes."""
    X, y = cells
    clf = tiny_cnn(max_epochs=3).fit(X, NAMES[y]).fit_familiarity(X)
    return clf.fit_calibration(new_cells[0], NAMES[new_cells[1]])


@pytest.fixture
def model(classifier, tmp_path):
    save_model(classifier, tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


@pytest.fixture(scope="module")
def folders(new_cells, tmp_path_factory):
    """Return a folder of images, and one with a sub-folder for each class."""
    root = tmp_path_factory.mktemp("folders")
    for i, (image, k) in enumerate(zip(*new_cells, strict=True)):
        for folder in (root / "flat", root / "sorted" / NAMES[k].capitalize()):
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"cell{i:03}.png")
    return root / "flat", root / "sorted"


@pytest.fixture(scope="module")
def expected(classifier, new_cells):
    """Return the names in each set, the most probable first."""
    sets = prediction_sets(classifier, new_cells[0], coverage=0.9)
    order = np.argsort(-classifier.predict_proba(new_cells[0]), axis=1)
    return [
        [NAMES[k] for k in row if sets[i, k]] for i, row in enumerate(order.tolist())
    ]


def test_table(model, folders, expected, capsys):
    assert run("predict", folders[0], "--sets", 0.9, "--model", model) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert max(map(len, expected)) > 1
    for line, names in zip(lines, expected, strict=True):
        assert line.endswith(" or ".join(names))
    n = sum(len(names) > 1 for names in expected)
    assert f"Sets with more than one class: {n} of 40. On average, at least 90 %" in err


def test_csv(model, folders, expected, capsys):
    arguments = ["--sets", 0.9, "--model", model, "--format", "csv"]
    assert run("predict", folders[0], *arguments) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["set"].split("; ") for row in rows] == expected
    assert list(rows[0])[:6] == [
        *("image", "label", "probability", "familiarity", "state", "set")
    ]
    assert float(rows[0][NAMES[0]]) <= 1


def test_json(model, folders, expected, capsys):
    arguments = ["--sets", 0.9, "--model", model, "--format", "json"]
    assert run("predict", folders[0], *arguments) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["set"] for record in records] == expected


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files(model, folders, expected, tmp_path, suffix, capsys):
    output = tmp_path / f"out.{suffix}"
    arguments = ["--sets", 0.9, "--model", model, "-o", output]
    assert run("predict", folders[0], *arguments) == 0
    assert "Sets with more than one class" in capsys.readouterr().err
    if suffix == "csv":
        rows = list(csv.DictReader(io.StringIO(output.read_text())))
        assert [row["set"].split("; ") for row in rows] == expected
    else:
        parquet = pytest.importorskip("pyarrow.parquet", reason="the extra parquet")
        assert parquet.read_table(output)["set"].to_pylist() == expected


def test_a_run_without_sets_cannot_continue_one_with_sets(
    model, folders, tmp_path, monkeypatch, capsys
):
    output = tmp_path / "out.csv"
    arguments = ["predict", folders[0], "--model", model, "-o", output]

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("skblood._cli.prediction_files._write_output", interrupt)
        assert run(*arguments, "--sets", 0.9) == 130
    assert run(*arguments, "--resume") == 1
    assert "--sets: 0.9 before, none now" in capsys.readouterr().err
    assert run(*arguments, "--sets", 0.9, "--resume") == 0
    assert ",set," in output.read_text().splitlines()[0]


def test_calibrate(tiny_cnn, cells, folders, model, tmp_path, capsys):
    X, y = cells
    clf = tiny_cnn(max_epochs=3).fit(X, NAMES[y]).fit_familiarity(X)
    save_model(clf, tmp_path / "raw.safetensors")
    output = tmp_path / "calibrated.safetensors"
    arguments = ["calibrate", folders[1], "--model", tmp_path / "raw.safetensors"]
    assert run(*arguments, "-o", output) == 0
    out, err = capsys.readouterr()
    calibrated = load_model(output)
    temperature = calibrated.calibration_.temperature
    assert out == f"{output}: 40 images, temperature {temperature:.3f}\n"
    assert temperature == pytest.approx(load_model(model).calibration_.temperature)
    assert calibrated.familiarity_ is not None
    assert f"predict IMAGES --sets 0.95 --model {output}" in err


def test_errors_are_one_line(tiny_cnn, cells, folders, model, tmp_path, capsys):
    raw = tmp_path / "raw.safetensors"
    save_model(tiny_cnn(max_epochs=1).fit(cells[0], NAMES[cells[1]]), raw)
    (tmp_path / "other" / "blast").mkdir(parents=True)
    image = folders[0] / "cell000.png"
    (tmp_path / "other" / "blast" / "cell.png").write_bytes(image.read_bytes())
    output = tmp_path / "out.safetensors"
    for arguments, problem in [
        (("predict", image, "--sets", 0.9, "--model", raw), "skblood calibrate SORTED"),
        (("predict", image, "--sets", 0.999, "--model", model), "at least 999 calib"),
        (
            ("predict", image, "--sets", 0.9, "--model", model, "--adapt"),
            "Expected --sets without --adapt",
        ),
        (("calibrate", tmp_path / "other", "-o", output), "model knows (basophil,"),
        (("calibrate", folders[1], "-o", tmp_path / "no" / "m"), "does not exist"),
    ]:
        assert run(*arguments) == 1
        out, err = capsys.readouterr()
        assert problem in err
        assert out == "" and err.count("\n") == 1
    assert not output.exists()


@pytest.mark.parametrize("coverage", ["0", "1", "99", "most"])
def test_impossible_coverage(model, folders, coverage, capsys):
    with pytest.raises(SystemExit) as error:
        run("predict", folders[0], "--sets", coverage, "--model", model)
    assert error.value.code == 2
    assert f"a number between 0 and 1, such as 0.99, got '{coverage}'" in (
        capsys.readouterr().err
    )
