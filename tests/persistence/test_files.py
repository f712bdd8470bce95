"""Files of fitted classifiers: what comes back, and what hostile ones can do."""

import copy
import json
import os
import random
import re
import struct
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal
from safetensors import SafetensorError
from safetensors.numpy import load, save
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

from skblood import load_model, load_pretrained, save_model
from skblood._runtime.hardware import available_devices
from skblood.persistence._container import _digest
from skblood.preprocessing import CellImagePreprocessor

# In CI; `SKBLOOD_FUZZ=20000` is the full measure.
N_MUTATIONS = int(os.environ.get("SKBLOOD_FUZZ", "600"))


class OwnNetwork(nn.Sequential):
    def __init__(self, image_shape, n_classes):
        super().__init__(nn.Flatten(), nn.Linear(np.prod(image_shape), n_classes))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cells.safetensors"


def after_a_round_trip(clf, path, **options):
    save_model(clf, path)
    return load_model(path, **options)


# -- the round trip --------------------------------------------------------------------


def test_predictions_are_the_same_bit_for_bit(fitted, new_cells, path):
    loaded = after_a_round_trip(fitted, path)
    X, _ = new_cells
    assert type(loaded) is type(fitted)
    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(loaded.transform(X), fitted.transform(X))


def assert_same(a, b, where=""):
    """Compare nests of containers, of types too."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert set(a) == set(b), where
        for key in a:
            assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, pair in enumerate(zip(a, b, strict=True)):
            assert_same(*pair, f"{where}/{i}")
    elif isinstance(a, np.ndarray):
        assert a.dtype.kind == b.dtype.kind, where
        assert_array_equal(a, b, err_msg=where)
    else:
        assert a == b, where


def test_everything_else_is_the_same(fitted, path):
    loaded = after_a_round_trip(fitted, path)
    assert_same(loaded.__getstate__(), fitted.__getstate__())


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["basophil", "erythroblast"]),
        np.array(["basophil", "erythroblast"], dtype=object),
        np.array([False, True]),
        np.array([-3, 10**12]),
        np.array([0.0, 1.0]),
        np.array([3, 9], dtype=">i8"),
    ],
    ids=["str", "object", "bool", "int", "float", "big-endian"],
)
def test_labels(tiny, cells, path, labels):
    X, y = cells
    clf = tiny().fit(X, labels[y % 2])
    loaded = after_a_round_trip(clf, path)
    assert loaded.classes_.dtype == clf.classes_.dtype.newbyteorder("=")
    assert_array_equal(loaded.predict(X), clf.predict(X))


def test_strips_and_feature_names(tiny, cells, path):
    X = pd.DataFrame(cells[0].mean(axis=(1, 2)), columns=["red", "green", "blue"])
    clf = tiny(class_weight={i: 1.0 + i for i in range(8)}).fit(X, cells[1])
    loaded = after_a_round_trip(clf, path)
    assert_array_equal(loaded.feature_names_in_, clf.feature_names_in_)
    assert loaded.class_weight == clf.class_weight
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_a_stream_goes_on(tiny, cells, path):
    clf = tiny(lr=0.01).partial_fit(*cells, classes=np.arange(8))
    loaded = after_a_round_trip(clf, path)
    loaded.partial_fit(*cells)
    clf.partial_fit(*cells)
    assert_array_equal(loaded.predict_proba(cells[0]), clf.predict_proba(cells[0]))


def test_little_is_stored_beside_the_weights(path):
    clf = load_pretrained()
    save_model(clf, path)
    n_bytes = sum(w.nbytes for w in clf.net_.module_.state_dict().values())
    assert path.stat().st_size < 1.05 * n_bytes


def test_half_precision(fitted_cnn, new_cells, path):
    save_model(fitted_cnn, path)
    whole = path.stat().st_size
    save_model(fitted_cnn, path, half_precision=True)
    assert path.stat().st_size < whole
    np.testing.assert_allclose(
        load_model(path).predict_proba(new_cells[0]),
        fitted_cnn.predict_proba(new_cells[0]),
        atol=0.01,
    )


def test_half_precision_leaves_the_scaling_of_pixels(tiny_cnn, cells, path):
    X, y = cells
    # As a camera of 16 bits may have them: hardly anything apart, far from zero.
    X = 60_000 + X.astype(np.float32) / 10
    clf = tiny_cnn(max_epochs=10).fit(X, y)
    save_model(clf, path, half_precision=True)
    np.testing.assert_allclose(
        load_model(path).predict_proba(X), clf.predict_proba(X), atol=0.02
    )


def test_set_output_comes_along(fitted, cells, path):
    clf = copy.deepcopy(fitted).set_output(transform="pandas")
    X, _ = cells
    assert isinstance(after_a_round_trip(clf, path).transform(X), pd.DataFrame)


def test_what_others_put_on_it_is_left_out_with_a_warning(fitted, path):
    clf = copy.deepcopy(fitted)
    clf.remark = "ours"
    with pytest.warns(UserWarning, match="remark='ours' is not saved"):
        save_model(clf, path)
    assert not hasattr(load_model(path), "remark")


def test_half_precision_spares_what_it_cannot_hold(tiny_cnn, cells, path):
    clf = tiny_cnn().fit(*cells)
    head = clf.net_.module_.network.head
    head.weight.data.fill_(1e6)
    save_model(clf, path, half_precision=True)
    restored = load_model(path).net_.module_.network.head
    assert_array_equal(restored.weight.detach(), head.weight.detach())


def test_own_classes_are_named_and_refused_unless_given(tiny_cnn, cells, path):
    clf = tiny_cnn(architecture=OwnNetwork).fit(*cells)
    save_model(clf, path)
    with pytest.raises(ValueError, match=r"OwnNetwork.*not available"):
        load_model(path)
    for given in ([OwnNetwork], {f"{__name__}.OwnNetwork": OwnNetwork}):
        loaded = load_model(path, custom_classes=given)
        assert_array_equal(loaded.predict_proba(cells[0]), clf.predict_proba(cells[0]))
    with pytest.raises(TypeError, match=r"got the class OwnNetwork\. Pass \[OwnNetwork\]"):
        load_model(path, custom_classes=OwnNetwork)


def test_what_is_code_is_left_out_with_a_warning(tiny_cnn, cells, path):
    clf = tiny_cnn(augmentation=lambda images, generator: images).fit(*cells)
    with pytest.warns(UserWarning, match="augmentation=.*is not saved"):
        save_model(clf, path)
    with pytest.warns(UserWarning, match="default values: augmentation"):
        assert load_model(path).augmentation == "auto"


def test_a_generator_is_left_out_with_a_warning(tiny, cells, path):
    clf = tiny(random_state=np.random.RandomState(0)).fit(*cells)
    with pytest.warns(UserWarning, match="random_state=.*is not saved"):
        save_model(clf, path)
    with pytest.warns(UserWarning, match="default values: random_state"):
        assert load_model(path).random_state is None


def test_another_version_warns_until_it_is_trained_again(fitted, cells, path):
    save_model(fitted, path)
    describe(
        path,
        lambda document: document["fitted"]["_versions"]["dict"].update(torch="1.0.0"),
    )
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"saved with torch 1\.0\.0 \(now "):
            clf = load_model(path)
        save_model(clf, path)
    save_model(clf.partial_fit(*cells), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_model(path)


def test_the_same_versions_do_not_warn(fitted, path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        after_a_round_trip(fitted, path)


def test_the_file_appears_whole(fitted, path, monkeypatch):
    save_model(fitted, path)
    before = path.read_bytes()

    def fail(source, target):
        raise OSError("no more")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no more"):
        save_model(fitted, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_model_of_a_gpu_opens_without_one(fitted, new_cells, path):
    save_model(fitted, path)
    describe(path, lambda document: document["fitted"].update(device_="cuda:99"))
    loaded = load_model(path)
    X, _ = new_cells
    assert loaded.device_ == available_devices()[-1]
    np.testing.assert_allclose(
        loaded.predict_proba(X), fitted.predict_proba(X), rtol=1e-5
    )


def test_a_pipeline_goes_through_skops(tiny_cnn, cells, path):
    X, y = cells
    pipeline = make_pipeline(CellImagePreprocessor(), tiny_cnn()).fit(X, y)
    skops.io.dump(pipeline, path)
    trusted = [
        "skblood.cnn.BloodCNNClassifier",
        "skblood.networks.ResidualNetwork",
        "skblood.preprocessing.CellImagePreprocessor",
    ]
    assert skops.io.get_untrusted_types(file=path) == trusted
    loaded = skops.io.load(path, trusted=trusted)
    assert_array_equal(loaded.predict_proba(X), pipeline.predict_proba(X))


# -- wrong arguments -------------------------------------------------------------------


def test_only_our_classifiers(fitted, path):
    with pytest.raises(TypeError, match=r"got a Pipeline.*skops"):
        save_model(make_pipeline(fitted), path)


def test_only_fitted_ones(tiny, path):
    with pytest.raises(NotFittedError):
        save_model(tiny(), path)
    assert not path.exists()


def test_parameters_that_could_not_be_loaded_are_not_saved(fitted, path):
    changed = copy.deepcopy(fitted).set_params(lr=-1)
    with pytest.raises(ValueError, match="'lr' parameter"):
        save_model(changed, path)
    assert not path.exists()


def test_a_description_that_could_not_be_read_is_not_saved(fitted, path):
    changed = copy.deepcopy(fitted)
    changed.history_ = changed.history_ * 20_000
    with pytest.raises(ValueError, match="more than the 1,048,576 that are allowed"):
        save_model(changed, path)
    assert not path.exists()


def test_weights_that_could_not_be_loaded_are_not_saved(fitted_cnn, path):
    changed = copy.deepcopy(fitted_cnn)
    changed.net_.module_.network.head.bias.data[0] = np.nan
    with pytest.raises(ValueError, match=r"cannot be saved.*head\.bias must be finite"):
        save_model(changed, path)
    assert not path.exists()


def test_missing_file(path):
    with pytest.raises(FileNotFoundError):
        load_model(path)


def test_missing_folder(fitted, tmp_path):
    with pytest.raises(FileNotFoundError):
        save_model(fitted, tmp_path / "none" / "cells.safetensors")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n", save({"a": np.ones(3)})],
    ids=["empty", "picture", "other weights"],
)
def test_other_files(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cells\.safetensors cannot be loaded"):
        load_model(path)


# -- hostile files ---------------------------------------------------------------------


def read(content):
    """Return the header of a file as a dict, and its arrays' bytes."""
    n = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + n]), content[8 + n :]


def write(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def describe(path, change):
    """Let a function change the description in a file."""
    header, body = read(path.read_bytes())
    document = json.loads(header["__metadata__"]["skblood"])
    change(document)
    header["__metadata__"]["skblood"] = json.dumps(document)
    path.write_bytes(sign(write(header, body)))


def sign(content):
    """Give a file the checksum that its present content asks for."""
    header, body = read(content)
    metadata = header["__metadata__"]
    metadata["sha256"] = _digest(metadata["skblood"], load(content))
    return write(header, body)


def sign_if_readable(content):
    try:
        return sign(content)
    except SafetensorError:
        return content


def flip_bits(content, moment):
    content = bytearray(content)
    for _ in range(moment.choice([1, 1, 2, 10])):
        content[moment.randrange(len(content))] ^= 1 << moment.randrange(8)
    return bytes(content)


def flip_bits_and_sign(content, moment):
    """Change the description by some bits, if it is JSON still."""
    header, body = read(content)
    text = bytearray(header["__metadata__"]["skblood"].encode())
    for _ in range(moment.choice([1, 1, 2, 10])):
        text[moment.randrange(len(text))] ^= 1 << moment.randrange(7)
    header["__metadata__"]["skblood"] = text.decode("latin-1")
    return sign(write(header, body))


def truncate(content, moment):
    return content[: moment.randrange(len(content))]


def append(content, moment):
    return content + moment.randbytes(moment.randrange(1, 1000))


def declare_shape(content, moment):
    header, body = read(content)
    name = moment.choice([name for name in header if name != "__metadata__"])
    huge = moment.choice([0, 1, 2**31, 2**40, 2**62, 2**64 - 1])
    shape = header[name]["shape"] or [1]
    shape[moment.randrange(len(shape))] = huge
    header[name]["shape"] = shape
    if moment.random() < 0.5:
        header[name]["data_offsets"][1] = moment.choice([0, len(body), 2**63])
    return write(header, body)


def declare_dtype(content, moment):
    header, body = read(content)
    name = moment.choice([name for name in header if name != "__metadata__"])
    header[name]["dtype"] = moment.choice(["F64", "BF16", "F8_E5M2", "BOOL", "X", 3])
    return write(header, body)


STRANGE = [None, True, -1, 0, 3, 1e308, 10**30, "", "x", [], {}, [[]], {"dict": {}}]
STRANGE += [{"array": "none"}, {"class": "os.system"}, {"tuple": 3}, float("nan")]
STRANGE += [{"class": "skblood.optimizers.Muon"}, {"array": "weights/center"}]
STRANGE += [{"tuple": {"array": "weights/network.head.weight"}}, {"objects": [[1]]}]
STRANGE += [{"strings": [["A" * 50_000, *[""] * 999]]}, {"strings": ["A" * 9_000] * 20}]
STRANGE += [{"items": [[i * (2**61 - 1), 0] for i in range(5_000)]}]
STRANGE += [[10**6, 10**6, 3], {"tuple": [10**5, 10**5, 3]}, {"tuple": [1, 10**9, 1]}]


def change_value(document, moment):
    """Put something strange in the place of a random part of a document."""
    place, key, value = None, None, document
    while isinstance(value, dict | list) and value and moment.random() < 0.85:
        place = value
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = moment.choice(list(keys))
        value = place[key]
    if place is not None:
        # A copy: a later change may be within it.
        place[key] = copy.deepcopy(moment.choice(STRANGE))


def change_description(content, moment):
    header, body = read(content)
    document = json.loads(header["__metadata__"]["skblood"])
    for _ in range(moment.choice([1, 1, 1, 3])):
        change_value(document, moment)
    header["__metadata__"]["skblood"] = json.dumps(document)
    return sign(write(header, body))


def change_network(content, moment):
    """Ask for a network of another size."""
    header, body = read(content)
    document = json.loads(header["__metadata__"]["skblood"])
    options = document["fitted"]["_network"]["tuple"][1]["dict"]
    option = moment.choice(list(options))
    options[option] = moment.choice(
        [0, -1, 2, 10**3, 10**6, 10**9, 10**18, 0.5, "x", [3] * 9]
    )
    header["__metadata__"]["skblood"] = json.dumps(document)
    return sign(write(header, body))


def nest_deeply(content, moment):
    header, body = read(content)
    depth = moment.choice([100, 1_000, 10_000, 100_000])
    nested = moment.choice(
        ["[" * depth + "]" * depth, '{"dict":' * depth + "}" * depth]
    )
    document = header["__metadata__"]["skblood"]
    header["__metadata__"]["skblood"] = document.replace(
        '"fitted": ', f'"fitted": {nested}, "x": '
    )
    return sign(write(header, body))


def change_weights(content, moment):
    header, body = read(content)
    body = bytearray(body)
    start = moment.randrange(len(body) - 8)
    body[start : start + 8] = moment.choice([b"\xff" * 8, b"\x00\x00\xc0\x7f" * 2])
    return sign(write(header, bytes(body)))


def add_arrays(content, moment):
    """Declare many arrays without anything in them, and say there are many layers."""
    header, body = read(content)
    document = json.loads(header["__metadata__"]["skblood"])
    n = moment.choice([1, 100, 1_900, 9_000])
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [len(body), len(body)]}
    header |= {f"weights/network.x{i}": empty for i in range(n)}
    options = document["fitted"]["_network"]["tuple"][1]["dict"]
    options[moment.choice(list(options))] = moment.choice([n, n // 12, [1] * n])
    header["__metadata__"]["skblood"] = json.dumps(document)
    return sign(write(header, body))


def swap_arrays(content, moment):
    """Let an array be of another's shape and type, or nothing but a number."""
    header, body = read(content)
    names = [name for name in header if name != "__metadata__"]
    first, second = moment.choices(names, k=2)
    header[first] = dict(header[second])
    if moment.random() < 0.5:
        start = header[first]["data_offsets"][0]
        header[first] = {
            "dtype": "F32",
            "shape": [],
            "data_offsets": [start, start + 4],
        }
    return sign_if_readable(write(header, body))


def lengthen(content, moment):
    """Fill the description with as many values as a file may have."""
    header, body = read(content)
    document = json.loads(header["__metadata__"]["skblood"])
    value, n = moment.choice([(0, 300_000), ([], 28_000), ("x", 140_000)])
    place = moment.choice([document["fitted"], document["history"]])
    place[moment.choice(list(place))] = [value] * n
    header["__metadata__"]["skblood"] = json.dumps(document)
    return sign(write(header, body))


MUTATIONS = [
    flip_bits,
    flip_bits_and_sign,
    truncate,
    append,
    declare_shape,
    declare_dtype,
    change_description,
    change_network,
    nest_deeply,
    change_weights,
    add_arrays,
    swap_arrays,
    lengthen,
]


@pytest.fixture(scope="module")
def worst(record_testsuite_property):
    """Collect the most that any mutation took, for the report in XML."""
    worst = {"seconds": 0.0, "megabytes": 0.0}
    yield worst
    for name, value in worst.items():
        record_testsuite_property(f"hostile files: most {name}", value)


def memory(entry):
    """Return this process's memory now ("VmRSS") or at its highest ("VmHWM"), in MB."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{entry}:\s+(\d+) kB", status)[1]) / 1e3


def forget_the_highest():
    Path("/proc/self/clear_refs").write_text("5")


@pytest.fixture(scope="module", params=["images", "stream of strips", "network"])
def hostile_seed(request, tiny_cnn, tiny_fnn, cells):
    """Return a classifier, and images: together they have all that a file can hold."""
    X, y = cells
    names = np.array(list("abcdefgh"))[y]
    if request.param == "images":
        return tiny_cnn().partial_fit(X, y, classes=range(8)), X
    if request.param == "network":
        return tiny_fnn(hidden_layer_sizes=(8, 8)).fit(X, names.astype(object)), X
    X = pd.DataFrame(X.mean(axis=(1, 2)), columns=["red", "green", "blue"])
    weights = {name: 1.0 + i for i, name in enumerate("abcdefgh")}
    clf = tiny_cnn(optimizer="adam", class_weight=weights)
    # A changed name of a feature would be refused, were the features named later too.
    return clf.partial_fit(X, names, classes=np.unique(names)), X.to_numpy()


@pytest.mark.parametrize("mutate", MUTATIONS)
def test_hostile_files(mutate, hostile_seed, path, worst):
    """Each is refused by a ValueError, soon and in little memory, or is harmless."""
    fitted, X = hostile_seed
    save_model(fitted, path)
    original = path.read_bytes()
    moment = random.Random(mutate.__name__)
    measures_memory = Path("/proc/self/clear_refs").exists()
    for _ in range(-(-N_MUTATIONS // len(MUTATIONS) // 3)):
        path.write_bytes(mutate(original, moment))
        if measures_memory:
            forget_the_highest()
            megabytes = memory("VmRSS")
        seconds = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                clf = load_model(path)
        except ValueError as error:
            clf = None
            assert str(path) in str(error)
        seconds = time.process_time() - seconds
        # Of the processor, not of the clock, so that what runs beside does not count.
        assert seconds < 1
        worst["seconds"] = max(worst["seconds"], seconds)
        if measures_memory:
            megabytes = memory("VmHWM") - megabytes
            assert megabytes < 1000
            worst["megabytes"] = max(worst["megabytes"], megabytes)
        if clf is not None and clf.image_shape_ == fitted.image_shape_:
            # A signed change of, say, a loss in the history leaves a model.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert clf.predict_proba(X[:2]).shape == (2, 8)
                # A learning rate, or averages, may be too wild to learn with.
                with suppress(ValueError, RuntimeError):
                    clf.partial_fit(X[:8], clf.classes_)


def test_no_code_is_run(fitted_cnn, path, tmp_path, monkeypatch):
    """A class that is named but not given is not even imported."""
    save_model(fitted_cnn, path)
    (tmp_path / "evil.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)

    def name_another_class(document):
        network = document["fitted"]["_network"]["tuple"]
        assert network[0] == {"class": "skblood.networks.ResidualNetwork"}
        network[0] = {"class": "evil.Network"}

    describe(path, name_another_class)
    with pytest.raises(ValueError, match=r"evil\.Network.*not available"):
        load_model(path)
