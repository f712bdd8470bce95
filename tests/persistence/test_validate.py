"""Loading a damaged or malicious model file is quick and runs no code from the file.

The environment variable SKBLOOD_FUZZ sets how many modified files are tested. This
command tests 20,000 of them::

    SKBLOOD_FUZZ=20000 pytest tests/persistence -k hostile_files
"""

import copy
import gc
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
from safetensors import SafetensorError
from safetensors.numpy import load

from skblood import load_model, prediction_sets, save_model
from skblood.persistence._container import _digest

N_FILES = int(os.environ.get("SKBLOOD_FUZZ", "600"))
CLASSIFIERS = ["cnn", "fnn", "cnn on feature rows"]


# -- reading and writing the parts of a file -------------------------------------------


def parse(content):
    """Return the header of a safetensors file as a dict, and its arrays as bytes."""
    n = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + n]), content[8 + n :]


def build(header, body):
    """Return the content of a safetensors file from its header and its arrays."""
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def sign(content):
    """Return the content with a correct checksum, as an attacker can compute it."""
    header, body = parse(content)
    metadata = header["__metadata__"]
    metadata["sha256"] = _digest(metadata["skblood"], load(content))
    return build(header, body)


def edit_description(content, edit):
    """Return the content with a changed description and a correct checksum.

    `edit` is a function that changes the description, a dict, in place.
    """
    header, body = parse(content)
    description = json.loads(header["__metadata__"]["skblood"])
    edit(description)
    header["__metadata__"]["skblood"] = json.dumps(description)
    return sign(build(header, body))


def array_names(header):
    return [name for name in header if name != "__metadata__"]


def network_options(description):
    return description["fitted"]["_network"]["tuple"][1]["dict"]


# -- mutations: functions of the content of a file and a random generator --------------


def flip_bits(content, rng):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 10])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(content)


def flip_bits_and_sign(content, rng):
    """Flip bits of the description only, and correct the checksum."""
    header, body = parse(content)
    text = bytearray(header["__metadata__"]["skblood"].encode())
    for _ in range(rng.choice([1, 1, 2, 10])):
        text[rng.randrange(len(text))] ^= 1 << rng.randrange(7)
    header["__metadata__"]["skblood"] = text.decode("latin-1")
    return sign(build(header, body))


def truncate(content, rng):
    return content[: rng.randrange(len(content))]


def append(content, rng):
    return content + rng.randbytes(rng.randrange(1, 1000))


def declare_shape(content, rng):
    """Declare a very large or empty shape for an array, without its data."""
    header, body = parse(content)
    name = rng.choice(array_names(header))
    size = rng.choice([0, 1, 2**31, 2**40, 2**62, 2**64 - 1])
    shape = header[name]["shape"] or [1]
    shape[rng.randrange(len(shape))] = size
    header[name]["shape"] = shape
    if rng.random() < 0.5:
        header[name]["data_offsets"][1] = rng.choice([0, len(body), 2**63])
    return build(header, body)


def declare_dtype(content, rng):
    header, body = parse(content)
    name = rng.choice(array_names(header))
    header[name]["dtype"] = rng.choice(["F64", "BF16", "F8_E5M2", "BOOL", "X", 3])
    return build(header, body)


UNEXPECTED_VALUES = [
    *(None, True, -1, 0, 3, 1e308, 10**30, "", "x", [], {}, [[]], {"dict": {}}),
    *({"array": "none"}, {"class": "os.system"}, {"tuple": 3}, float("nan")),
    *({"class": "skblood.optimizers.Muon"}, {"array": "weights/center"}),
    *({"tuple": {"array": "weights/network.head.weight"}}, {"objects": [[1]]}),
    # In an array, NumPy reserves the length of the longest string for every string.
    *({"strings": [["A" * 50_000, *[""] * 999]]}, {"strings": ["A" * 9_000] * 20}),
    # Python's hash of each of these ints is 0, so a dict of them is very slow.
    {"items": [[i * (2**61 - 1), 0] for i in range(5_000)]},
    # Very large image shapes.
    *([10**6, 10**6, 3], {"tuple": [10**5, 10**5, 3]}, {"tuple": [1, 10**9, 1]}),
]


def change_value(description, rng):
    """Replace a random part of a description by an unexpected value."""
    parent, key, value = None, None, description
    while isinstance(value, dict | list) and value and rng.random() < 0.85:
        parent = value
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = rng.choice(list(keys))
        value = parent[key]
    if parent is not None:
        # A copy, because a later change may be inside of this value.
        parent[key] = copy.deepcopy(rng.choice(UNEXPECTED_VALUES))


def change_description(content, rng):
    def edit(description):
        for _ in range(rng.choice([1, 1, 1, 3])):
            change_value(description, rng)

    return edit_description(content, edit)


def change_network(content, rng):
    """Change the size of the network, but not its weights."""

    def edit(description):
        options = network_options(description)
        name = rng.choice(list(options))
        options[name] = rng.choice(
            [0, -1, 2, 10**3, 10**6, 10**9, 10**18, 0.5, "x", [3] * 9]
        )

    return edit_description(content, edit)


def nest_deeply(content, rng):
    """Insert deeply nested JSON, which a recursive parser cannot read."""
    header, body = parse(content)
    depth = rng.choice([100, 1_000, 10_000, 100_000])
    nested = rng.choice(["[" * depth + "]" * depth, '{"dict":' * depth + "}" * depth])
    text = header["__metadata__"]["skblood"]
    header["__metadata__"]["skblood"] = text.replace(
        '"fitted": ', f'"fitted": {nested}, "x": '
    )
    return sign(build(header, body))


def change_weights(content, rng):
    """Overwrite eight bytes of the arrays, usually with NaN."""
    header, body = parse(content)
    body = bytearray(body)
    start = rng.randrange(len(body) - 8)
    body[start : start + 8] = rng.choice([b"\xff" * 8, b"\x00\x00\xc0\x7f" * 2])
    return sign(build(header, bytes(body)))


def add_arrays(content, rng):
    """Add many empty arrays as the weights of layers, and declare as many layers."""
    header, body = parse(content)
    n = rng.choice([1, 100, 1_900, 9_000])
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [len(body), len(body)]}
    header |= {f"weights/network.x{i}": empty for i in range(n)}

    def edit(description):
        options = network_options(description)
        options[rng.choice(list(options))] = rng.choice([n, n // 12, [1] * n])

    return edit_description(build(header, body), edit)


def swap_arrays(content, rng):
    """Replace an array by another one of the file, or by its first number."""
    header, body = parse(content)
    first, second = rng.choices(array_names(header), k=2)
    header[first] = dict(header[second])
    if rng.random() < 0.5:
        start = header[first]["data_offsets"][0]
        header[first] = {
            "dtype": "F32",
            "shape": [],
            "data_offsets": [start, start + 4],
        }
    content = build(header, body)
    try:
        return sign(content)
    except SafetensorError:  # The arrays now overlap, so the checksum is not computed.
        return content


def lengthen(content, rng):
    """Put a list into the description that almost reaches a limit of its size."""

    def edit(description):
        value, n = rng.choice([(0, 300_000), ([], 28_000), ("x", 140_000)])
        parent = rng.choice([description["fitted"], description["history"]])
        parent[rng.choice(list(parent))] = [value] * n

    return edit_description(content, edit)


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


# -- the tests -------------------------------------------------------------------------


@pytest.fixture(scope="module", params=CLASSIFIERS)
def fitted_and_images(request, tiny_cnn, tiny_fnn, cells):
    """Return a fitted classifier and images in the form that it was fitted to.

    The files of the three classifiers have all kinds of content that a file can have.
    """
    X, y = cells
    names = np.array(list("abcdefgh"))[y]
    if request.param == "cnn":
        clf = tiny_cnn().partial_fit(X, y, classes=range(8)).fit_familiarity(X)
        return clf.fit_calibration(X, y), X
    if request.param == "fnn":
        return tiny_fnn(hidden_layer_sizes=(8, 8)).fit(X, names.astype(object)), X
    X = pd.DataFrame(X.mean(axis=(1, 2)), columns=["red", "green", "blue"])
    weights = {name: 1.0 + i for i, name in enumerate("abcdefgh")}
    clf = tiny_cnn(optimizer="adam", class_weight=weights)
    # The images are returned without feature names: a mutation that changes only a
    # feature name gives a valid file, whose classifier would refuse the old names.
    clf.partial_fit(X, names, classes=np.unique(names)).fit_familiarity(X)
    return clf, X.to_numpy()


@pytest.fixture(scope="module")
def maxima(record_testsuite_property):
    """Return a dict of the highest CPU time and memory, for the report in XML."""
    maxima = {"seconds": 0.0, "megabytes": 0.0}
    yield maxima
    for name, value in maxima.items():
        record_testsuite_property(f"hostile files: maximum {name}", value)


def memory(entry):
    """Return the memory of this process in MB: "VmRSS" is current, "VmHWM" the peak."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{entry}:\s+(\d+) kB", status)[1]) / 1e3


def reset_peak_memory():
    Path("/proc/self/clear_refs").write_text("5")


@pytest.fixture
def frozen_objects():
    """Keep the garbage collector from visiting the objects of earlier tests.

    A file with long lists can start a collection. Its time would grow with the number
    of all objects in the process.
    """
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("mutate", MUTATIONS)
@pytest.mark.usefixtures("frozen_objects")
def test_hostile_files(mutate, fitted_and_images, path, maxima):
    """Each modified file raises ValueError, or holds a classifier that works.

    Loading takes less than a second of CPU time and less than 1 GB of memory.
    """
    fitted, X = fitted_and_images
    save_model(fitted, path)
    original = path.read_bytes()
    rng = random.Random(mutate.__name__)
    measures_memory = Path("/proc/self/clear_refs").exists()
    for _ in range(-(-N_FILES // (len(MUTATIONS) * len(CLASSIFIERS)))):
        path.write_bytes(mutate(original, rng))
        if measures_memory:
            reset_peak_memory()
            megabytes = memory("VmRSS")
        # CPU time does not include the time in which other processes run.
        seconds = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                clf = load_model(path)
        except ValueError as error:
            clf = None
            assert str(path) in str(error)
        seconds = time.process_time() - seconds
        assert seconds < 1
        maxima["seconds"] = max(maxima["seconds"], seconds)
        if measures_memory:
            megabytes = memory("VmHWM") - megabytes
            assert megabytes < 1000
            maxima["megabytes"] = max(maxima["megabytes"], megabytes)
        if clf is not None and clf.image_shape_ == fitted.image_shape_:
            # Some mutations give a valid file, for example with another loss in the
            # history.
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                assert clf.predict_proba(X[:2]).shape == (2, 8)
                if clf.familiarity_ is not None:
                    assert clf.familiarity_.score_samples(X[:2]).shape == (2,)
                if clf.calibration_ is not None:
                    assert prediction_sets(clf, X[:2], coverage=0.5).shape == (2, 8)
                # The learning rate or the optimizer state may be too large to train
                # with, which raises an error.
                with suppress(ValueError, RuntimeError):
                    clf.partial_fit(X[:8], clf.classes_)


def test_classes_in_a_file_are_not_imported(fitted_cnn, path, tmp_path, monkeypatch):
    save_model(fitted_cnn, path)
    (tmp_path / "evil.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)

    def name_another_class(description):
        network = description["fitted"]["_network"]["tuple"]
        assert network[0] == {"class": "skblood.networks.ResidualNetwork"}
        network[0] = {"class": "evil.Network"}

    path.write_bytes(edit_description(path.read_bytes(), name_another_class))
    with pytest.raises(ValueError, match=r"evil\.Network.*not available"):
        load_model(path)
