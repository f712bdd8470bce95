"""`predict_proba` beside torch's inference mode, and onnxruntime beside it."""

from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from references.torch_loop import predict_proba
from timing import compare

from skblood import BloodCNNClassifier, load_bloodmnist, to_onnx

# So many calls are timed together that each timing takes a good part of a second.
CALLS = {1: 200, 3_421: 1, 100_000: 1}
# That of `predict_proba` for images of this size.
ONNX_BATCH = 64


def predict(n_pairs, n_images):
    """Time predictions for so many images."""
    model, images = _model_and_images(n_images)

    def repeat(function):
        for _ in range(CALLS[n_images]):
            function(images)

    figures = compare(
        partial(repeat, model.predict_proba),
        partial(repeat, partial(predict_proba, model.net_.module_)),
        n_pairs,
    )
    return {"calls": CALLS[n_images], **figures}


def predict_with_onnx(n_pairs, n_images):
    """Time onnxruntime beside `predict_proba`, each in batches, in as many threads."""
    model, images = _model_and_images(n_images)
    session = _onnx_session(model)

    def run():
        for start in range(0, n_images, ONNX_BATCH):
            session.run(None, {"images": images[start : start + ONNX_BATCH]})

    figures = compare(run, partial(model.predict_proba, images), n_pairs)
    return {
        "onnxruntime": version("onnxruntime"),
        "threads": torch.get_num_threads(),
        "batch_size": ONNX_BATCH,
        **figures,
    }


def _model_and_images(n_images):
    X, y = load_bloodmnist(split="train", return_X_y=True)
    model = BloodCNNClassifier(max_epochs=1, random_state=0).fit(X[:640], y[:640])
    images = np.resize(load_bloodmnist(split="test").data, (n_images, 28, 28, 3))
    return model, images


def _onnx_session(model):
    # Of the extras `onnx` and `test`, which the other rows do without.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    with TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        to_onnx(model, path)
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
