"""Model files: what `load_model` restores, and what `save_model` refuses or omits."""

import copy
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_array_equal
from safetensors.numpy import save
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from torch import nn

from skblood import load_model, load_pretrained, save_model
from skblood._runtime.hardware import available_devices
from skblood.preprocessing import CellImagePreprocessor


class CustomNetwork(nn.Sequential):
    def __init__(self, image_shape, n_classes):
        super().__init__(nn.Flatten(), nn.Linear(np.prod(image_shape), n_classes))


def save_and_load(clf, path):
    save_model(clf, path)
    return load_model(path)


# -- what a file restores --------------------------------------------------------------


def test_predictions_and_embeddings_are_identical(fitted, new_cells, path):
    loaded = save_and_load(fitted, path)
    X, _ = new_cells
    assert type(loaded) is type(fitted)
    assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert_array_equal(loaded.transform(X), fitted.transform(X))


def assert_same(a, b, where=""):
    """Compare nested dicts, lists, tuples and arrays, including all types."""
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


def test_the_whole_state_is_identical(fitted, path):
    loaded = save_and_load(fitted, path)
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
def test_labels_keep_their_dtype(tiny, cells, path, labels):
    X, y = cells
    clf = tiny().fit(X, labels[y % 2])
    loaded = save_and_load(clf, path)
    assert loaded.classes_.dtype == clf.classes_.dtype.newbyteorder("=")
    assert_array_equal(loaded.predict(X), clf.predict(X))


def test_tabular_input_with_feature_names(tiny, cells, path):
    X = pd.DataFrame(cells[0].mean(axis=(1, 2)), columns=["red", "green", "blue"])
    clf = tiny(class_weight={i: 1.0 + i for i in range(8)}).fit(X, cells[1])
    loaded = save_and_load(clf, path)
    assert_array_equal(loaded.feature_names_in_, clf.feature_names_in_)
    assert loaded.class_weight == clf.class_weight
    assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


def test_partial_fit_continues_from_the_optimizer_state(tiny, cells, path):
    clf = tiny(lr=0.01).partial_fit(*cells, classes=np.arange(8))
    loaded = save_and_load(clf, path)
    loaded.partial_fit(*cells)
    clf.partial_fit(*cells)
    assert_array_equal(loaded.predict_proba(cells[0]), clf.predict_proba(cells[0]))


def test_files_are_hardly_larger_than_the_weights(path):
    clf = load_pretrained()
    save_model(clf, path)
    size = path.stat().st_size
    n_bytes = sum(w.nbytes for w in clf.net_.module_.state_dict().values())
    # Two bytes for the score of each calibration image, and a description.
    n_of_calibration = 2 * len(clf.calibration_.scores) + 500
    clf.calibration_ = None
    save_model(clf, path)
    assert path.stat().st_size < 1.05 * n_bytes
    assert size - path.stat().st_size < n_of_calibration


def test_half_precision_makes_smaller_files_with_similar_predictions(
    fitted_cnn, new_cells, path
):
    save_model(fitted_cnn, path)
    size = path.stat().st_size
    save_model(fitted_cnn, path, half_precision=True)
    assert path.stat().st_size < size
    np.testing.assert_allclose(
        load_model(path).predict_proba(new_cells[0]),
        fitted_cnn.predict_proba(new_cells[0]),
        atol=0.01,
    )


def test_half_precision_does_not_change_the_scaling_of_pixels(tiny_cnn, cells, path):
    X, y = cells
    # These pixel values are close together and far from zero, as those of a 16-bit
    # camera may be. float16 would round their mean to a multiple of 32.
    X = 60_000 + X.astype(np.float32) / 10
    clf = tiny_cnn(max_epochs=10).fit(X, y)
    save_model(clf, path, half_precision=True)
    np.testing.assert_allclose(
        load_model(path).predict_proba(X), clf.predict_proba(X), atol=0.02
    )


def test_the_set_output_configuration_is_saved(fitted, cells, path):
    clf = copy.deepcopy(fitted).set_output(transform="pandas")
    X, _ = cells
    assert isinstance(save_and_load(clf, path).transform(X), pd.DataFrame)


def test_attributes_of_other_code_are_omitted_with_a_warning(fitted, path):
    clf = copy.deepcopy(fitted)
    clf.remark = "reviewed"
    with pytest.warns(UserWarning, match="remark='reviewed' is not saved"):
        save_model(clf, path)
    assert not hasattr(load_model(path), "remark")


def test_half_precision_keeps_weights_that_would_overflow(tiny_cnn, cells, path):
    clf = tiny_cnn().fit(*cells)
    head = clf.net_.module_.network.head
    head.weight.data.fill_(1e6)
    save_model(clf, path, half_precision=True)
    restored = load_model(path).net_.module_.network.head
    assert_array_equal(restored.weight.detach(), head.weight.detach())


def test_custom_network_class_must_be_passed_to_load_model(tiny_cnn, cells, path):
    clf = tiny_cnn(architecture=CustomNetwork).fit(*cells)
    save_model(clf, path)
    with pytest.raises(ValueError, match=r"CustomNetwork.*not available"):
        load_model(path)
    for classes in ([CustomNetwork], {f"{__name__}.CustomNetwork": CustomNetwork}):
        loaded = load_model(path, custom_classes=classes)
        assert_array_equal(loaded.predict_proba(cells[0]), clf.predict_proba(cells[0]))
    with pytest.raises(
        TypeError, match=r"got the class CustomNetwork\. Pass \[CustomNetwork\]"
    ):
        load_model(path, custom_classes=CustomNetwork)


def test_a_function_as_parameter_is_omitted_with_a_warning(tiny_cnn, cells, path):
    clf = tiny_cnn(augmentation=lambda images, generator: images).fit(*cells)
    with pytest.warns(UserWarning, match="augmentation=.*is not saved"):
        save_model(clf, path)
    with pytest.warns(UserWarning, match="default values: augmentation"):
        assert load_model(path).augmentation == "auto"


def test_a_random_state_instance_is_omitted_with_a_warning(tiny, cells, path):
    clf = tiny(random_state=np.random.RandomState(0)).fit(*cells)
    with pytest.warns(UserWarning, match="random_state=.*is not saved"):
        save_model(clf, path)
    with pytest.warns(UserWarning, match="default values: random_state"):
        assert load_model(path).random_state is None


def test_other_versions_warn_until_the_next_training(fitted, cells, path):
    clf = copy.deepcopy(fitted)
    clf._versions = {**clf._versions, "torch": "1.0.0"}
    # A loaded model that is saved again still has the versions of its training.
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"trained with torch 1\.0\.0 \(now "):
            clf = save_and_load(clf, path)
    clf.partial_fit(*cells)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_and_load(clf, path)


def test_the_same_versions_do_not_warn(fitted, path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_and_load(fitted, path)


def test_an_error_while_writing_keeps_the_earlier_file(fitted, path, monkeypatch):
    save_model(fitted, path)
    before = path.read_bytes()

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save_model(fitted, path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_model_from_a_gpu_loads_without_that_gpu(fitted, new_cells, path):
    clf = copy.deepcopy(fitted)
    clf.device_ = "cuda:99"
    loaded = save_and_load(clf, path)
    X, _ = new_cells
    assert loaded.device_ == available_devices()[-1]
    np.testing.assert_allclose(
        loaded.predict_proba(X), fitted.predict_proba(X), rtol=1e-5
    )


def test_pipelines_can_be_saved_with_skops(tiny_cnn, cells, path):
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


# -- what is refused -------------------------------------------------------------------


def test_other_estimators_are_not_saved(fitted, path):
    with pytest.raises(TypeError, match=r"got a Pipeline.*skops"):
        save_model(make_pipeline(fitted), path)


def test_unfitted_classifiers_are_not_saved(tiny, path):
    with pytest.raises(NotFittedError):
        save_model(tiny(), path)
    assert not path.exists()


def test_invalid_parameters_are_not_saved(fitted, path):
    changed = copy.deepcopy(fitted).set_params(lr=-1)
    with pytest.raises(ValueError, match="'lr' parameter"):
        save_model(changed, path)
    assert not path.exists()


def test_a_description_above_the_size_limit_is_not_saved(fitted, path):
    changed = copy.deepcopy(fitted)
    changed.history_ = changed.history_ * 20_000
    with pytest.raises(ValueError, match="more than the 1,048,576 that are allowed"):
        save_model(changed, path)
    assert not path.exists()


def test_weights_that_are_not_finite_are_not_saved(fitted_cnn, path):
    changed = copy.deepcopy(fitted_cnn)
    changed.net_.module_.network.head.bias.data[0] = np.nan
    with pytest.raises(ValueError, match=r"cannot be saved.*head\.bias must be finite"):
        save_model(changed, path)
    assert not path.exists()


def test_load_from_a_missing_file(path):
    with pytest.raises(FileNotFoundError):
        load_model(path)


def test_save_to_a_missing_folder(fitted, tmp_path):
    with pytest.raises(FileNotFoundError):
        save_model(fitted, tmp_path / "missing" / "cells.safetensors")


@pytest.mark.parametrize(
    "content",
    [b"", b"\x89PNG\r\n\x1a\n", save({"a": np.ones(3)})],
    ids=["empty", "PNG", "other safetensors file"],
)
def test_files_of_other_formats_are_not_loaded(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cells\.safetensors cannot be loaded"):
        load_model(path)
