"""Fitted classifiers for use without torch: ONNX."""

import warnings
from contextlib import redirect_stdout
from functools import partial
from io import StringIO

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from . import __version__
from ._base import BaseBloodClassifier
from ._images import is_strip
from ._writing import write_whole

# What torch's exporter works in, so that nothing is converted; newer sets of operators
# have nothing that these networks need. onnxruntime 1.15 reads both.
OPSET = 18
IR_VERSION = 8

INPUT_DTYPES = ("uint8", "float32", "float64")


def to_onnx(classifier, path, *, dtype="auto"):
    """Write a fitted classifier as an ONNX model, scaling and softmax inside.

    The model takes ``images`` (n, H, W, C), as many as there are and as they are
    stored. It returns ``label`` (n,), what `predict` does, and ``probabilities``
    (n, n_classes) in float32. It takes no other form of images and has no checks.

    Needs the extra ``onnx``: ``pip install "skblood[onnx]"``.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        A fitted one. It stays as it is.
    path : str or path-like
        Of the file; by custom its name ends in ``.onnx``.
    dtype : {"auto", "uint8", "float32", "float64"}, default="auto"
        Of the images that the model takes; their values have the range that they had
        in `fit`. "auto" is uint8, and float64 for strips.

    Raises
    ------
    TypeError
        If it is not one of skblood's classifiers.
    NotFittedError
        If it is not fitted.
    ValueError
        If ONNX has no such labels; if `dtype` is "auto" and what was fitted cannot have
        been uint8 images, but floats from 0 to 1, say; or if torch cannot export an
        `architecture` of one's own.
    ImportError
        If the extra is not installed.
    OSError
        If the file cannot be written; what was there stays.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import onnxruntime
    >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample, to_onnx
    >>> X, y = load_bloodmnist_sample("test", return_X_y=True)
    >>> clf = BloodFNNClassifier(max_epochs=2, random_state=0).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     to_onnx(clf, Path(folder, "cells.onnx"))
    ...     session = onnxruntime.InferenceSession(Path(folder, "cells.onnx"))
    >>> label, probabilities = session.run(None, {"images": X})
    >>> bool((label == clf.predict(X)).all())
    True
    """
    if not isinstance(classifier, BaseBloodClassifier):
        raise TypeError(
            "to_onnx takes BloodCNNClassifier or BloodFNNClassifier, got "
            f"{type(classifier).__name__}. Of a pipeline, only the classifier itself "
            "can be exported."
        )
    check_is_fitted(classifier)
    dtype = _resolve_dtype(classifier, dtype)
    classes = _check_classes(classifier.classes_)
    onnx = _import_onnx()
    exported = _export(classifier, dtype)
    model = _assemble(onnx, exported, classifier.image_shape_, dtype, classes)
    onnx.checker.check_model(model)
    write_whole(path, model.SerializeToString())


def _resolve_dtype(classifier, dtype):
    if dtype in INPUT_DTYPES:
        return dtype
    if dtype != "auto":
        raise ValueError(f"dtype must be one of 'auto', {INPUT_DTYPES}, got {dtype!r}.")
    if is_strip(classifier.image_shape_):
        return "float64"
    _check_may_be_uint8(classifier)
    return "uint8"


def _check_may_be_uint8(classifier):
    center, scale = classifier._scaling
    low, high = (center - scale).min(), (center + scale).max()
    # Pixels that are all 0 or 1 are floats of that range, or hardly a picture.
    if center.min() < 0 or center.max() > 255 or high < 2:
        raise ValueError(
            f"This {type(classifier).__name__} was fitted to pixels of about {low:.3g} "
            f"to {high:.3g}, while those of uint8 images are 0 to 255. Pass "
            "dtype='float32' for a model that takes floats, or dtype='uint8' if they "
            "were uint8 all the same."
        )


def _check_classes(classes):
    """Return the labels in a dtype that ONNX has; strings as objects."""
    if classes.dtype.kind == "b":
        return classes
    if classes.dtype.kind in "iu" and classes.max() <= np.iinfo(np.int64).max:
        return classes.astype(np.int64)
    labels = classes.tolist()
    if all(isinstance(label, str) for label in labels):
        return np.array(labels, dtype=object)
    raise ValueError(
        "to_onnx needs labels that are integers, strings or booleans, got classes_="
        f"{labels} of dtype {classes.dtype}."
    )


def _import_onnx():
    try:
        import onnx
        import onnxscript  # noqa: F401 - what torch's exporter works with
    except ImportError as error:
        raise ImportError(
            "to_onnx needs packages that are not installed: "
            'pip install "skblood[onnx]".'
        ) from error
    return onnx


class _Inference(torch.nn.Module):
    """From images as they are stored to class indices and probabilities."""

    def __init__(self, classifier):
        super().__init__()
        self.module = classifier.net_.module_
        # Strips are scaled in double precision, in which onnxruntime cannot convolve.
        self.module.network = torch.nn.Sequential(
            _Single(), self.module.network.float()
        )
        _count_pixels_only(self.module)
        self.infer_logits = classifier._infer_logits

    def forward(self, images):
        logits = self.infer_logits(images)
        return logits.argmax(dim=1), logits.float().softmax(dim=1)


class _Single(torch.nn.Module):
    def forward(self, images):
        return images.float()


def _count_pixels_only(module):
    """Let averages count no padding where there is none.

    In torch it is the same. Older releases of onnxruntime, such as 1.23.0, would take
    what a window sees beyond an odd side for padding.
    """
    for layer in module.modules():
        if isinstance(layer, torch.nn.AvgPool2d) and not np.any(layer.padding):
            layer.count_include_pad = False


def _copy_to_cpu(classifier):
    # What is pickled opens on a machine that has nothing but a CPU.
    state = {**classifier.__getstate__(), "device_": "cpu"}
    copied = object.__new__(type(classifier))
    copied.__setstate__(state)
    return copied


def _export(classifier, dtype):
    """Return torch's own ONNX model, with class indices for labels."""
    inference = _Inference(_copy_to_cpu(classifier)).eval()
    # Two, since torch takes a dimension of one for fixed.
    images = torch.zeros(
        (2, *classifier.image_shape_), dtype=getattr(torch, dtype), device="cpu"
    )
    try:
        # torch warns of its own code, and prints what it cannot export.
        with (
            warnings.catch_warnings(action="ignore"),
            redirect_stdout(StringIO()),
            torch.no_grad(),
        ):
            program = torch.onnx.export(
                _capture(inference, images),
                input_names=["images"],
                output_names=["winner", "probabilities"],
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
            return program.model_proto
    except Exception as error:
        network = classifier.net_.module_.network
        raise ValueError(
            f"torch cannot export {type(network).__name__} for any number of images."
        ) from error


def _capture(inference, images):
    """Return the graph that torch sees in the code, for any number of images."""
    shapes = ({0: torch.export.Dim("n")},)
    capture = partial(torch.export.export, inference, (images,), dynamic_shapes=shapes)
    try:
        return capture(strict=False)
    except Exception:
        # Slower, but `len(images)` is then any number, not that of these images.
        return capture(strict=True)


def _assemble(onnx, exported, image_shape, dtype, classes):
    """Return the model with labels for class indices, and without torch's notes."""
    labels = onnx.numpy_helper.from_array(classes, "classes")
    look_up = onnx.helper.make_node("Gather", ["classes", "winner"], ["label"])
    nodes = [*exported.graph.node, look_up]
    arrays = [*exported.graph.initializer, labels]
    for part in (*nodes, *arrays):
        # The notes hold paths of this machine.
        part.ClearField("metadata_props")
    value = onnx.helper.make_tensor_value_info
    pixel = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = onnx.helper.make_graph(
        nodes,
        "skblood",
        [value("images", pixel, ["n", *image_shape])],
        [
            value("label", labels.data_type, ["n"]),
            value("probabilities", onnx.TensorProto.FLOAT, ["n", len(classes)]),
        ],
        arrays,
    )
    return onnx.helper.make_model(
        graph,
        ir_version=IR_VERSION,
        opset_imports=exported.opset_import,
        producer_name="skblood",
        producer_version=__version__,
    )
