"""Export fitted classifiers to ONNX, for use without torch."""

import copy
import warnings
from contextlib import redirect_stdout
from functools import partial
from io import StringIO

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from . import __version__
from ._base import BaseBloodClassifier
from ._input.images import is_tabular
from ._io import atomic_write

# torch's exporter works in opset 18, so the graph needs no conversion, and the networks
# need no operator of a newer opset. onnxruntime 1.15 and later can read this opset and
# this version of the file format.
OPSET = 18
IR_VERSION = 8

DTYPES = ("auto", "uint8", "float32", "float64")


def to_onnx(classifier, path, *, dtype="auto"):
    """Write a fitted classifier to a file in the ONNX format.

    The exported model includes the scaling of the pixels, the temperature of
    `fit_calibration` and the softmax. Its input is ``images`` of shape (n, H, W, C) for
    any n. For tabular input, reshape X to ``(-1, *classifier.image_shape_)``. The model
    accepts no other shape and does not check the pixel values. Its outputs are
    ``label`` of shape (n,) with the labels that `predict` returns (integers as int64),
    and ``probabilities`` of shape (n, n_classes) in float32.

    The exported model does not contain the `FamiliarityDetector` of the classifier, so
    it does not mark images unlike the training images.

    The function needs optional packages: ``pip install "skblood[onnx]"``.

    Parameters
    ----------
    classifier : BloodCNNClassifier or BloodFNNClassifier
        The fitted classifier. It is not changed.
    path : str or path-like
        Path of the file. Its name usually ends in ``.onnx``.
    dtype : {"auto", "uint8", "float32", "float64"}, default="auto"
        Data type of the images that the exported model takes. Their pixels must have
        the same range as in `fit`. "auto" is uint8 for images and float64 for tabular
        input.

    Raises
    ------
    TypeError
        If `classifier` is not one of skblood's classifiers.
    NotFittedError
        If the classifier is not fitted.
    ValueError
        If the labels are not integers, strings or booleans; if `dtype` is "auto" but
        the classifier was fitted to pixels that cannot be uint8, such as floats from 0
        to 1; or if torch cannot export the network, which can happen with your own
        `architecture`.
    ImportError
        If the optional packages are not installed.
    OSError
        If the file cannot be written. An existing file is then left unchanged.

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
            "Expected a BloodCNNClassifier or BloodFNNClassifier, got "
            f"{type(classifier).__name__}. To export the classifier of a pipeline, "
            "call to_onnx(pipeline[-1], path)."
        )
    check_is_fitted(classifier)
    dtype = _resolve_dtype(classifier, dtype)
    classes = _check_classes(classifier.classes_)
    onnx = _import_onnx()
    exported = _export(classifier, dtype)
    model = _assemble(onnx, exported, classifier.image_shape_, dtype, classes)
    onnx.checker.check_model(model)
    atomic_write(path, model.SerializeToString())


def _resolve_dtype(classifier, dtype):
    if dtype not in DTYPES:
        raise ValueError(f"Expected dtype in {DTYPES}, got {dtype!r}.")
    if dtype != "auto":
        return dtype
    if is_tabular(classifier.image_shape_):
        return "float64"
    _check_pixel_range(classifier)
    return "uint8"


def _check_pixel_range(classifier):
    """Raise ValueError if the scaling shows that `fit` had no uint8 images."""
    spec = classifier._network_spec
    center, scale = spec.center, spec.scale
    # Images with pixels of only 0 and 1 are probably floats, not uint8.
    if center.min() < 0 or center.max() > 255 or (center + scale).max() < 2:
        # Models of earlier versions do not hold the range.
        estimate = (center - scale).min(), (center + scale).max()
        low, high = getattr(classifier, "pixel_range_", estimate)
        raise ValueError(
            "Expected a classifier that was fitted to uint8 pixels (0 to 255), got one "
            f"that was fitted to pixels from {low:.3g} to {high:.3g}. Pass "
            "dtype='float32' for a model that takes floats. Pass dtype='uint8' if the "
            "images in fit were uint8."
        )


def _check_classes(classes):
    """Return the labels in a dtype that ONNX supports: int64, bool or object (str)."""
    if classes.dtype.kind == "b":
        return classes
    if classes.dtype.kind in "iu" and classes.max() <= np.iinfo(np.int64).max:
        return classes.astype(np.int64)
    labels = classes.tolist()
    if all(isinstance(label, str) for label in labels):
        return np.array(labels, dtype=object)
    raise ValueError(
        "Expected labels that are strings, booleans or integers up to 2**63 - 1, got "
        f"classes_={labels} of dtype {classes.dtype}. Convert the labels before fit."
    )


def _import_onnx():
    try:
        import onnx
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError as error:
        raise ImportError(
            "to_onnx needs the packages onnx and onnxscript, which are not both "
            'installed. Run `pip install "skblood[onnx]"`.'
        ) from error
    return onnx


class _Inference(torch.nn.Module):
    """Computes class indices and probabilities from the pixels that a user passes.

    Parameters
    ----------
    module : ScaledNetwork
        A copy on the CPU. Its network is converted to float32 in place: the network for
        tabular input is float64, and onnxruntime has no convolutions in float64.
    views : callable or None
        Test-time augmentation, see `ScaledNetwork.forward`.
    temperature : float
        The logits are divided by it.
    """

    def __init__(self, module, views, temperature):
        super().__init__()
        self.module = module
        self.network = module.network.float()
        self.views = views
        self.temperature = temperature

    def forward(self, images):
        images = self.module.standardize(images).float()
        views = [images] if self.views is None else self.views(images)
        logits = torch.stack([self.network(view) for view in views]).mean(dim=0)
        probabilities = (logits / self.temperature).softmax(dim=1)
        return logits.argmax(dim=1), probabilities


def _exclude_padding(module):
    """Exclude padding from the mean in average-pooling layers without padding.

    This makes no difference in torch. With ``ceil_mode=True`` and an input of odd
    height or width, a window can extend beyond the input. Older versions of
    onnxruntime, such as 1.23.0, count the part outside as padding.
    """
    for layer in module.modules():
        if isinstance(layer, torch.nn.AvgPool2d) and not np.any(layer.padding):
            layer.count_include_pad = False


def _export(classifier, dtype):
    """Return the model that torch exports: it outputs class indices, not labels."""
    module = copy.deepcopy(classifier.net_.module_).cpu()
    _exclude_padding(module)
    calibration = classifier.calibration_
    temperature = 1.0 if calibration is None else calibration.temperature
    inference = _Inference(module, classifier._resolve_views(), temperature).eval()
    # Two images, because torch would treat a dimension of size 1 as constant.
    images = torch.zeros(
        (2, *classifier.image_shape_), dtype=getattr(torch, dtype), device="cpu"
    )
    try:
        # torch warns about its own code, and prints the code that it cannot export.
        with (
            warnings.catch_warnings(action="ignore"),
            redirect_stdout(StringIO()),
            torch.no_grad(),
        ):
            program = torch.onnx.export(
                _capture_graph(inference, images),
                input_names=["images"],
                output_names=["class_index", "probabilities"],
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
            return program.model_proto
    except Exception as error:
        network = classifier.net_.module_.network
        raise ValueError(
            f"torch cannot export {type(network).__name__} with a variable number of "
            "images. The error above says why. Change the network, for example so that "
            "its forward method has no conditions on values of the images."
        ) from error


def _capture_graph(inference, images):
    """Return the graph of the module with a variable number of images."""
    shapes = ({0: torch.export.Dim("n")},)
    capture = partial(torch.export.export, inference, (images,), dynamic_shapes=shapes)
    try:
        return capture(strict=False)
    except Exception:
        # Strict mode is slower. It also exports code with `len(images)`. The other mode
        # would replace `len(images)` with the number of the example images.
        return capture(strict=True)


def _assemble(onnx, exported, image_shape, dtype, classes):
    """Return the model with labels instead of class indices, without metadata."""
    labels = onnx.numpy_helper.from_array(classes, "classes")
    lookup = onnx.helper.make_node("Gather", ["classes", "class_index"], ["label"])
    nodes = [*exported.graph.node, lookup]
    arrays = [*exported.graph.initializer, labels]
    for part in (*nodes, *arrays):
        # torch's metadata contains paths on this machine.
        part.ClearField("metadata_props")
    tensor = onnx.helper.make_tensor_value_info
    pixel_type = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = onnx.helper.make_graph(
        nodes,
        "skblood",
        [tensor("images", pixel_type, ["n", *image_shape])],
        [
            tensor("label", labels.data_type, ["n"]),
            tensor("probabilities", onnx.TensorProto.FLOAT, ["n", len(classes)]),
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
