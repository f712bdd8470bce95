"""Measure the accuracy, size and speed of the models that are part of the package.

    python benchmarks/pretrained.py

This takes about a minute. The models were chosen and trained before. Here they are
scored once more on the test split, as the package contains them, with and without
test-time augmentation.
"""

from functools import partial
from importlib.resources import files

from common.command_line import make_parser
from common.recording import write_results
from common.timing import seconds_of

from skblood import load_bloodmnist, load_pretrained
from skblood.pretrained import pretrained_names

N_TIMINGS = 5


def measure(name, X, y):
    model = files("skblood").joinpath("models", f"{name}.safetensors")
    clf = load_pretrained(name)
    plain = clf.score(X, y)
    seconds = [seconds_of(partial(clf.predict, X)) for _ in range(N_TIMINGS)]
    clf.set_params(test_time_augmentation=True)
    return {
        "bytes": len(model.read_bytes()),
        "accuracy": plain,
        "accuracy_of_eight_views": clf.score(X, y),
        "predict_seconds": seconds,
    }


def main():
    make_parser(__doc__).parse_args()
    X, y = load_bloodmnist(split="test", return_X_y=True, labels="names")
    models = {}
    for name in pretrained_names():
        models[name] = measure(name, X, y)
        print(name, models[name])
    write_results("pretrained", {"n_images": len(y), "models": models})


if __name__ == "__main__":
    main()
