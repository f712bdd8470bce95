"""Images from a folder: which files are read, in which order, and the errors."""

import os
import socket
import struct
import threading
import zlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from skblood import load_bloodmnist_sample, load_cell_images
from skblood.datasets._decode import (
    UnreadableImageError,
    read_cell,
    read_cells,
    read_photograph,
)
from skblood.datasets._folder import files_below


@pytest.fixture(scope="module")
def cell():
    return load_bloodmnist_sample("test").images[0]


@pytest.fixture
def folder(tmp_path, cell):
    """Return a folder of two classes; natural order differs from order by letters."""
    for kind, n in [("monocyte", 11), ("basophil", 3)]:
        (tmp_path / kind).mkdir()
        for i in range(n):
            Image.fromarray(np.full_like(cell, i)).save(tmp_path / kind / f"c{i}.png")
    return tmp_path


def save(path, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return path.parent


def test_classes_and_order(folder):
    cells = load_cell_images(folder)
    assert cells.target_names == ["basophil", "monocyte"]
    assert cells.target.tolist() == [0] * 3 + [1] * 11
    assert cells.data[:, 0, 0, 0].tolist() == [*range(3), *range(11)]
    assert cells.data.shape == (14, 28, 28, 3)
    assert cells.data.dtype == np.uint8 and cells.target.dtype == np.int64
    assert [name.replace("\\", "/") for name in cells.filenames[[0, -1]]] == [
        "basophil/c0.png",
        "monocyte/c10.png",
    ]


@pytest.mark.parametrize("n_jobs", [None, 1, 2])
def test_n_jobs_does_not_change_the_result(folder, n_jobs):
    X, y = load_cell_images(folder, return_X_y=True, n_jobs=n_jobs)
    expected = load_cell_images(folder)
    assert_array_equal(X, expected.data)
    assert_array_equal(y, expected.target)


def test_flat_folder_has_no_labels(tmp_path, cell):
    cells = load_cell_images(save(tmp_path / "cell.png", cell))
    assert cells.target is None and cells.target_names is None
    assert_array_equal(cells.data, [cell])
    assert load_cell_images(tmp_path, return_X_y=True)[1] is None


def test_labels(folder):
    numbers = load_cell_images(folder, labels="numbers")
    names = load_cell_images(folder, labels="names")
    assert_array_equal(numbers.target, load_cell_images(folder).target)
    assert names.target.dtype.kind == "U"
    assert names.target.tolist() == ["basophil"] * 3 + ["monocyte"] * 11
    assert names.target_names == numbers.target_names == ["basophil", "monocyte"]
    _, y = load_cell_images(folder, labels="names", return_X_y=True)
    assert_array_equal(y, names.target)


def test_flat_folder_has_no_names_either(tmp_path, cell):
    save(tmp_path / "cell.png", cell)
    cells = load_cell_images(tmp_path, labels="names")
    assert cells.target is None and cells.target_names is None
    assert load_cell_images(tmp_path, labels="names", return_X_y=True)[1] is None


def test_classifiers_can_be_fitted(folder, tiny_cnn):
    X, y = load_cell_images(folder, return_X_y=True)
    assert tiny_cnn().fit(X, y).predict(X).shape == y.shape


def test_sub_folders_of_a_class_and_hidden_files(tmp_path, cell):
    (tmp_path / "basophil" / "smear 2").mkdir(parents=True)
    (tmp_path / "basophil" / ".thumbnails").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "basophil" / ".DS_Store").write_text("")
    (tmp_path / "basophil" / ".thumbnails" / "a.png").write_text("")
    save(tmp_path / "basophil" / "smear 2" / "a.png", cell)
    assert_array_equal(load_cell_images(tmp_path).data, [cell])


@pytest.mark.parametrize(
    "name", ["细胞.png", "клетка 1.png", "खून.png", "a b'c\".png", "ñ\u0301.png"]
)
def test_names_in_any_script(tmp_path, cell, name):
    cells = load_cell_images(save(tmp_path / name, cell))
    assert cells.filenames.tolist() == [next(tmp_path.iterdir()).name]


# File formats and pixel formats.


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_lossless_formats(tmp_path, cell, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = tmp_path / f"cell.{suffix}"
    assert_array_equal(load_cell_images(save(path, cell, **options)).data, [cell])


def test_jpeg(tmp_path, cell):
    loaded = load_cell_images(save(tmp_path / "cell.JPG", cell, quality=95)).data[0]
    assert np.abs(loaded.astype(int) - cell).mean() < 5


@pytest.mark.parametrize("mode", ["RGBA", "CMYK"])
def test_opaque_modes_keep_the_colours(tmp_path, cell, mode):
    path = tmp_path / "cell.tif"
    assert_allclose(load_cell_images(save(path, cell, mode)).data[0], cell, atol=1)


def test_palette(tmp_path):
    pixels = np.zeros((28, 28, 3), np.uint8)
    pixels[:14] = [200, 10, 90]
    Image.fromarray(pixels).quantize(2).save(tmp_path / "cell.png")
    assert_array_equal(load_cell_images(tmp_path).data[0], pixels)


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_grey_becomes_three_equal_channels(tmp_path, mode):
    pixels = np.zeros((28, 28), np.uint8)
    pixels[:14] = 255
    loaded = load_cell_images(save(tmp_path / "cell.png", pixels, mode)).data[0]
    assert_array_equal(loaded, np.repeat(pixels[..., None], 3, axis=2))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bits(tmp_path, suffix):
    values = np.linspace(0, 65_535, 28 * 28).round().astype(np.uint16).reshape(28, 28)
    loaded = load_cell_images(save(tmp_path / f"cell.{suffix}", values)).data[0]
    assert_array_equal(loaded[..., 0], (values / 257).round())


def test_8_bits_stored_in_32(tmp_path):
    pixels = np.arange(784, dtype=np.int32).reshape(28, 28) % 256
    loaded = load_cell_images(save(tmp_path / "cell.tif", pixels)).data[0]
    assert_array_equal(loaded[..., 0], pixels)


def test_files_of_windows_are_left_out(folder):
    for place in (folder, folder / "basophil"):
        (place / "Thumbs.db").touch()
        (place / "desktop.ini").touch()
    assert len(load_cell_images(folder).data) == 14


def test_transparent_pixels_are_white(tmp_path):
    pixels = np.zeros((28, 28, 4), np.uint8)
    pixels[:14] = [200, 10, 90, 255]
    loaded = load_cell_images(save(tmp_path / "cell.png", pixels)).data[0]
    assert (loaded[:14] == [200, 10, 90]).all() and (loaded[14:] == 255).all()


def test_exif_orientation(tmp_path, cell):
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: rotate by 90 degrees clockwise to display.
    loaded = load_cell_images(save(tmp_path / "cell.png", cell, exif=exif)).data[0]
    assert_array_equal(loaded, np.rot90(cell, k=-1))


# Crop and size.


def test_crop_is_at_the_centre(tmp_path):
    pixels = np.zeros((36, 37, 3), np.uint8)
    pixels[4:32, 4:32] = 255
    cells = load_cell_images(save(tmp_path / "cell.png", pixels), crop=28)
    assert (cells.data == 255).all()


def test_the_default_crop_is_the_largest_square(tmp_path):
    pixels = np.zeros((28, 50, 3), np.uint8)
    pixels[:, 11:39] = 255
    assert (load_cell_images(save(tmp_path / "cell.png", pixels)).data == 255).all()


@pytest.mark.parametrize("size", [28, 64])
def test_size(tmp_path, size):
    pixels = np.random.default_rng(0).integers(256, size=(363, 360, 3), dtype=np.uint8)
    loaded = load_cell_images(save(tmp_path / "cell.png", pixels), size=size, crop=200)
    # The crop of MedMNIST, resized with Pillow's bicubic filter.
    square = Image.fromarray(pixels).crop((80, 81, 280, 281))
    assert_array_equal(loaded.data[0], square.resize((size, size), Image.BICUBIC))


# Files that cannot be read: the fault, and the reason in the error.


def png_of(width, height):
    """Return a PNG file that declares a size, but contains only one row."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    row = zlib.compress(bytes(1 + 3 * width))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", row)


def chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
    )


def write_truncated(path, cell):
    save(path, cell)
    path.write_bytes(path.read_bytes()[:-300])


UNREADABLE = {
    "empty": (lambda path, cell: path.write_bytes(b""), "not an image"),
    "text": (lambda path, cell: path.write_text("cells"), "not an image"),
    "truncated": (write_truncated, "truncated|broken"),
    "bomb": (lambda path, cell: path.write_bytes(png_of(10_000, 10_000)), "bomb"),
    "large bomb": (lambda path, cell: path.write_bytes(png_of(60_000, 60_000)), "bomb"),
    "smaller than the crop": (
        lambda path, cell: save(path, cell[:20, :20]),
        "the image has 20×20 pixels, which is smaller than the crop of 24×24 pixels",
    ),
    "link to itself": (lambda path, cell: path.symlink_to(path), "OSError"),
    "link to nothing": (lambda path, cell: path.symlink_to("gone"), "FileNotFound"),
}


@pytest.mark.parametrize("fault", UNREADABLE)
def test_unreadable_files_are_named(tmp_path, cell, fault):
    write, message = UNREADABLE[fault]
    save(tmp_path / "good.png", cell)
    write(tmp_path / "bad.png", cell)
    with pytest.raises(ValueError, match=rf"(?s)1 of 2 files.*bad\.png: .*{message}"):
        load_cell_images(tmp_path, crop=24)
    with pytest.warns(UserWarning, match=r"(?s)1 of 2 files.*bad\.png") as found:
        cells = load_cell_images(tmp_path, crop=24, errors="warn")
    assert [warning.filename for warning in found] == [__file__]
    assert cells.filenames.tolist() == ["good.png"]


def test_the_error_says_how_to_leave_files_out(tmp_path, cell):
    save(tmp_path / "good.png", cell)
    (tmp_path / "bad.png").touch()
    with pytest.raises(ValueError, match=r"leave them out with errors='warn'\.$"):
        load_cell_images(tmp_path)


def test_ignore_is_deprecated(tmp_path, cell):
    save(tmp_path / "good.png", cell)
    (tmp_path / "bad.png").touch()
    with pytest.warns() as found:
        cells = load_cell_images(tmp_path, errors="ignore")
    assert [warning.category for warning in found] == [FutureWarning, UserWarning]
    assert [warning.filename for warning in found] == [__file__] * 2
    assert "errors='ignore' is deprecated" in str(found[0].message)
    assert "use errors='warn'" in str(found[0].message)
    assert "1 of 2 files" in str(found[1].message)
    assert cells.filenames.tolist() == ["good.png"]


# Special files. Opening a named pipe blocks until another process opens it, too.


def call_with_timeout(function, *args, seconds=30, **kwargs):
    """Return what a function returns, raise what it raises, or fail after a time.

    The function runs in a daemon thread: if it never returns, the thread does not keep
    the process of the tests from ending.
    """
    outcome = []

    def call():
        try:
            outcome.append((function(*args, **kwargs), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, f"{function.__name__} did not return within {seconds} seconds"
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


def make_pipe(path):
    os.mkfifo(path)


def make_link_to_pipe(path):
    os.mkfifo(path.with_name(".pipe"))
    path.symlink_to(".pipe")


def make_link_to_link_to_pipe(path):
    make_link_to_pipe(path.with_name(".link"))
    path.symlink_to(".link")


def make_socket(path):
    folder = os.getcwd()
    # The path of a socket is limited to about 100 bytes: bind it by its name alone.
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(folder)


def make_link_to_device(path):
    path.symlink_to("/dev/zero")


SPECIAL_FILES = {
    "pipe": (make_pipe, "a named pipe"),
    "link to pipe": (make_link_to_pipe, "a named pipe"),
    "link to link to pipe": (make_link_to_link_to_pipe, "a named pipe"),
    "socket": (make_socket, "a socket"),
    "link to device": (make_link_to_device, "a device"),
}
needs_special_files = pytest.mark.skipif(
    not hasattr(os, "mkfifo"), reason="needs named pipes, Unix sockets and /dev/zero"
)


@needs_special_files
@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_files_cannot_be_read(folder, kind):
    make, message = SPECIAL_FILES[kind]
    make(folder / "basophil" / "special.png")
    message = rf"(?s)1 of 15 files.*special\.png: {message}, not a regular file\n"
    with pytest.raises(ValueError, match=message):
        call_with_timeout(load_cell_images, folder)
    with pytest.warns(UserWarning, match=r"special\.png"):
        cells = call_with_timeout(load_cell_images, folder, errors="warn")
    assert cells.target.tolist() == [0] * 3 + [1] * 11


@needs_special_files
def test_special_files_in_a_flat_folder(tmp_path, cell):
    save(tmp_path / "good.png", cell)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe: a named pipe, not a regular file"):
        call_with_timeout(load_cell_images, tmp_path)


@needs_special_files
@pytest.mark.parametrize("kind", SPECIAL_FILES)
def test_special_files_are_found_but_not_read(folder, kind):
    """`skblood predict` uses these functions to find and read files."""
    make, message = SPECIAL_FILES[kind]
    special = folder / "monocyte" / "special.png"
    make(special)
    paths = call_with_timeout(files_below, folder)
    assert special in paths and len(paths) == 15
    with pytest.raises(UnreadableImageError, match=f"^{message}, not a regular file$"):
        call_with_timeout(read_cell, special, size=28, crop=None)
    cells = call_with_timeout(read_cells, paths, size=28, crop=None, n_jobs=-1)
    failed = [isinstance(cell, UnreadableImageError) for cell in cells]
    assert failed == [path == special for path in paths]


def test_a_folder_cannot_be_read_as_an_image(tmp_path):
    with pytest.raises(UnreadableImageError, match="a folder, not a regular file"):
        read_cell(tmp_path, size=28, crop=None)


def test_floating_point_pixels_are_refused(tmp_path):
    save(tmp_path / "cell.tif", np.zeros((28, 28), np.float32))
    with pytest.raises(ValueError, match="floating-point"):
        load_cell_images(tmp_path)


def test_many_unreadable_files_are_counted(tmp_path):
    for i in range(15):
        (tmp_path / f"{i}.png").touch()
    with pytest.raises(ValueError, match=r"15 of 15 files(?s:.)*and 5 more"):
        load_cell_images(tmp_path, errors="warn")


def test_labels_of_unreadable_files_are_left_out(folder):
    (folder / "basophil" / "c1.png").write_text("no image")
    with pytest.warns(UserWarning):
        cells = load_cell_images(folder, errors="warn")
    assert cells.target.tolist() == [0] * 2 + [1] * 11
    assert cells.data[:, 0, 0, 0].tolist() == [0, 2, *range(11)]


def with_files_and_folders(folder):
    (folder / "notes.txt").touch()


def with_an_empty_class(folder):
    (folder / "platelet").mkdir()


def with_a_link_to_itself(folder):
    (folder / "platelet").symlink_to(folder, target_is_directory=True)


@pytest.mark.parametrize(
    "make_bad, message",
    [
        (
            with_files_and_folders,
            "got both: the sub-folder 'basophil' and the file 'notes.txt'",
        ),
        (with_an_empty_class, "platelet contains no files"),
        (with_a_link_to_itself, "platelet is a symbolic link to .*which contains it"),
    ],
)
def test_bad_folders(folder, make_bad, message):
    make_bad(folder)
    with pytest.raises(ValueError, match=message):
        load_cell_images(folder)


def test_links_below_a_class_are_not_followed(folder):
    (folder / "basophil" / "more").symlink_to(folder, target_is_directory=True)
    assert len(load_cell_images(folder).data) == 14


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"folder": 3}, TypeError, "folder must be a str .* got 3"),
        ({"folder": "nowhere"}, FileNotFoundError, "got nowhere, which does not exist"),
        ({"size": 0}, ValueError, "size must be a positive .* got 0"),
        ({"size": 28.0}, TypeError, "size must be an int, got 28.0"),
        ({"crop": -1}, ValueError, "crop must be a positive .* got -1"),
        ({"errors": "drop"}, ValueError, "one of 'raise', 'warn', got 'drop'"),
        ({"errors": None}, TypeError, "errors must be a str .*, got None"),
        ({"labels": "name"}, ValueError, "one of 'numbers', 'names', got 'name'"),
        ({"labels": 1}, TypeError, "labels must be a str .*, got 1 of type int"),
        ({"return_X_y": 1}, TypeError, "return_X_y must be a bool"),
    ],
)
def test_bad_arguments(folder, arguments, error, message):
    with pytest.raises(error, match=message):
        load_cell_images(**{"folder": folder, **arguments})


def test_folder_that_is_a_file(tmp_path, cell):
    save(tmp_path / "cell.png", cell)
    with pytest.raises(
        NotADirectoryError, match=r"Expected a folder, got the file .*cell\.png"
    ):
        load_cell_images(tmp_path / "cell.png")


def test_empty_folder(tmp_path):
    with pytest.raises(ValueError, match=r"Expected images in .*, got no files"):
        load_cell_images(tmp_path)


@pytest.fixture
def photograph():
    """Return pixels of a photograph that is not square."""
    return np.random.RandomState(0).randint(256, size=(30, 50, 3), dtype=np.uint8)


def test_a_photograph_is_read_as_it_is(tmp_path, photograph):
    save(tmp_path / "field.png", photograph)
    pixels = read_photograph(tmp_path / "field.png")
    assert pixels.dtype == np.uint8
    assert_array_equal(pixels, photograph)


def test_a_photograph_is_turned_upright(tmp_path, photograph):
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: rotate by 90 degrees clockwise to display.
    save(tmp_path / "field.png", photograph, exif=exif)
    pixels = read_photograph(tmp_path / "field.png")
    assert_array_equal(pixels, np.rot90(photograph, -1))


def test_a_grey_photograph_of_16_bits(tmp_path):
    values = np.linspace(0, 65_535, 30 * 50).reshape(30, 50).astype(np.uint16)
    save(tmp_path / "field.png", values)
    pixels = read_photograph(tmp_path / "field.png")
    assert (pixels.shape, pixels.dtype) == ((30, 50, 3), np.uint8)
    assert np.ptp(pixels, axis=2).max() == 0
    assert_allclose(pixels[..., 0], values / 257, atol=0.5)


def test_transparent_pixels_of_a_photograph_are_white(tmp_path, photograph):
    alpha = np.full((30, 50, 1), 255, dtype=np.uint8)
    alpha[:10] = 0
    save(tmp_path / "field.png", np.concatenate([photograph, alpha], axis=2))
    pixels = read_photograph(tmp_path / "field.png")
    assert pixels.shape == (30, 50, 3)
    assert (pixels[:10] == 255).all()
    assert_array_equal(pixels[10:], photograph[10:])


@pytest.mark.parametrize(
    "make_bad, reason",
    [
        (lambda path: path.write_text("not an image"), "not an image that Pillow can"),
        (lambda path: path.write_bytes(png_of(10_000, 10_000)), "at most 89,478,485"),
        (lambda path: path.mkdir(), "a folder, not a regular file"),
        (lambda path: None, "No such file"),
    ],
    ids=["text", "bomb", "folder", "missing"],
)
@pytest.mark.filterwarnings("error")
def test_photographs_that_cannot_be_read(tmp_path, make_bad, reason):
    make_bad(tmp_path / "field.png")
    with pytest.raises(UnreadableImageError, match=reason):
        read_photograph(tmp_path / "field.png")
