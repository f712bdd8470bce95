"""Folders of arrays that ``skblood convert`` writes, and what is wrong with some."""

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import cross_val_score

from skblood.__main__ import main
from skblood.datasets import LazyImages, load_cell_images, open_shards

NAMES = list("abcdefgh")


@pytest.fixture
def pictures(new_cells, tmp_path):
    """Return a folder of 40 pictures in eight sub-folders."""
    folder = tmp_path / "pictures"
    for i, (image, label) in enumerate(zip(*new_cells, strict=True)):
        path = folder / NAMES[label] / f"cell{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return folder


@pytest.fixture
def shards(pictures, tmp_path):
    """Return a folder of three shards: with 16, 16 and 8 images."""
    return convert(pictures, tmp_path / "shards")


def convert(folder, output, *options):
    arguments = ["convert", folder, "-o", output, "--shard-size", 16, *options]
    assert main([str(argument) for argument in arguments]) == 0
    return output


def test_the_same_as_the_pictures_in_memory(pictures, shards):
    expected = load_cell_images(pictures, labels="names")
    found = open_shards(shards)
    assert isinstance(found.data, LazyImages)
    assert found.data.shape == (40, 28, 28, 3)
    np.testing.assert_array_equal(found.data.read(), expected.data)
    np.testing.assert_array_equal(found.target, expected.target)
    np.testing.assert_array_equal(found.filenames, expected.filenames)
    assert found.target.dtype.kind == found.filenames.dtype.kind == "U"
    assert found.target_names == expected.target_names


def test_data_and_target(shards):
    X, y = open_shards(str(shards), return_X_y=True)
    found = open_shards(shards)
    np.testing.assert_array_equal(X.read(), found.data.read())
    np.testing.assert_array_equal(y, found.target)


def test_without_labels(pictures, tmp_path):
    folder = convert(pictures / "a", tmp_path / "shards")
    found = open_shards(folder)
    assert found.target is None and found.target_names is None
    assert (
        found.filenames.tolist() == load_cell_images(pictures / "a").filenames.tolist()
    )
    assert open_shards(folder, return_X_y=True)[1] is None


def test_shuffled_images_keep_their_labels(pictures, shards, tmp_path):
    found = open_shards(
        convert(pictures, tmp_path / "mixed", "--shuffle"), block_size=8
    )
    ordered = open_shards(shards)
    assert found.data.block_size == 8
    assert found.filenames.tolist() != ordered.filenames.tolist()
    assert found.target_names == ordered.target_names
    order = [ordered.filenames.tolist().index(name) for name in found.filenames]
    np.testing.assert_array_equal(found.target, ordered.target[order])
    np.testing.assert_array_equal(found.data.read(), ordered.data.read()[order])


def test_a_classifier_trains_as_on_an_array(tiny_cnn, shards):
    X, y = open_shards(shards, return_X_y=True)
    lazy = cross_val_score(tiny_cnn(), X, y, cv=2)
    np.testing.assert_array_equal(lazy, cross_val_score(tiny_cnn(), X.read(), y, cv=2))


def test_natural_order_of_the_classes(new_cells, tmp_path):
    for name in ("slide10", "slide2"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.fromarray(new_cells[0][0]).save(tmp_path / "pictures" / name / "x.png")
    found = open_shards(convert(tmp_path / "pictures", tmp_path / "shards"))
    assert found.target_names == ["slide2", "slide10"]


# -- errors ----------------------------------------------------------------------------


def delete(name):
    return lambda folder: (folder / name).unlink()


def write(name, text):
    return lambda folder: (folder / name).write_text(text)


def remove_a_row(folder):
    lines = (folder / "files.csv").read_text().splitlines(keepends=True)
    (folder / "files.csv").write_text("".join(lines[:-1]))


def save(name, array):
    return lambda folder: np.save(folder / name, array)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (delete("files.csv"), "without it: the folder is unfinished. Delete it"),
        (delete("images-00000.npy"), "a folder without images-00000.npy. Copy"),
        (delete("images-00001.npy"), "a folder without images-00001.npy. Copy"),
        (delete("images-00002.npy"), "got 40 rows for 32 images: a shard is missing"),
        (remove_a_row, "got 39 rows for 40 images"),
        (write("files.csv", "name,class\n"), "(unexpected columns: name, class)"),
        (
            write("files.csv", "file,label\na.png\n"),
            "Expected a table with the columns",
        ),
        (write("files.csv", "file,label\na.png,b\nc\n"), "with the columns file and"),
        (write("files.csv", ""), "Expected a table with the columns file and label"),
        (write("images-00002.npy", "no"), "Expected an array in NumPy's format"),
        (
            save("images-00002.npy", np.zeros((8, 16, 16, 3), np.uint8)),
            "Expected images of shape (28, 28, 3)",
        ),
    ],
    ids=range(11),
)
def test_a_folder_that_is_not_whole(damage, problem, shards):
    damage(shards)
    with pytest.raises(ValueError) as error:
        open_shards(shards)
    assert problem in str(error.value)
    assert "images-" in str(error.value) or "files.csv" in str(error.value)


def test_arrays_of_another_kind(shards):
    for i in range(3):
        np.save(shards / f"images-{i:05}.npy", np.zeros((16, 28, 28), np.uint8))
    with pytest.raises(ValueError, match="Expected shards with colour images"):
        open_shards(shards)


def test_a_folder_of_pictures_is_no_folder_of_shards(pictures):
    with pytest.raises(ValueError, match="which has neither"):
        open_shards(pictures)


def test_folders_that_do_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a folder of shards"):
        open_shards(tmp_path / "none")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="Expected a folder, got the file"):
        open_shards(tmp_path / "file")


@pytest.mark.parametrize("arguments", [{"folder": 3}, {"return_X_y": "yes"}], ids=str)
def test_arguments_of_a_wrong_type(arguments, shards):
    with pytest.raises(TypeError, match=f"{next(iter(arguments))} must be a"):
        open_shards(**{"folder": shards} | arguments)
