"""The command line: its output, its errors and its exit status."""

import csv
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from skblood import (
    AdaptedClassifier,
    assess,
    load_bloodmnist_sample,
    load_model,
    load_pretrained,
    save_model,
)
from skblood.__main__ import main
from skblood._cli.inputs import match_names
from skblood._cli.parts import MAX_IMAGES
from skblood.pretrained import pretrained_names

NAMES = np.array(list("abcdefgh"))
SHORT = "immature granulocytes"
NAME_OF_IG = SHORT
LONG = f"{SHORT}(myelocytes, metamyelocytes and promyelocytes)"


def run(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def named(tiny_cnn, cells):
    """Return a classifier that was fitted to class names, and knows its images."""
    X, y = cells
    clf = tiny_cnn(max_epochs=10).fit(X, NAMES[y])
    return clf.fit_familiarity(X)


@pytest.fixture
def model(named, tmp_path):
    path = tmp_path / "cells.safetensors"
    save_model(named, path)
    return path


def store(folder, images):
    folder.mkdir(parents=True, exist_ok=True)
    for i, image in enumerate(images):
        Image.fromarray(image).save(folder / f"cell{i}.png")


@pytest.fixture
def flat(new_cells, tmp_path):
    """Return a folder of images."""
    store(tmp_path / "flat", new_cells[0])
    return tmp_path / "flat"


@pytest.fixture
def sorted_folder(new_cells, tmp_path):
    """Return a folder with one sub-folder for each class."""
    X, y = new_cells
    for k, name in enumerate(NAMES):
        store(tmp_path / "sorted" / name, X[y == k])
    return tmp_path / "sorted"


# -- predict ---------------------------------------------------------------------------


def test_predict_prints_a_table(named, model, flat, new_cells, capsys):
    assert run("predict", flat, "--model", model) == 0
    out, err = capsys.readouterr()
    expected = named.predict_proba(new_cells[0])
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines] == [f"{flat}/cell{i}.png" for i in range(40)]
    assert [line[1] for line in lines] == [f"{p:.3f}" for p in expected.max(axis=1)]
    found = assess(named, new_cells[0])
    assert [line[-1] for line in lines] == found.labels.tolist()
    is_sure = [len(line) == 3 for line in lines]
    assert is_sure == (~found.is_doubtful).tolist()
    assert err.startswith("skblood: 40 images: ")


def test_predict_marks_what_is_doubtful(named, model, flat, new_cells, capsys):
    store(flat, new_cells[0][:10, ..., ::-1] // 2)
    assert run("predict", flat, "--model", model) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert sum("unfamiliar, perhaps" in line for line in lines) >= 10
    assert "unfamiliar" in err
    assert run("predict", flat, "--model", model, "--bare") == 0
    assert "perhaps" not in capsys.readouterr().out


def test_predict_counts_the_images_of_each_class(named, model, flat, new_cells, capsys):
    assert run("predict", flat, "--model", model) == 0
    summary = capsys.readouterr().err.splitlines()[0]
    found = assess(named, new_cells[0])
    for name, n in zip(
        *np.unique(found.labels[~found.is_doubtful], return_counts=True), strict=True
    ):
        assert f" {n} {name}" in summary
    n_unsure = (found.is_doubtful & ~found.is_unfamiliar).sum()
    assert f" {n_unsure} unsure" in summary


def test_predict_warns_of_another_microscope(flat, new_cells, capsys):
    store(flat, new_cells[0][..., ::-1])
    assert run("predict", flat) == 0
    err = capsys.readouterr().err
    assert "Warning: unfamiliar images: 40 of 40." in err
    command = "  skblood suggest IMAGES -n 50 -o to-label"
    assert err.splitlines()[-1] == command
    assert run("predict", flat, "--crop", 20) == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"{command} --crop 20"


def test_predict_adapts_to_another_stain(flat, new_cells, capsys):
    X, y = new_cells
    darker = X // np.array([1, 2, 1], dtype=np.uint8)
    store(flat, darker)
    robust = load_pretrained("bloodmnist-28-robust")
    adapted = AdaptedClassifier(robust).fit(darker)
    assert adapted.score(darker, adapted.classes_[y]) > 0.9
    assert run("predict", flat, "--adapt", "--format", "csv") == 0
    out, err = capsys.readouterr()
    rows = {row["image"]: row for row in csv.DictReader(io.StringIO(out))}
    expected = adapted.predict(darker)
    for i, label in enumerate(expected):
        row = rows[str(flat / f"cell{i}.png")]
        assert row["label"] == label
        assert row["state"] == "unfamiliar"
    assert "unfamiliar images: 40 of 40" in err
    assert "--adapt" not in err


def test_classes_of_adapted_predictions(flat, new_cells, capsys):
    names = "Neutrophils,lymphocyte, monocyte"
    assert run("predict", flat, "--adapt", "--classes", names, "--format", "json") == 0
    for record in json.loads(capsys.readouterr().out):
        assert list(record["probabilities"]) == ["lymphocyte", "monocyte", "neutrophil"]


def test_adapt_with_few_or_unreadable_images(flat, tmp_path, capsys):
    (flat / "notes.txt").write_text("not an image")
    assert run("predict", flat, "--adapt") == 1
    assert capsys.readouterr().err.count("notes.txt") == 1
    assert run("predict", flat / "cell0.png", "--adapt") == 0
    assert "at least 20 images" in capsys.readouterr().err
    assert run("predict", flat / "notes.txt", "--adapt") == 1
    assert "only files that cannot be read" in capsys.readouterr().err


def test_evaluate_adapts(sorted_folder, new_cells, tmp_path, capsys):
    X, y = new_cells
    names = load_pretrained().classes_
    for k in (1, 4, 6):
        store(tmp_path / "foreign" / names[k], X[y == k] // 2)
    options = ["--adapt", "--classes", ",".join(names[[1, 4, 6]])]
    assert run("evaluate", tmp_path / "foreign", *options) == 0
    report = capsys.readouterr().out
    assert "platelet" not in report
    assert "15 of 15" in report


@pytest.fixture
def small_cells(new_cells, tmp_path):
    """Return a folder of images in which the cells take half of the usual width."""
    folder = tmp_path / "small"
    margins = [(0, 0), (14, 14), (14, 14), (0, 0)]
    store(folder, np.pad(new_cells[0], margins, mode="edge"))
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_automatic_crop(small_cells, flat, tmp_path, capsys):
    assert run("predict", small_cells, "--crop", "auto") == 1
    err = capsys.readouterr().err
    crop = int(re.search(r"cropped to the (\d+) pixels", err)[1])
    assert crop == pytest.approx(28, abs=3)
    output = tmp_path / "to-label"
    assert run("suggest", small_cells, "--crop", "auto", "-o", output) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[-1].endswith(f"--crop {crop}")
    assert run("predict", flat, "--crop", "auto") == 0
    assert "are not cropped" in capsys.readouterr().err


def test_automatic_crop_of_files_of_two_sizes(new_cells, tmp_path, capsys):
    X, _ = new_cells
    store(tmp_path / "mixed" / "28", X)
    margins = [(0, 0), (14, 14), (14, 14), (0, 0)]
    store(tmp_path / "mixed" / "56", np.pad(X, margins, mode="edge"))
    assert run("predict", tmp_path / "mixed", "--crop", "auto") == 0
    assert "cropped to the 28 pixels" in capsys.readouterr().err


def test_evaluate_with_a_class_that_was_not_allowed(sorted_folder, tmp_path, capsys):
    sorted_folder.joinpath("a").rename(tmp_path / "sorted" / "platelet")
    arguments = ["--adapt", "--classes", "monocyte,neutrophil"]
    assert run("evaluate", sorted_folder, *arguments) == 1
    err = capsys.readouterr().err
    assert "--classes allows (monocyte, neutrophil)" in err


def test_automatic_crop_in_training(sorted_folder, model, tmp_path, capsys):
    arguments = ["train", sorted_folder, "-o", tmp_path / "m", "--crop", "auto"]
    assert run(*arguments) == 1
    assert "together with --start" in capsys.readouterr().err
    assert run(*arguments, "--epochs", 1, "--start", model) == 0
    assert run("evaluate", sorted_folder, "--model", model, "--crop", "auto") == 0


def test_automatic_crop_without_cells(tmp_path, capsys):
    store(tmp_path / "empty", np.full((3, 28, 28, 3), 230, np.uint8))
    assert run("predict", tmp_path / "empty", "--crop", "auto") == 1
    assert "not darker in the middle" in capsys.readouterr().err


def smear(cells):
    """Return an image of 64 cells, as a photograph of a smear shows them."""
    return np.vstack([np.hstack(cells[i : i + 8]) for i in range(0, 64, 8)])


def radiograph(cells):
    y, x = np.mgrid[-1:1:200j, -1:1:200j]
    grey = 255 * np.exp(-(x**2) - 3 * y**2)
    return np.repeat(grey[..., np.newaxis], 3, axis=2).astype(np.uint8)


def photograph(cells):
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
    return np.asarray(small.resize((200, 200), Image.Resampling.BICUBIC))


UNUSUAL = {
    "smear": smear,
    "radiograph": radiograph,
    "photograph": photograph,
    "empty background": lambda cells: np.full((28, 28, 3), (250, 225, 200), np.uint8),
    "grey": lambda cells: np.repeat(cells[0][..., 1:2], 3, axis=2),
}


@pytest.mark.parametrize("make_image", UNUSUAL.values(), ids=UNUSUAL)
@pytest.mark.parametrize("n", [1, 3])
def test_predict_with_other_images_than_cells(make_image, n, tmp_path, capsys):
    image = make_image(load_bloodmnist_sample("test").images)
    store(tmp_path / "images", [image] * n)
    assert run("predict", tmp_path / "images") == 0
    out, err = capsys.readouterr()
    assert out.count("unfamiliar, perhaps") == n
    assert f"Warning: unfamiliar images: {n} of {n}." in err


def test_predict_with_a_model_without_familiarity(
    tiny_cnn, cells, flat, tmp_path, capsys
):
    X, y = cells
    path = tmp_path / "old.safetensors"
    save_model(tiny_cnn(max_epochs=1).fit(X, y), path)
    assert run("predict", flat, "--model", path, "--format", "csv") == 0
    out, err = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out)))
    assert {row["familiarity"] for row in rows} == {""}
    assert f"The model {path} has no familiarity" in err


def test_predict_help_names_the_classes_and_models(capsys):
    with pytest.raises(SystemExit):
        run("predict", "--help")
    text = " ".join(capsys.readouterr().out.split())
    assert ", ".join(load_pretrained().classes_[:-1]) in text
    assert all(name in text for name in pretrained_names())


def test_predict_prints_csv(named, model, flat, new_cells, capsys):
    assert run("predict", "--format", "csv", flat, "--model", model) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    probabilities = np.array([[row[name] for name in NAMES] for row in rows], float)
    np.testing.assert_allclose(
        probabilities, named.predict_proba(new_cells[0]), atol=1e-6
    )
    found = assess(named, new_cells[0])
    assert [row["label"] for row in rows] == found.labels.tolist()
    np.testing.assert_allclose(
        [float(row["probability"]) for row in rows],
        found.probabilities.max(axis=1),
        atol=1e-6,
    )
    np.testing.assert_allclose(
        [float(row["familiarity"]) for row in rows], found.familiarity, atol=0.006
    )
    assert [row["state"] != "sure" for row in rows] == found.is_doubtful.tolist()


def test_predict_prints_json(named, model, flat, new_cells, capsys):
    assert run("predict", "--format", "json", flat, "--model", model) == 0
    records = json.loads(capsys.readouterr().out)
    expected = named.predict_proba(new_cells[0])
    for record, row, label in zip(
        records, expected, named.predict(new_cells[0]), strict=True
    ):
        assert record["label"] == label
        assert 0 <= record["familiarity"] <= 100
        assert record["state"] in ("sure", "unsure", "unfamiliar")
        assert record["probability"] == pytest.approx(row.max(), rel=1e-5)
        np.testing.assert_allclose(
            [record["probabilities"][name] for name in NAMES], row, rtol=1e-5
        )


def test_predict_keeps_the_order_of_the_arguments(model, flat, capsys):
    chosen = [flat / "cell7.png", flat / "cell2.png"]
    assert run("predict", *chosen, "--model", model) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(map(str, chosen))


def test_predict_works_in_parts(model, new_cells, tmp_path, capsys):
    image = new_cells[0][0]
    store(tmp_path / "many", [image] * (MAX_IMAGES + 10))
    assert run("predict", tmp_path / "many", "--model", model, "--format", "csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == MAX_IMAGES + 11
    assert len({line.split(",", 1)[1] for line in lines[1:]}) == 1


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_predict_continues_after_a_file_that_is_not_an_image(model, flat, capsys, form):
    (flat / "cell3.png").write_text("not an image")
    assert run("predict", flat, "--model", model, "--format", form) == 1
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert lines[0] == f"skblood: {flat}/cell3.png: not an image that Pillow can read"
    assert lines[1].startswith("skblood: 39 images: ")
    assert out.count("cell") == 39


@pytest.mark.timeout(60)  # A program that opens a named pipe waits for a writer.
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_predict_continues_after_special_files(model, flat, monkeypatch, capsys):
    os.mkfifo(flat / "cell3.png.fifo")
    monkeypatch.chdir(flat)  # The path of a socket must be short.
    (flat / "device").symlink_to(os.devnull)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert run("predict", flat, "--model", model) == 1
    out, err = capsys.readouterr()
    *unreadable, summary = err.splitlines()[:4]
    assert summary.startswith("skblood: 40 images: ")
    assert unreadable == [
        f"skblood: {flat}/cell3.png.fifo: a named pipe, not a regular file",
        f"skblood: {flat}/device: a device, not a regular file",
        f"skblood: {flat}/socket: a socket, not a regular file",
    ]
    assert out.count("cell") == 40


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_predict_with_a_named_pipe_as_argument(model, flat, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.png")
    arguments = ["predict", tmp_path / "pipe.png", flat / "cell0.png"]
    assert run(*arguments, "--model", model) == 1
    out, err = capsys.readouterr()
    line = f"skblood: {tmp_path}/pipe.png: a named pipe, not a regular file\n"
    assert err.startswith(f"{line}skblood: 1 image: ")
    assert out.startswith(f"{flat}/cell0.png")


def test_predict_without_any_image(model, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("none")
    arguments = ["predict", tmp_path / "notes.txt", "--model", model]
    assert run(*arguments, "--format", "json") == 1
    assert json.loads(capsys.readouterr().out) == []


def test_predict_with_the_pretrained_model(sample_folder, capsys):
    assert run("predict", sample_folder) == 0
    lines = capsys.readouterr().out.splitlines()
    folders = [line.split()[0].split("/")[-2] for line in lines]
    labels = [line.split("  ")[-1] for line in lines]
    correct = [name in label for name, label in zip(folders, labels, strict=True)]
    assert np.mean(["perhaps" in label for label in labels]) < 0.15
    assert np.mean(correct) > 0.9


@pytest.fixture
def sample_folder(tmp_path):
    cells = load_bloodmnist_sample("test")
    for k, name in enumerate(cells.target_names):
        images = cells.images[cells.target == k][:5]
        store(tmp_path / name.split()[0], images)
    return tmp_path


def test_predict_in_another_process(flat, model, capsys):
    """The output goes to a pipe that the reader closes early."""
    command = [sys.executable, "-m", "skblood", "predict", flat, "--model", model]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().startswith(str(flat))
    process.stdout.close()
    # No error. There is a summary if the output had fitted into the pipe before.
    run("predict", flat, "--model", model)
    assert process.stderr.read() in ("", capsys.readouterr().err)
    process.wait()


def test_control_characters_in_labels(tiny_cnn, cells, flat, tmp_path, capsys):
    X, y = cells
    path = tmp_path / "cells.safetensors"
    save_model(tiny_cnn().fit(X, np.array(["\x1b[2J", "\x1b[1A"])[y % 2]), path)
    for form in ("table", "csv", "json"):
        assert run("predict", flat, "--model", path, "--format", form) == 0
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "1b[" in out


# -- suggest ---------------------------------------------------------------------------


def test_suggest_copies_images_that_train_takes(model, flat, tmp_path, capsys):
    output = tmp_path / "to-label"
    assert run("suggest", flat, "-n", 10, "-o", output, "--model", model) == 0
    out, err = capsys.readouterr()
    assert out == f"{output}: 10 of 40 images\n"
    command = f"  skblood train {output} -o ours.safetensors --start {model}"
    assert err.splitlines()[-1] == command
    copies = sorted(output.iterdir())
    assert len(copies) == 10
    for path in copies:
        original = flat / path.name.split("_", 1)[1]
        assert path.read_bytes() == original.read_bytes()
    # Nothing is sorted yet, or only a part of the images.
    arguments = ["train", output, "-o", tmp_path / "m", "--epochs", 1]
    assert run(*arguments) == 1
    assert "got no sub-folders" in capsys.readouterr().err
    (output / "a").mkdir()
    copies[0].rename(output / "a" / copies[0].name)
    assert run(*arguments) == 1
    assert "either files or sub-folders" in capsys.readouterr().err
    (output / "b").mkdir()
    for path in copies[1:]:
        path.rename(output / "b" / path.name)
    assert run(*arguments) == 0


@pytest.mark.parametrize("exists", [True, False])
def test_suggest_leaves_nothing_if_copying_fails(
    exists, model, flat, tmp_path, monkeypatch, capsys
):
    output = tmp_path / "to-label"
    if exists:
        output.mkdir()
    n_copied = 0

    def copy_three(source, target):
        nonlocal n_copied
        n_copied += 1
        Path(target).write_bytes(b"a part")
        if n_copied == 3:
            raise OSError("No space left on device")

    monkeypatch.setattr("skblood._cli.commands.copyfile", copy_three)
    assert run("suggest", flat, "-o", output, "--model", model) == 1
    assert "No space left" in capsys.readouterr().err
    assert output.exists() == exists
    assert not exists or not any(output.iterdir())


def test_suggest_takes_all_images_if_they_are_few(model, flat, tmp_path, capsys):
    (flat / "notes.txt").write_text("not an image")
    output = tmp_path / "to-label"
    assert run("suggest", flat, flat, "-o", output, "-n", 100, "--model", model) == 1
    out, err = capsys.readouterr()
    assert out == f"{output}: 80 of 80 images\n"
    assert "notes.txt: not an image" in err
    assert len(list(output.iterdir())) == 80


# -- train and evaluate ----------------------------------------------------------------


def test_train_writes_a_model_that_evaluate_reads(sorted_folder, tmp_path, capsys):
    output = tmp_path / "new.safetensors"
    assert run("train", sorted_folder, "-o", output, "--epochs", 3, "--seed", 0) == 0
    out, err = capsys.readouterr()
    assert out == f"{output}: 8 classes, 40 images\n"
    assert f"Images of each class: {', '.join(f'{name} 5' for name in NAMES)}." in err
    assert f"\n  skblood evaluate SORTED --model {output}\n" in err
    clf = load_model(output)
    assert clf.classes_.tolist() == NAMES.tolist()
    assert clf.n_iter_ == 3
    assert run("evaluate", sorted_folder, "--model", output) == 0
    report = capsys.readouterr().out
    assert "precision" in report
    assert "Doubtful predictions: " in report
    assert all(f"\n           {name} " in report for name in NAMES)


def test_ctrl_c_during_training_writes_no_model(
    sorted_folder, tmp_path, capsys, monkeypatch
):
    calls = []

    def augment(images, generator):
        calls.append(len(images))
        if len(calls) == 3:  # One batch in each epoch: this is the third epoch.
            signal.raise_signal(signal.SIGINT)
        return images

    monkeypatch.setattr("skblood.cnn.augment_cells", augment)
    output = tmp_path / "new.safetensors"
    assert run("train", sorted_folder, "-o", output, "--epochs", 9) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "skblood: The training was interrupted, so no model was written.\n"
    assert list(tmp_path.glob("*.safetensors*")) == []
    assert len(calls) == 3


def test_train_continues_from_a_model(model, named, sorted_folder, tmp_path, capsys):
    output = tmp_path / "more.safetensors"
    arguments = ["train", sorted_folder, "-o", output, "--start", model]
    assert run(*arguments, "--epochs", 1, "--seed", 0) == 0
    clf = load_model(output)
    assert clf.n_iter_ == named.n_iter_ + 1
    assert clf.warm_start is False


def test_a_warning_is_a_line_without_python_code(model, new_cells, tmp_path, capsys):
    X, y = new_cells
    for k in range(3):
        store(tmp_path / "three" / NAMES[k], X[y == k])
    arguments = ["train", tmp_path / "three", "-o", tmp_path / "new", "--epochs", 1]
    assert run(*arguments, "--start", model) == 0
    [line] = [x for x in capsys.readouterr().err.splitlines() if "Warning" in x]
    assert line.startswith("skblood: Warning: y lacks the classes ")


def test_a_trained_model_knows_what_is_familiar(sorted_folder, tmp_path, flat, capsys):
    output = tmp_path / "new.safetensors"
    assert run("train", sorted_folder, "-o", output, "--epochs", 1) == 0
    assert load_model(output).familiarity_ is not None


def test_train_continues_from_a_model_with_numbers_as_labels(
    tiny_cnn, cells, new_cells, tmp_path
):
    save_model(tiny_cnn().fit(*cells), tmp_path / "numbers.safetensors")
    X, y = new_cells
    for k in range(8):
        store(tmp_path / "sorted" / str(k), X[y == k])
    output = tmp_path / "new.safetensors"
    start = ["--start", tmp_path / "numbers.safetensors", "--epochs", 1]
    assert run("train", tmp_path / "sorted", "-o", output, *start) == 0
    trained = load_model(output)
    assert trained.classes_.tolist() == list(range(8))
    assert trained.n_iter_ == load_model(tmp_path / "numbers.safetensors").n_iter_ + 1


def test_train_with_few_images_does_not_learn_familiarity(new_cells, tmp_path, capsys):
    X, y = new_cells
    for k in range(2):
        store(tmp_path / "few" / NAMES[k], X[y == k])
    output = tmp_path / "new.safetensors"
    assert run("train", tmp_path / "few", "-o", output, "--epochs", 1) == 0
    assert "at least 20 images" in capsys.readouterr().err
    assert load_model(output).familiarity_ is None


def test_train_and_evaluate_continue_after_a_file_that_is_not_an_image(
    sorted_folder, tmp_path, capsys
):
    (sorted_folder / "a" / "notes.txt").write_text("not an image")
    output = tmp_path / "new.safetensors"
    assert run("train", sorted_folder, "-o", output, "--epochs", 1) == 1
    out, err = capsys.readouterr()
    assert out == f"{output}: 8 classes, 40 images\n"
    assert f"{sorted_folder}/a/notes.txt: not an image" in err
    assert run("evaluate", sorted_folder, "--model", output) == 1
    assert "notes.txt: not an image" in capsys.readouterr().err


def test_evaluate_with_some_classes_in_other_spellings(new_cells, tmp_path, capsys):
    X, y = new_cells
    store(tmp_path / "sorted" / "Neutrophils", X[y == 6])
    store(tmp_path / "sorted" / "IMMATURE", X[y == 3])
    assert run("evaluate", tmp_path / "sorted") == 0
    chosen = np.isin(y, [3, 6])
    clf = load_pretrained()
    accuracy = clf.score(X[chosen], clf.classes_[y[chosen]])
    assert f" {accuracy:.3f} " in capsys.readouterr().out


def test_train_at_another_size(sorted_folder, tmp_path):
    output = tmp_path / "new.safetensors"
    arguments = ["train", sorted_folder, "-o", output, "--epochs", 1]
    assert run(*arguments, "--size", 16, "--crop", 20) == 0
    assert load_model(output).image_shape_ == (16, 16, 3)


def test_evaluate_compares_names(model, named, sorted_folder, new_cells, capsys):
    assert run("evaluate", sorted_folder, "--model", model) == 0
    X, y = new_cells
    accuracy = f"{named.score(X, NAMES[y]):.3f}"
    assert accuracy in capsys.readouterr().out


@pytest.mark.parametrize(("known", "folder"), [(LONG, SHORT), (SHORT, LONG)])
def test_evaluate_compares_short_names(known, folder, new_cells, tmp_path, capsys):
    clf = load_pretrained("bloodmnist-28-tiny")
    clf.classes_ = np.array([known if c == SHORT else c for c in clf.classes_])
    save_model(clf, tmp_path / "m.safetensors")
    X, y = new_cells
    for k, name in enumerate(clf.classes_):
        store(tmp_path / "sorted" / (folder if name == known else name), X[y == k])
    model = tmp_path / "m.safetensors"
    assert run("evaluate", tmp_path / "sorted", "--model", model) == 0
    accuracy = f"{clf.score(X, clf.classes_[y]):.3f}"
    assert f" {accuracy} " in capsys.readouterr().out


def test_train_keeps_the_output_layer_if_only_the_spelling_differs(
    new_cells, tmp_path, capsys
):
    clf = load_pretrained("bloodmnist-28-tiny")
    clf.classes_ = np.array([LONG if c == SHORT else c for c in clf.classes_])
    save_model(clf, tmp_path / "m.safetensors")
    X, y = new_cells
    for k, name in enumerate(load_pretrained().classes_):
        store(tmp_path / "sorted" / name, X[y == k])
    output = tmp_path / "new.safetensors"
    start = ["--start", tmp_path / "m.safetensors", "--epochs", 1, "--seed", 0]
    assert run("train", tmp_path / "sorted", "-o", output, *start) == 0
    trained = load_model(output)
    assert trained.classes_.tolist() == clf.classes_.tolist()
    # A reinitialised output layer would also begin a new history.
    assert trained.n_iter_ == clf.n_iter_ + 1


@pytest.mark.parametrize(
    ("names", "classes", "matches"),
    [
        (["a", "b"], ["a", "b", "c"], {"a": "a", "b": "b"}),
        (["a(x)", "b"], ["a", "b (y)"], {"a(x)": "a", "b": "b (y)"}),
        # Names that differ in the bracket are different classes.
        (["a(x)"], ["a(y)"], {}),
        # Matches that are not unique do not count.
        (["a(x)", "a(y)"], ["a"], {}),
        (["a"], ["a(x)", "a(y)"], {}),
        # Equal names come first.
        (["a", "a(x)"], ["a"], {"a": "a"}),
        (["a"], ["a", "a(x)"], {"a": "a"}),
        # Capitals, plurals and first words.
        (["Neutrophils"], ["neutrophil"], {"Neutrophils": "neutrophil"}),
        (["Immature"], ["immature granulocytes", "b"], {"Immature": NAME_OF_IG}),
        (["immature_granulocyte"], [NAME_OF_IG], {"immature_granulocyte": NAME_OF_IG}),
        (["neutrophil band"], ["neutrophil"], {}),
        (["Ab", "ab"], ["AB"], {}),
        (["-"], ["b"], {}),
    ],
    ids=str,
)
def test_match_names(names, classes, matches):
    assert match_names(names, classes) == matches


# -- errors ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["predict", "{}/none.png"], "got {}/none.png, which does not exist"),
        (["predict", "{}/empty"], "images in the folder {}/empty, got no files"),
        (["predict", "{}/flat", "--model", "none"], "got none, which does not exist"),
        (["predict", "{}/flat", "--model", "{}/flat/cell0.png"], "cannot be loaded"),
        (
            ["train", "{}/flat", "-o", "{}/m"],
            "class in {}/flat, got no sub-folders",
        ),
        (
            ["train", "{}/sorted", "-o", "{}/none/m"],
            "none/m cannot be written: the folder",
        ),
        (
            ["train", "{}/sorted", "-o", "{}/flat"],
            "flat cannot be written: it is a folder",
        ),
        (["train", "{}/none", "-o", "{}/m"], "got {}/none, which does not exist"),
        (
            "train {}/sorted -o {}/m --size 64 --start bloodmnist-28-tiny".split(),
            "Expected --size 28, which is the image size of the model of --start, got",
        ),
        (
            ["suggest", "{}/flat", "-o", "{}/sorted"],
            "got {}/sorted, which contains files. Choose",
        ),
        (["suggest", "{}/flat", "-o", "{}/flat/cell0.png"], "got the file {}/flat/c"),
        (["suggest", "{}/empty", "-o", "{}/new"], "{}/empty, got no files"),
        (["evaluate", "{}/flat"], "class in {}/flat, got no sub-folders"),
        (["evaluate", "{}/sorted"], "got a, b, c, d, e, f, g, h. If such a name"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else value,
)
def test_errors_are_one_line(arguments, problem, flat, sorted_folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert run(*(a.format(tmp_path) for a in arguments)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("skblood: ")
    assert problem.format(tmp_path) in err
    assert err.count("\n") == 1
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["count"],
        ["predict"],
        ["predict", "x.png", "--format", "xml"],
        ["predict", "x.png", "--crop", "0"],
        ["predict", "x.png", "--crop", "automatic"],
        ["predict", "x.png", "--adapt", "--classes", "a,,b"],
        ["train", "folder"],
        ["train", "folder", "-o", "m", "--epochs", "many"],
    ],
    ids=" ".join,
)
def test_wrong_usage_has_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        run(*arguments)
    assert exit_.value.code == 2
    assert "usage: skblood" in capsys.readouterr().err


def test_a_model_of_grey_images_is_refused(tiny_cnn, cells, flat, tmp_path, capsys):
    X, y = cells
    path = tmp_path / "grey.safetensors"
    save_model(tiny_cnn(max_epochs=1).fit(X.mean(axis=3), y), path)
    assert run("predict", flat, "--model", path) == 1
    assert "28×28 pixels with 1 channel" in capsys.readouterr().err


def test_control_characters_in_file_names(model, tmp_path, capsys):
    (tmp_path / "\x1b[2J.png").write_text("not an image")
    assert run("predict", tmp_path / "\x1b[2J.png", "--model", model) == 1
    err = capsys.readouterr().err
    assert r"/\x1b[2J.png: " in err
    assert "\x1b" not in err


def test_import_is_light():
    script = (
        "import sys, skblood.__main__; print({'torch', 'sklearn'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


def test_names_that_the_terminal_cannot_show(model, new_cells, tmp_path):
    folder = tmp_path / "zelle-ü"
    store(folder, new_cells[0][:1])
    result = subprocess.run(
        [sys.executable, "-m", "skblood", "predict", folder, "--model", model],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert r"zelle-\xfc" in result.stdout
