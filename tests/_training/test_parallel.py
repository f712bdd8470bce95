"""One training by several processes of torch.distributed: real ones, with torchrun."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skblood import load_model

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="gloo needs a free interface"),
    # Two processes that import torch, while other tests may be running.
    pytest.mark.timeout(600),
]

HEADER = """
import json, os, pathlib, signal, sys
import numpy as np
import skorch
import torch.distributed as dist
from skblood import (
    BloodCNNClassifier, BloodFNNClassifier, load_bloodmnist_sample, save_model
)
from skblood.datasets import LazyImages

folder = pathlib.Path(sys.argv[1])
X, y = load_bloodmnist_sample("train", return_X_y=True)
X, y, X_val, y_val = X[:301], y[:301], X[-101:], y[-101:]
weights = np.arange(301) % 3
"""

SCRIPT = """
dist.init_process_group("gloo")
rank, found = dist.get_rank(), {}
options = dict(batch_size=64, device="cpu", random_state=0)
small_cnn = BloodCNNClassifier(
    width=4, depth=1, max_epochs=3, precision="float32", **options
)
fnn = BloodFNNClassifier(max_epochs=3, dropout=0.0, verbose=1, **options)


def fit(clf, name, *args, **kwargs):
    clf.fit(*args, X_val=X_val, y_val=y_val, **kwargs)
    keys = ["train_loss", "train_acc", "valid_loss", "valid_acc"]
    found[name] = {
        "history": [[epoch[key] for key in keys] for epoch in clf.history_],
        "proba": clf.predict_proba(X_val).tolist(),
    }
    save_model(clf, folder / f"{name}-{rank}.safetensors")


def refuse(name, clf, X, y):
    try:
        clf.fit(X, y)
    except ValueError as error:
        found[name] = [str(error), hasattr(clf, "classes_")]


fit(fnn, "fnn", X, y)
fit(fnn, "weighted fnn", X, y, sample_weight=weights)
fit(fnn, "lazy fnn", LazyImages(X), y)
fit(small_cnn, "cnn", X, y)
small_cnn.set_params(data_pruning=0.5)
fit(small_cnn, "pruned cnn", X, y)
found["steps"] = [epoch["train_batch_count"] for epoch in small_cnn.history_]
# The processes draw one seed for all, and stop in the same epoch.
fit(
    BloodFNNClassifier(
        max_epochs=40, early_stopping=True, n_iter_no_change=1, tol=0.02, device="cpu"
    ),
    "early stopping", X, y,
)
streaming = BloodFNNClassifier(dropout=0.0, lr=1e-3, **options)
for _ in range(2):
    streaming.partial_fit(X, y, classes=range(8))
found["streaming"] = streaming.predict_proba(X_val).tolist()

new = BloodFNNClassifier
refuse("images", new(), X[: 300 - rank], y[: 300 - rank])
refuse("labels", new(random_state=0), X, np.roll(y, rank))
refuse("parameter", new(lr=0.001 * (1 + rank)), X, y)
refuse("seed", new(), X, y)  # no error: the seed of the first process is used
refuse("batches", new(batch_size=1), X, y)
refuse("pruning", BloodCNNClassifier(batch_size=3, data_pruning=0.5), X, y)
refuse("sizes", BloodCNNClassifier(progressive_resizing=rank > 0), X, y)
(folder / f"{rank}.json").write_text(json.dumps(found))
dist.destroy_process_group()
"""

LOST = """
rank = int(sys.argv[2])
dist.init_process_group(
    "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2
)

class Die(skorch.callbacks.Callback):
    def on_batch_end(self, net, training, **kwargs):
        if rank == 1 and len(net.history) == 2:
            os.kill(os.getpid(), signal.SIGKILL)

clf = BloodFNNClassifier(max_epochs=9, callbacks=[Die()])
try:
    clf.fit(X, y)
except RuntimeError as error:
    print("error", hasattr(clf, "classes_"))
os._exit(0)
"""


def environment():
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": "lo",
        "PYTHONWARNINGS": "error::FutureWarning,error::DeprecationWarning:skblood",
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder in which two processes have written what they found."""
    folder = tmp_path_factory.mktemp("parallel")
    script = folder / "script.py"
    script.write_text(HEADER + SCRIPT)
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    process = subprocess.run(
        [sys.executable, "-m", *torchrun, script, folder],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=500,
    )
    assert process.returncode == 0, process.stderr
    (folder / "stdout.txt").write_text(process.stdout)
    return folder


@pytest.fixture(scope="module")
def found(folder):
    first, second = (json.loads((folder / f"{i}.json").read_text()) for i in range(2))
    assert first == second
    return first


@pytest.fixture(scope="module")
def data():
    from skblood import load_bloodmnist_sample

    X, y = load_bloodmnist_sample("train", return_X_y=True)
    return X[:301], y[:301], {"X_val": X[-101:], "y_val": y[-101:]}


def history_of(clf):
    keys = ["train_loss", "train_acc", "valid_loss", "valid_acc"]
    return [[epoch[key] for key in keys] for epoch in clf.history_]


@pytest.mark.parametrize("name", ["fnn", "weighted fnn"])
def test_two_processes_train_the_same_feed_forward_network(found, data, tiny_fnn, name):
    X, y, validation = data
    weights = np.arange(301) % 3 if name == "weighted fnn" else None
    clf = tiny_fnn(max_epochs=3, dropout=0.0, batch_size=64)
    clf.fit(X, y, weights, **validation)
    assert_allclose(
        found[name]["proba"], clf.predict_proba(validation["X_val"]), atol=1e-4
    )
    assert_allclose(found[name]["history"], history_of(clf), rtol=1e-4)


def test_lazy_images_give_the_same(found):
    assert found["lazy fnn"] == found["fnn"]


def test_partial_fit(found, data, tiny_fnn):
    X, y, validation = data
    clf = tiny_fnn(dropout=0.0, lr=1e-3, batch_size=64)
    for _ in range(2):
        clf.partial_fit(X, y, classes=range(8))
    assert_allclose(
        found["streaming"], clf.predict_proba(validation["X_val"]), atol=1e-4
    )


def test_two_processes_train_a_cnn(found, data, tiny_cnn):
    X, y, validation = data
    losses = [epoch[0] for epoch in found["cnn"]["history"]]
    assert losses == sorted(losses, reverse=True)
    # Batch statistics of 32 images differ from those of 64, as does the augmentation.
    clf = tiny_cnn(max_epochs=3, precision="float32", batch_size=64)
    clf.fit(X, y, **validation)
    assert_allclose(found["cnn"]["history"][0], history_of(clf)[0], rtol=0.3)


def test_the_processes_leave_out_the_same_images(found):
    # That the histories of both are equal is checked by the fixture. The first epoch
    # and the last use all images.
    first, second, last = found["steps"]
    assert second < first == last


def test_the_processes_stop_in_the_same_epoch(found):
    # That the histories of both are equal is checked by the fixture.
    assert 1 < len(found["early stopping"]["history"]) < 40


def test_only_the_first_process_writes(folder, found, data):
    files = sorted(path.name for path in folder.glob("*.safetensors"))
    names = ["cnn", "early stopping", "fnn", "lazy fnn", "pruned cnn", "weighted fnn"]
    assert files == [f"{name}-0.safetensors" for name in names]
    loaded = load_model(folder / "cnn-0.safetensors")
    _, _, validation = data
    assert_array_equal(loaded.predict_proba(validation["X_val"]), found["cnn"]["proba"])
    tables = (folder / "stdout.txt").read_text().count("train_loss")
    assert tables == 3  # all trainings of the one classifier that is verbose


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("images", "differ in the number of images: 300, 299"),
        ("labels", "differ in the labels or their order"),
        ("parameter", "differ in lr: 0.001, 0.002"),
        ("batches", "each of 2 processes, got batches of 1"),
        (
            "pruning",
            "a batch_size of at least 4 for data_pruning in 2 processes, got 3",
        ),
        ("sizes", "differ in progressive_resizing: False, True"),
    ],
)
def test_trainings_that_cannot_be_divided_are_refused(found, name, message):
    error, is_fitted = found[name]
    assert message in error
    assert not is_fitted


def test_without_random_state_the_seed_is_that_of_the_first_process(found):
    assert "seed" not in found


def test_a_lost_process_ends_the_others_with_an_error(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(HEADER + LOST)
    first, second = (
        subprocess.Popen(
            [sys.executable, script, tmp_path, str(rank)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for rank in range(2)
    )
    output, errors = first.communicate(timeout=300)
    second.communicate(timeout=300)
    assert second.returncode == -signal.SIGKILL
    assert output == "error False\n", errors
