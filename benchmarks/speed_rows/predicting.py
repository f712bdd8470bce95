"""`predict_proba`, compared with torch's inference mode and with onnxruntime."""

from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from common.timing import compare_times
from references.torch_loop import predict_proba

from skblood import (
    BloodCNNClassifier,
    load_bloodmnist,
    load_pretrained,
    to_onnx,
)

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


@speed_row(
    "predict-bfloat16",
    "predict_proba, 3,421 images: float32 / bfloat16",
    at_least=1.7,
    short=True,
)
def predict_in_bfloat16(n_pairs):
    """Compare the times and the predictions on the test split."""
    images = load_bloodmnist(split="test").data
    models = {
        precision: load_pretrained().set_params(prediction_precision=precision)
        for precision in ("float32", "bfloat16")
    }
    before, after = (model.predict_proba(images) for model in models.values())
    return {
        "same_labels": float((before.argmax(axis=1) == after.argmax(axis=1)).mean()),
        "largest_change_of_a_probability": float(abs(before - after).max()),
        **compare_times(
            partial(models["bfloat16"].predict_proba, images),
            partial(models["float32"].predict_proba, images),
            n_pairs,
            faster=True,
        ),
    }


@speed_row(
    "predict-tiny",
    "predict_proba, 3,421 images: bloodmnist-28 / bloodmnist-28-tiny",
    at_least=10,
    short=True,
)
def predict_with_tiny(n_pairs):
    images, labels = _test_images_and_names()
    tiny, usual = load_pretrained("bloodmnist-28-tiny"), load_pretrained()
    figures = compare_times(
        partial(tiny.predict_proba, images),
        partial(usual.predict_proba, images),
        n_pairs,
        faster=True,
    )
    return {"accuracy": float(tiny.score(images, labels)), **figures}


@speed_row(
    "predict-tiny-int8",
    "prediction of 3,421 images: predict_proba of bloodmnist-28 / onnxruntime with "
    "bloodmnist-28-tiny in 8-bit integers",
    at_least=10,
)
def predict_with_tiny_in_int8(n_pairs):
    images, labels = _test_images_and_names()
    with TemporaryDirectory() as folder:
        path = Path(folder, "tiny.onnx")
        to_onnx(load_pretrained("bloodmnist-28-tiny"), path)
        quantize(path, load_bloodmnist(split="train").data[:640])
        n_bytes = path.stat().st_size
        session = _open_session(path)

    def run():
        return np.concatenate(
            [
                session.run(["label"], {"images": images[start : start + ONNX_BATCH]})
                for start in range(0, len(images), ONNX_BATCH)
            ],
            axis=1,
        )[0]

    figures = compare_times(
        run, partial(load_pretrained().predict_proba, images), n_pairs, faster=True
    )
    return {
        "onnxruntime": version("onnxruntime"),
        "accuracy": float((run() == labels).mean()),
        "bytes": n_bytes,
        **figures,
    }


def quantize(path, images):
    """Convert an ONNX file to 8-bit integers, with the value ranges of some images."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.calibrate import CalibrationDataReader
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Batches(CalibrationDataReader):
        def __init__(self):
            starts = range(0, len(images), ONNX_BATCH)
            self.batches = iter([images[i : i + ONNX_BATCH] for i in starts])

        def get_next(self):
            batch = next(self.batches, None)
            return None if batch is None else {"images": batch}

    quant_pre_process(str(path), str(path))
    quantize_static(
        str(path),
        str(path),
        Batches(),
        quant_format=QuantFormat.QOperator,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )


def _test_images_and_names():
    return load_bloodmnist(split="test", return_X_y=True, labels="names")


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
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        to_onnx(model, path)
        return _open_session(path)


def _open_session(path):
    # Imported here, so that the other rows can be measured without onnxruntime.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
