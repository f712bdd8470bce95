"""How good, how large and how fast are the models that are part of the package?

    python benchmarks/pretrained.py

Takes a minute. They were chosen before: this scores them on the test split once more,
as they lie in the package, with one view of each image and with eight.
"""

from importlib.resources import files

import numpy as np
from recording import write_results
from timing import seconds_of

from skblood import load_bloodmnist, load_pretrained
from skblood.pretrained import pretrained_names

N_TIMINGS = 5


def measure(name, X, y):
    model = files("skblood").joinpath("models", f"{name}.safetensors")
    clf = load_pretrained(name)
    one_view = clf.score(X, y)
    seconds = [seconds_of(lambda: clf.predict(X)) for _ in range(N_TIMINGS)]
    clf.set_params(test_time_augmentation=True)
    return {
        "bytes": len(model.read_bytes()),
        "accuracy": one_view,
        "accuracy_of_eight_views": clf.score(X, y),
        "predict_seconds": seconds,
    }


def main():
    test = load_bloodmnist(split="test")
    names = np.array(test.target_names)[test.target]
    models = {}
    for name in pretrained_names():
        models[name] = measure(name, test.images, names)
        print(name, models[name])
    write_results("pretrained", {"n_images": len(names), "models": models})


if __name__ == "__main__":
    main()
