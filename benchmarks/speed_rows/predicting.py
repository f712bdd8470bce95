"""`predict_proba`, compared with torch's inference mode and with onnxruntime."""

from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from common.timing import compare_times
from references.torch_loop import predict_proba

from skblood import BloodCNNClassifier, load_bloodmnist, to_onnx

from .declaration import speed_row

# The batch size of `predict_proba` for images of 28×28 pixels.
ONNX_BATCH = 64


@speed_row(
    "predict-1",
    "predict_proba, 1 image: skblood / torch's inference mode",
    at_most=1.5,
    short=True,
)
def predict_1(n_pairs):
    # 200 calls in each timing, because a single call is too short to time.
    return _compare_predictions(n_pairs, n_images=1, n_calls=200)


@speed_row(
    "predict-3421",
    "predict_proba, 3,421 images: skblood / torch's inference mode",
    at_most=1.05,
    short=True,
)
def predict_3421(n_pairs):
    return _compare_predictions(n_pairs, n_images=3_421)


@speed_row(
    "predict-100000",
    "predict_proba, 100,000 images: skblood / torch's inference mode",
    at_most=1.05,
)
def predict_100000(n_pairs):
    return _compare_predictions(n_pairs, n_images=100_000)


@speed_row(
    "onnx-3421",
    "prediction of 3,421 images: onnxruntime / predict_proba",
    at_most=1.0,
)
def predict_3421_with_onnx(n_pairs):
    """Time onnxruntime with the batch size and the threads of `predict_proba`."""
    n_images = 3_421
    model, images = _model_and_images(n_images)
    session = _onnx_session(model)

    def run():
        for start in range(0, n_images, ONNX_BATCH):
            session.run(None, {"images": images[start : start + ONNX_BATCH]})

    figures = compare_times(run, partial(model.predict_proba, images), n_pairs)
    return {
        "onnxruntime": version("onnxruntime"),
        "threads": torch.get_num_threads(),
        "batch_size": ONNX_BATCH,
        **figures,
    }


def _compare_predictions(n_pairs, n_images, n_calls=1):
    model, images = _model_and_images(n_images)

    def repeat(function):
        for _ in range(n_calls):
            function(images)

    figures = compare_times(
        partial(repeat, model.predict_proba),
        partial(repeat, partial(predict_proba, model.net_.module_)),
        n_pairs,
    )
    return {"calls": n_calls, **figures}


def _model_and_images(n_images):
    X, y = load_bloodmnist(split="train", return_X_y=True)
    model = BloodCNNClassifier(max_epochs=1, random_state=0).fit(X[:640], y[:640])
    images = np.resize(load_bloodmnist(split="test").data, (n_images, 28, 28, 3))
    return model, images


def _onnx_session(model):
    # Imported here, so that the other rows can be measured without onnxruntime.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        to_onnx(model, path)
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
