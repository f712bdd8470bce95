"""The command convert, and training on the arrays that it writes."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from skblood import load_cell_images, load_model
from skblood.__main__ import main
from skblood.datasets import open_shards

NAMES = np.array(list("abcdefgh"))
SHARDS = ["files.csv", *(f"images-{i:05}.npy" for i in range(3))]


def run(*arguments):
    return main([str(argument) for argument in arguments])


@pytest.fixture
def pictures(cells, tmp_path):
    """Return a folder of 80 pictures of 28 pixels in eight sub-folders."""
    folder = tmp_path / "pictures"
    for i, (image, label) in enumerate(zip(*cells, strict=True)):
        path = folder / NAMES[label] / f"cell{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


def names_in(path):
    return sorted(entry.name for entry in path.iterdir())


def test_shards_and_a_table(pictures, tmp_path, capsys):
    output = tmp_path / "shards"
    assert run("convert", pictures, "-o", output, "--shard-size", 32) == 0
    out, err = capsys.readouterr()
    assert out == f"{output}: 80 images in 3 shards\n"
    assert err.endswith(f"\n  skblood train {output} -o ours.safetensors\n")
    assert names_in(output) == SHARDS
    arrays = [np.load(output / name) for name in SHARDS[1:]]
    assert [array.shape for array in arrays] == [
        (32, 28, 28, 3),
        (32, 28, 28, 3),
        (16, 28, 28, 3),
    ]
    expected = load_cell_images(pictures, labels="names")
    np.testing.assert_array_equal(np.concatenate(arrays), expected.data)
    with (output / "files.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == expected.filenames.tolist()
    assert [row["label"] for row in rows] == expected.target.tolist()


def test_more_images_than_are_read_at_a_time(cells, tmp_path):
    (tmp_path / "flat").mkdir()
    Image.fromarray(cells[0][0]).save(tmp_path / "flat" / "cell0.png")
    for i in range(1, 600):
        os.link(tmp_path / "flat" / "cell0.png", tmp_path / "flat" / f"cell{i}.png")
    output = tmp_path / "shards"
    assert run("convert", tmp_path / "flat", "-o", output, "--shard-size", 250) == 0
    lengths = [len(np.load(output / name)) for name in SHARDS[1:]]
    assert lengths == [250, 250, 100]
    assert (output / "files.csv").read_text().splitlines()[:2] == ["file", "cell0.png"]


def test_size_and_crop(pictures, tmp_path):
    options = ["--size", 16, "--crop", 20]
    assert run("convert", pictures, "-o", tmp_path / "shards", *options) == 0
    expected = load_cell_images(pictures, size=16, crop=20).data
    found = open_shards(tmp_path / "shards").data.read()
    np.testing.assert_array_equal(found, expected)


def test_files_that_are_not_images_are_left_out(pictures, tmp_path, capsys):
    (pictures / "a" / "notes.txt").write_text("not an image")
    output = tmp_path / "shards"
    assert run("convert", pictures, "-o", output) == 1
    out, err = capsys.readouterr()
    assert out == f"{output}: 80 images in 1 shard\n"
    assert f"skblood: {pictures}/a/notes.txt: not an image that Pillow can read" in err
    found = open_shards(output)
    (pictures / "a" / "notes.txt").unlink()
    expected = load_cell_images(pictures, labels="names")
    np.testing.assert_array_equal(found.target, expected.target)
    np.testing.assert_array_equal(found.filenames, expected.filenames)


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_is_left_if_no_file_is_an_image(exists, tmp_path, capsys):
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "notes.txt").write_text("none")
    output = tmp_path / "shards"
    if exists:
        output.mkdir()
    assert run("convert", tmp_path / "flat", "-o", output) == 1
    assert "only files that cannot be read" in capsys.readouterr().err
    assert output.exists() == exists
    assert not exists or names_in(output) == []


def test_nothing_is_left_on_a_full_disk(pictures, tmp_path, monkeypatch, capsys):
    def fail(_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    assert run("convert", pictures, "-o", tmp_path / "shards") == 1
    assert "No space left" in capsys.readouterr().err
    assert not (tmp_path / "shards").exists()


def test_a_killed_conversion_is_unfinished(cells, tmp_path, capsys):
    (tmp_path / "flat").mkdir()
    Image.fromarray(cells[0][0]).resize((200, 200)).save(tmp_path / "flat" / "0.png")
    for i in range(1, 2000):
        os.link(tmp_path / "flat" / "0.png", tmp_path / "flat" / f"{i}.png")
    output = tmp_path / "shards"
    command = ["convert", tmp_path / "flat", "-o", output, "--shard-size", "256"]
    process = subprocess.Popen([sys.executable, "-m", "skblood", *command])
    deadline = time.monotonic() + 100
    while not (output / "images-00001.npy").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    with pytest.raises(ValueError, match="the folder is unfinished"):
        open_shards(output)
    assert run("train", output, "-o", tmp_path / "m") == 1
    assert "the folder is unfinished" in capsys.readouterr().err
    assert run(*command) == 1
    assert "a new or an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["{}/none", "-o", "{}/new"], "got {}/none, which does not exist"),
        (["{}/pictures", "-o", "{}/full"], "got {}/full, which contains files."),
        (["{}/pictures", "-o", "{}/pictures/new"], "an output outside of the images"),
        (["{}/pictures", "-o", "{}/none/new"], "cannot be written: the folder"),
        (["{}/empty", "-o", "{}/new"], "images in the folder {}/empty, got no files"),
    ],
    ids=range(5),
)
def test_errors_are_one_line(arguments, problem, pictures, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    before = names_in(tmp_path)
    assert run("convert", *(a.format(tmp_path) for a in arguments)) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert problem.format(tmp_path) in err
    assert err.count("\n") == 1
    assert names_in(tmp_path) == before


@pytest.mark.parametrize("option", ["--crop=auto", "--shard-size=0", "--size=x"])
def test_wrong_usage_has_status_2(option, pictures, tmp_path):
    with pytest.raises(SystemExit) as exit_:
        run("convert", pictures, "-o", tmp_path / "new", option)
    assert exit_.value.code == 2


# -- training --------------------------------------------------------------------------


def test_training_on_shards_gives_the_same_model(pictures, tmp_path, capsys):
    shards, size = tmp_path / "shards", ["--size", 16]
    assert run("convert", pictures, "-o", shards, "--shard-size", 32, *size) == 0
    training = ["--epochs", 2, "--seed", 0]
    one, two = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    assert run("train", pictures, "-o", one, *training, *size) == 0
    capsys.readouterr()
    # The size is that of the arrays.
    assert run("train", shards, "-o", two, *training) == 0
    assert capsys.readouterr().out == f"{two}: 8 classes, 80 images\n"
    X, y = open_shards(shards, return_X_y=True)
    models = load_model(one), load_model(two)
    expected, found = (model.predict_proba(X.read()) for model in models)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        *(model.familiarity_.score_samples(X.read()) for model in models)
    )
    assert run("evaluate", shards, "--model", two) == 0
    assert f" {models[0].score(X.read(), y):.3f} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        (["--crop", "20"], "Expected --crop with a folder of pictures, got --crop 20"),
        (["--size", "16"], "with images of 16×16 pixels, got"),
    ],
    ids=lambda value: value[0],
)
def test_options_that_shards_do_not_take(option, problem, pictures, tmp_path, capsys):
    assert run("convert", pictures, "-o", tmp_path / "shards") == 0
    capsys.readouterr()
    assert run("train", tmp_path / "shards", "-o", tmp_path / "m", *option) == 1
    err = capsys.readouterr().err
    assert problem in err
    assert err.count("\n") == 1


def test_training_without_labels(pictures, tmp_path, capsys):
    assert run("convert", pictures / "a", "-o", tmp_path / "shards") == 0
    assert "skblood train" not in capsys.readouterr().err
    assert run("train", tmp_path / "shards", "-o", tmp_path / "m") == 1
    assert "Expected labels in the folder of shards" in capsys.readouterr().err
