"""Images that stay on the disk: indexing, training, searches, pickles and errors."""

import os
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline

from skblood import assess, suggest_crop
from skblood.datasets import LazyImages
from skblood.preprocessing import CellImagePreprocessor

CHUNK = 7


def write_npy(X, folder):
    path = folder / "images.npy"
    np.save(path, X)
    return path


def write_shards(X, folder):
    paths = []
    for i, (start, stop) in enumerate([(0, 30), (30, 31), (31, len(X))]):
        paths.append(folder / f"shard{i}.npy")
        np.save(paths[-1], X[start:stop])
    return paths


def write_hdf5(X, folder, chunks=None):
    with h5py.File(folder / "images.h5", "w") as file:
        file.create_dataset("cells/images", data=X, chunks=chunks)
    return h5py.File(folder / "images.h5", "r")["cells/images"]


def write_zarr(X, folder):
    chunks = (CHUNK, *X.shape[1:])
    array = zarr.create_array(
        folder / "images.zarr", shape=X.shape, dtype=X.dtype, chunks=chunks
    )
    array[:] = X
    return array


SOURCES = {
    "npy": write_npy,
    "str": lambda X, folder: str(write_npy(X, folder)),
    "memmap": lambda X, folder: np.load(write_npy(X, folder), mmap_mode="r"),
    "view of a memmap": lambda X, folder: np.load(
        write_npy(np.repeat(X, 2, axis=0), folder), mmap_mode="r"
    )[::2],
    "ndarray": lambda X, folder: X,
    "hdf5": write_hdf5,
    "chunked hdf5": lambda X, folder: write_hdf5(X, folder, (CHUNK, *X.shape[1:])),
    "zarr": write_zarr,
    "shards": write_shards,
}
ON_DISK = [name for name in SOURCES if name != "ndarray"]


@pytest.fixture(params=SOURCES)
def source(request, cells, tmp_path):
    X, _ = cells
    return SOURCES[request.param](X, tmp_path)


@pytest.fixture
def lazy(cells, tmp_path):
    X, _ = cells
    return LazyImages(write_npy(X, tmp_path))


MASK = np.arange(80) % 3 == 0
KEYS = {
    "all": slice(None),
    "slice": slice(3, 60, 4),
    "backwards": slice(None, None, -1),
    "negative slice": slice(-5, None),
    "empty slice": slice(9, 9),
    "array": np.array([75, 3, 3, -1, 30]),
    "unsigned": np.array([31, 30, 29], np.uint8),
    "list": [5, 2],
    "empty list": [],
    "mask": MASK,
    "list of bool": MASK.tolist(),
    "ellipsis": ...,
    "rows, ...": (np.array([40, 2]), ...),
    "rows, :": (slice(10, 50), slice(None)),
    "rows, whole axes": (slice(10, 50), slice(0, 28), ..., slice(3)),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_indexing_is_that_of_numpy(source, cells, key):
    X, _ = cells
    lazy = LazyImages(source)
    part, expected = lazy[key], X[key]
    assert isinstance(part, LazyImages)
    assert part.shape == expected.shape
    assert_array_equal(np.asarray(part), expected)
    # A view of the view.
    for key_of_part in (slice(None, None, -2), np.arange(len(expected))[1:3]):
        assert_array_equal(np.asarray(part[key_of_part]), expected[key_of_part])


def test_one_image(source, cells):
    X, _ = cells
    lazy = LazyImages(source)
    for index in (0, -1, np.int64(35), np.array(30)):
        assert type(lazy[index]) is np.ndarray
        assert_array_equal(lazy[index], X[index])
    assert_array_equal(lazy[MASK][-1], X[MASK][-1])
    assert_array_equal(list(lazy[40:43]), X[40:43])


def test_attributes(source, cells):
    X, _ = cells
    lazy = LazyImages(source, block_size=None)
    assert len(lazy) == len(X)
    for name in ("shape", "dtype", "ndim", "nbytes"):
        assert getattr(lazy, name) == getattr(X, name)
    assert repr(lazy) == "LazyImages(shape=(80, 28, 28, 3), dtype=uint8)"
    assert "block_size=16" in repr(LazyImages(source, block_size=16))


def test_conversion_to_an_array(lazy, cells):
    X, _ = cells
    assert_array_equal(np.asarray(lazy, dtype=np.float32), X.astype(np.float32))
    copy = np.array(lazy)
    copy[:] = 0
    assert_array_equal(np.asarray(lazy), X)
    with pytest.raises(ValueError, match="copy=False"):
        np.asarray(lazy, copy=False)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (80, "index 80 is out of bounds for axis 0 with size 80"),
        (-81, "index -81 is out of bounds"),
        ([3, 80], "index 80 is out of bounds"),
        ([3, -81], "index -81 is out of bounds"),
        (np.ones(79, bool), "boolean index of length 80, got length 79"),
        ([0.5], "dtype float64"),
        ([[0, 1]], r"shape \(1, 2\)"),
        (None, "got an array of shape"),
        (True, "got an array of shape"),
        ("first", "got an array of shape"),
        ((3, 2), "X.rows, "),
        ((slice(None), slice(2)), "X.rows, "),
        ((slice(None),) * 5, "X.rows, "),
        ((..., 0), "X.rows, "),
    ],
    ids=str,
)
def test_bad_indices(lazy, key, message):
    with pytest.raises(IndexError, match=message):
        lazy[key]


def test_views_read_nothing(cells, tmp_path):
    X, _ = cells
    path = write_npy(X, tmp_path)
    lazy = pickle.loads(pickle.dumps(LazyImages(path)))
    path.unlink()
    part = lazy[::2][[3, 1]]
    assert part.shape == (2, 28, 28, 3)
    with pytest.raises(FileNotFoundError, match=r"images\.npy"):
        part[0]


class TestTraining:
    def test_results_are_those_of_the_array(self, tiny, source, cells, new_cells):
        (X, y), (X_new, _) = cells, new_cells
        lazy = LazyImages(source, block_size=None)
        expected = tiny(early_stopping=True).fit(X, y)
        clf = tiny(early_stopping=True).fit(lazy, y)
        assert clf.image_shape_ == (28, 28, 3)
        assert clf.n_features_in_ == 28 * 28 * 3
        assert clf.history_[-1]["valid_loss"] == expected.history_[-1]["valid_loss"]
        assert_array_equal(clf.predict_proba(X_new), expected.predict_proba(X_new))
        assert_array_equal(clf.predict_proba(lazy), expected.predict_proba(X))
        assert_array_equal(clf.transform(lazy[::3]), expected.transform(X[::3]))
        assert clf.score(lazy, y) == expected.score(X, y)

    @pytest.mark.parametrize(
        "form",
        [
            lambda X: np.moveaxis(X, 3, 1),
            lambda X: X.reshape(len(X), -1),
            lambda X: X.astype(np.float32),
            lambda X: X.astype(">i2"),
            lambda X: np.asfortranarray(X),
            lambda X: X[..., 0],
        ],
        ids=["channels first", "rows", "float32", "big endian", "Fortran", "grey"],
    )
    def test_forms_of_images(self, tiny, cells, tmp_path, form):
        X, y = cells
        images = form(X)
        lazy = LazyImages(write_npy(images, tmp_path))
        expected = tiny(max_epochs=1).fit(images, y)
        clf = tiny(max_epochs=1).fit(lazy, y)
        assert clf.image_shape_ == expected.image_shape_
        assert_array_equal(clf.predict_proba(lazy), expected.predict_proba(images))

    def test_validation_data_weights_and_partial_fit(self, tiny, lazy, cells):
        X, y = cells
        weights = np.arange(80) % 3
        fits = [
            tiny().fit(
                images, y, sample_weight=weights, X_val=images[:40], y_val=y[:40]
            )
            for images in (X, lazy)
        ]
        assert fits[0].loss_curve_ == fits[1].loss_curve_
        assert fits[0].history_[0]["valid_loss"] == fits[1].history_[0]["valid_loss"]
        steps = [
            tiny()
            .partial_fit(images, y, classes=range(8))
            .partial_fit(images[:40], y[:40])
            for images in (X, lazy)
        ]
        assert_array_equal(steps[0].predict_proba(X), steps[1].predict_proba(X))

    def test_familiarity_and_assessment(self, tiny_cnn, lazy, cells):
        X, y = cells
        clf = tiny_cnn().fit(lazy, y).fit_familiarity(lazy)
        expected = tiny_cnn().fit(X, y).fit_familiarity(X)
        found, other = assess(clf, lazy), assess(expected, X)
        assert_array_equal(found.familiarity, other.familiarity)
        assert suggest_crop(clf, lazy) == suggest_crop(expected, X)

    def test_data_pruning(self, tiny_cnn, cells, tmp_path):
        X, y = cells
        lazy = LazyImages(write_zarr(X, tmp_path))
        params = {"max_epochs": 8, "data_pruning": 0.5, "batch_size": 16}
        clf = tiny_cnn(**params).fit(lazy, y)
        assert min(epoch["train_batch_count"] for epoch in clf.history_) < 5
        lazy = LazyImages(lazy, block_size=None)
        expected = tiny_cnn(**params).fit(X, y).predict_proba(X)
        assert_array_equal(tiny_cnn(**params).fit(lazy, y).predict_proba(X), expected)


class TestSelection:
    def test_cross_validation(self, tiny, lazy, cells):
        X, y = cells
        cv = StratifiedKFold(3, shuffle=True, random_state=0)
        scores = [cross_val_score(tiny(), images, y, cv=cv) for images in (X, lazy)]
        assert_array_equal(*scores)
        proba = [
            cross_val_predict(tiny(), images, y, cv=2, method="predict_proba")
            for images in (X, lazy)
        ]
        assert_array_equal(*proba)

    @pytest.mark.parametrize(
        "name", ["npy", "memmap", "shards", "chunked hdf5", "zarr"]
    )
    def test_search_in_two_processes(self, tiny_fnn, cells, tmp_path, name):
        X, y = cells
        lazy = LazyImages(SOURCES[name](X, tmp_path), block_size=None)
        grid = {"lr": [1e-3, 1e-2]}
        scores = [
            GridSearchCV(tiny_fnn(), grid, cv=2, n_jobs=n_jobs)
            .fit(images, y)
            .cv_results_["mean_test_score"]
            for images, n_jobs in ((X, None), (lazy, 2))
        ]
        assert_array_equal(*scores)

    def test_splitting_gives_views(self, lazy, cells):
        X, y = cells
        parts = train_test_split(lazy, y, stratify=y, random_state=0)
        expected = train_test_split(X, y, stratify=y, random_state=0)
        assert isinstance(parts[0], LazyImages)
        assert_array_equal(np.asarray(parts[1]), expected[1])

    def test_pipeline(self, tiny, lazy, cells):
        X, y = cells
        for steps in (["passthrough"], [CellImagePreprocessor(size=28)]):
            pipes = [
                make_pipeline(*steps, tiny()).fit(images, y) for images in (X, lazy)
            ]
            assert_array_equal(pipes[1].predict_proba(lazy), pipes[0].predict_proba(X))


class TestBlocks:
    def train(self, tiny_cnn, source, y, **params):
        """Return the positions of the images in each batch of two epochs.

        The first pixel of each image says its position.
        """
        batches = []

        def watch(images, generator):
            batches.append(images[:, 0, 0, 0].double().numpy().copy())
            return images

        X = np.zeros((len(y), 8, 8, 1), np.float32)
        X[:, 0, 0, 0] = np.arange(len(y))
        lazy = LazyImages(source(X), **params)
        clf = tiny_cnn(augmentation=watch, batch_size=10, scaling="minmax")
        clf.fit(lazy, y)
        # Scaling maps 0 to -1, and the last position to 1.
        scaled = [(batch + 1) / 2 * (len(y) - 1) for batch in batches]
        return [np.rint(batch).astype(int) for batch in scaled]

    @pytest.fixture
    def labels(self):
        return np.arange(400) % 2

    def test_epochs_have_every_image_once_and_mix_blocks(
        self, tiny_cnn, labels, tmp_path
    ):
        batches = self.train(
            tiny_cnn, lambda X: write_npy(X, tmp_path), labels, block_size=8
        )
        first, second = batches[:40], batches[40:]
        for epoch in (first, second):
            assert_array_equal(np.sort(np.concatenate(epoch)), np.arange(400))
        blocks = [len(np.unique(batch // 8)) for batch in batches]
        assert min(blocks) >= 3
        # An epoch has 5 reads of 80 images, which are 10 blocks of 8 images. The first
        # and the last block of a read can be divided between two reads.
        for start in range(0, 40, 8):
            together = np.concatenate(first[start : start + 8])
            assert len(np.unique(together // 8)) <= 11
        assert not np.array_equal(first[0], second[0])

    def test_few_images_give_one_read(self, tiny_cnn, tmp_path):
        batches = self.train(
            tiny_cnn,
            lambda X: write_npy(X, tmp_path),
            np.arange(25) % 2,
            block_size=100,
        )
        assert_array_equal(np.sort(np.concatenate(batches[:3])), np.arange(25))

    def test_a_chunk_is_read_about_once_in_an_epoch(self, tiny_cnn, labels, tmp_path):
        reads = []

        class Counted:
            def __init__(self, array):
                self.array = array
                self.shape, self.dtype = array.shape, array.dtype
                self.chunks = (8, *array.shape[1:])

            def __getitem__(self, rows):
                reads.append(rows)
                return self.array[rows]

        clf = tiny_cnn(max_epochs=1, batch_size=10, width=1)
        X = np.random.default_rng(0).random((400, 8, 8, 1), np.float32)
        lazy = LazyImages(Counted(X))
        assert lazy.block_size == 8
        clf.fit(lazy, labels)
        n_reads = len(reads)
        reads.clear()
        clf.predict(lazy)
        # Of 50 chunks: checked and predicted.
        assert len(reads) < 3 * 50
        # In `fit`: checked, range, scaling, training, batch statistics.
        assert n_reads < 8 * 50

    def test_folds_keep_the_blocks(self, tiny, cells, tmp_path):
        X, y = cells
        lazy = LazyImages(write_zarr(X, tmp_path))
        assert lazy.block_size == lazy[::2].block_size == CHUNK
        clf = tiny(early_stopping=True).fit(lazy[::-1], y[::-1])
        assert_array_equal(clf.predict_proba(lazy), clf.predict_proba(X))

    def test_shards_do_not_share_blocks(self, cells, tmp_path):
        X, _ = cells
        lazy = LazyImages(write_shards(X, tmp_path), block_size=20)
        sizes = np.unique(lazy.block_numbers(), return_counts=True)[1]
        assert sizes.tolist() == [20, 10, 1, 20, 20, 9]

    def test_default_is_the_length_of_the_chunks(self, cells, tmp_path):
        X, _ = cells
        found = {
            name: LazyImages(write(X, tmp_path)).block_size
            for name, write in SOURCES.items()
            if name != "zarr"
        }
        assert found.pop("chunked hdf5") == CHUNK
        assert set(found.values()) == {None}

    @pytest.mark.parametrize("block_size", [0, -1, 2.5, True, "chunk"])
    def test_bad_block_size(self, cells, block_size):
        X, _ = cells
        with pytest.raises(ValueError, match="block_size to be a positive int"):
            LazyImages(X, block_size=block_size)


class TestPickles:
    @pytest.mark.parametrize("name", ON_DISK)
    def test_a_pickle_refers_to_the_files(self, cells, tmp_path, name):
        X, _ = cells
        lazy = LazyImages(SOURCES[name](X, tmp_path))
        data = pickle.dumps(lazy[::2])
        assert len(data) < 2000
        assert_array_equal(np.asarray(pickle.loads(data)), X[::2])

    def test_an_array_in_memory_is_pickled(self, cells):
        X, _ = cells
        copy = pickle.loads(pickle.dumps(LazyImages(X.copy())))
        assert_array_equal(np.asarray(copy), X)

    def test_changes_of_a_copied_memmap_are_pickled(self, cells, tmp_path):
        X, _ = cells
        mapped = np.load(write_npy(X, tmp_path), mmap_mode="c")
        mapped[0] = 7
        copy = pickle.loads(pickle.dumps(LazyImages(mapped)))
        assert_array_equal(copy[0], np.full((28, 28, 3), 7))

    @pytest.mark.parametrize("backwards", [False, True])
    def test_views_of_a_memmap(self, cells, tmp_path, backwards):
        X, _ = cells
        mapped = np.load(write_npy(X, tmp_path), mmap_mode="r")
        key = (slice(50, 10, -3) if backwards else slice(10, 50, 3), slice(4, 20))
        lazy = LazyImages(np.asarray(mapped)[key])
        data = pickle.dumps(lazy)
        assert len(data) < 2000
        assert_array_equal(np.asarray(pickle.loads(data)), X[key])

    @pytest.mark.parametrize("name", ["npy", "memmap", "hdf5", "shards"])
    def test_moved_files(self, cells, tmp_path, name):
        X, _ = cells
        source = SOURCES[name](X, tmp_path)
        data = pickle.dumps(LazyImages(source))
        if name == "hdf5":
            source.file.close()
        for path in tmp_path.iterdir():
            path.rename(path.with_suffix(".moved"))
        moved = pickle.loads(data)
        with pytest.raises(FileNotFoundError, match=r"(images|shard0)\.(npy|h5)"):
            np.asarray(moved)

    def test_changed_files(self, cells, tmp_path):
        X, _ = cells
        data = pickle.dumps(LazyImages(write_npy(X, tmp_path)))
        mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
        data_of_memmap = pickle.dumps(LazyImages(mapped))
        del mapped
        (tmp_path / "images.npy").unlink()
        write_npy(X[:9], tmp_path)
        with pytest.raises(ValueError, match=r"\(80, 28, 28, 3\).*images.*\(9, 28, 28"):
            np.asarray(pickle.loads(data))
        with pytest.raises(ValueError, match=r"Expected \d+ bytes in .*images\.npy"):
            np.asarray(pickle.loads(data_of_memmap))

    def test_missing_hdf5_data_set(self, cells, tmp_path):
        X, _ = cells
        dataset = write_hdf5(X, tmp_path)
        data = pickle.dumps(LazyImages(dataset))
        dataset.file.close()
        h5py.File(tmp_path / "images.h5", "w").close()
        with pytest.raises(KeyError, match=r"cells/images of the file .*images\.h5"):
            np.asarray(pickle.loads(data))


class TestBadSources:
    @pytest.mark.parametrize(
        ("shard", "message"),
        [
            (np.zeros((5, 28, 28, 1), np.uint8), r"got shape \(28, 28, 1\)"),
            (np.zeros((5, 28, 28, 3), np.int16), "and dtype int16"),
        ],
    )
    def test_shards_that_differ(self, cells, tmp_path, shard, message):
        X, _ = cells
        np.save(tmp_path / "other.npy", shard)
        shards = [write_npy(X, tmp_path), tmp_path / "other.npy"]
        with pytest.raises(ValueError, match=message) as caught:
            LazyImages(shards)
        assert f"shard 1 (the file {shards[1]})" in str(caught.value)
        assert f"shard 0 (the file {shards[0]})" in str(caught.value)

    def test_missing_file(self, tmp_path):
        with pytest.raises(
            FileNotFoundError, match=r"nowhere\.npy, which does not exist"
        ):
            LazyImages(tmp_path / "nowhere.npy")
        with pytest.raises(FileNotFoundError, match="is not a file"):
            LazyImages(tmp_path)

    @pytest.mark.parametrize("content", [b"label,path\n1,cell.png\n", b""])
    def test_other_files(self, tmp_path, content):
        path = tmp_path / "cells.csv"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"format \.npy in the file .*cells\.csv"):
            LazyImages(path)

    def test_truncated_file(self, cells, tmp_path):
        X, _ = cells
        path = write_npy(X, tmp_path)
        os.truncate(path, 1000)
        with pytest.raises(ValueError, match=r"images\.npy: mmap length"):
            LazyImages(path)

    @pytest.mark.parametrize("shape", [(5,), (2, 2, 2, 2, 3)])
    def test_wrong_number_of_dimensions(self, tmp_path, shape):
        path = write_npy(np.zeros(shape), tmp_path)
        with pytest.raises(
            ValueError, match=r"got shape \(.* in the file .*images\.npy"
        ):
            LazyImages(path)

    @pytest.mark.parametrize("dtype", [complex, "U3", "datetime64[s]"])
    def test_wrong_dtype(self, tmp_path, dtype):
        path = write_npy(np.zeros((5, 4), dtype), tmp_path)
        with pytest.raises(ValueError, match="Expected images of a numeric dtype"):
            LazyImages(path)

    def test_wrong_types(self):
        for source in (None, 3, {"images": 1}, [[1, 2]]):
            with pytest.raises(TypeError, match=r"Expected the path of a \.npy file"):
                LazyImages(source)
        with pytest.raises(ValueError, match="at least one shard, got an empty list"):
            LazyImages([])

    def test_closed_hdf5_file(self, cells, tmp_path):
        X, _ = cells
        dataset = write_hdf5(X, tmp_path)
        lazy = LazyImages(dataset)
        dataset.file.close()
        with pytest.raises(ValueError, match=r"images\.h5 was closed"):
            lazy[0]

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_values_that_are_not_finite(self, tiny, cells, value):
        X, y = cells
        X = X.astype(np.float32)
        X[70, 1, 2, 0] = value
        messages = []
        for images in (X, LazyImages(X)):
            with pytest.raises(ValueError, match="contains") as caught:
                tiny().fit(images, y)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]

    def test_errors_of_the_classifiers_are_those_for_arrays(self, fitted, tiny, cells):
        X, y = cells
        cases = [
            (lambda images: tiny().fit(images, y[:-1]), X),
            (lambda images: tiny().fit(images[:0], y[:0]), X),
            (lambda images: tiny(image_shape=(28, 28)).fit(images, y), X),
            (lambda images: tiny().fit(images, y), X[..., :2]),
            (fitted.predict, X[:, :20]),
            (fitted.predict, X[0]),
            (fitted.predict, X.reshape(len(X), -1)[:, :-1]),
        ]
        for call, images in cases:
            messages = []
            for form in (images, LazyImages(images)):
                with pytest.raises(ValueError) as caught:
                    call(form)
                messages.append(str(caught.value))
            assert messages[0] == messages[1]


SEARCH = """
import resource, sys
import numpy as np
from sklearn.model_selection import cross_val_score
from skblood import BloodFNNClassifier
from skblood.datasets import LazyImages

path, kind, n_free_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
X = np.load(path, mmap_mode="r")
y = np.arange(len(X)) % 2
clf = BloodFNNClassifier(
    hidden_layer_sizes=(8,), max_epochs=1, batch_size=256, scaling="minmax",
    device="cpu", random_state=0,
)
# torch and scikit-learn load everything that they need.
cross_val_score(clf, X[:2000], y[:2000], cv=5)
with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) for line in status if line.startswith("VmData"))
limit = 1024 * used + n_free_bytes
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
if kind == "lazy":
    X = LazyImages(path)
print(cross_val_score(clf, X, y, cv=5, error_score="raise").round(2).tolist())
"""


@pytest.mark.skipif(
    sys.platform != "linux",
    reason="only Linux limits private memory without that of mapped files",
)
class TestMemory:
    """A search with five folds of 240 MB each, in a process with 128 MB to spare.

    RLIMIT_DATA limits the private memory of a process. The pages of a memory-mapped
    file do not count: the system can drop them at any time.
    """

    N_FREE_BYTES = 128 * 2**20

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "images.npy"
        # The file has holes, and takes almost no space on the disk.
        images = np.lib.format.open_memmap(path, "w+", np.uint8, (100_000, 32, 32, 3))
        images[::1000] = 255
        assert images.nbytes * 4 // 5 > 1.8 * self.N_FREE_BYTES
        return path

    def search(self, path, kind):
        command = [sys.executable, "-W", "ignore", "-c", SEARCH, path, kind]
        command += [str(self.N_FREE_BYTES)]
        return subprocess.run(command, capture_output=True, text=True)

    def test_folds_of_a_memmap_do_not_fit(self, path):
        done = self.search(path, "memmap")
        assert done.returncode == 1
        assert "MemoryError: Unable to allocate 234. MiB" in done.stderr

    def test_folds_of_lazy_images_take_no_memory(self, path):
        done = self.search(path, "lazy")
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == "[0.5, 0.5, 0.5, 0.5, 0.5]"


def test_hdf5_and_zarr_are_not_imported(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((4, 8, 8), np.uint8))
    code = (
        "import sys; from skblood.datasets import LazyImages; "
        "LazyImages(sys.argv[1])[1]; "
        "print({'h5py', 'zarr', 'torch'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "images.npy")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
