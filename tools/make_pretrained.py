"""Fit the models that are part of the package, and write their model cards.

    python tools/make_pretrained.py [NAME...] --teachers FOLDER
    python tools/make_pretrained.py --familiarity  # keep the weights
    python tools/make_pretrained.py --calibration  # keep the weights
    python tools/make_pretrained.py --cards        # only write the cards

Each model is fitted to the train split of BloodMNIST with the parameters in RECIPES,
and saved in half precision in skblood/models/. "bloodmnist-28" and
"bloodmnist-28-robust" also learn from five classifiers each, which are fitted to the
same images and kept in a folder. "bloodmnist-28-tiny" learns from "bloodmnist-28". Each
model's familiarity is fitted to the same images too, with the validation split as the
reference. It is calibrated with the validation split. Its model card in the same folder
states measures on the test split. The script needs the full data set, and fits thirteen
classifiers one after the other.
"""

import argparse
from pathlib import Path

from skblood import (
    BloodCNNClassifier,
    load_bloodmnist,
    load_model,
    model_card,
    save_model,
)

MODELS = Path(__file__).parents[1] / "skblood" / "models"
TEACHER_SEEDS = range(5)
# The parameters of the classifiers that teach a model.
TEACHERS = {
    "bloodmnist-28": {},
    "bloodmnist-28-robust": {"augmentation": "robust"},
}
RECIPES = {
    "bloodmnist-28": {"max_epochs": 72, "progressive_resizing": True},
    "bloodmnist-28-robust": {
        "augmentation": "robust",
        "max_epochs": 72,
        "progressive_resizing": True,
    },
    "bloodmnist-28-tiny": {
        "width": 14,
        "depth": 1,
        "stem_stride": 2,
        "stochastic_depth": 0.0,
        "max_epochs": 100,
    },
}
DATA = """\
The train split (11,959 images) of BloodMNIST at 28×28 pixels: J. Yang et al.,
"MedMNIST v2", Scientific Data 10:41, 2023, based on A. Acevedo et al., "A dataset of
microscopic peripheral blood cell images for development of automatic recognition
systems", Data in Brief 30:105474, 2020. The images have the license CC BY 4.0. They
show normal cells of people without infection, blood disease or treatment, and come from
one hospital and one analyser. Immature granulocytes are myelocytes, metamyelocytes and
promyelocytes."""
TAUGHT_BY_FIVE = """\
The model also learned from the probabilities of five classifiers that were trained on
the same images (knowledge distillation). It was trained with `max_epochs=72` and
`progressive_resizing=True`; the table of parameters has their defaults, which apply if
you train the model further."""
TRAINING = {
    "bloodmnist-28": TAUGHT_BY_FIVE,
    "bloodmnist-28-robust": TAUGHT_BY_FIVE,
    "bloodmnist-28-tiny": """\
The model also learned from the probabilities of bloodmnist-28 (knowledge
distillation). It was trained with `max_epochs=100`; the table of parameters has the
default, which applies if you train the model further.""",
}
LICENSE = "Weights: BSD-3-Clause, like skblood. Data: CC BY 4.0."


def load(split):
    """Return the images of a split and their class names."""
    return load_bloodmnist(split=split, return_X_y=True, labels="names")


def teachers_of(name, folder):
    if name not in TEACHERS:
        return [load_model(path_of("bloodmnist-28"))]
    return [fitted_teacher(name, seed, folder) for seed in TEACHER_SEEDS]


def fitted_teacher(name, seed, folder):
    """Return a teacher of a model, which is fitted first if there is no file of it."""
    path = folder / f"{name}_teacher_{seed}.safetensors"
    if not path.exists():
        teacher = BloodCNNClassifier(**TEACHERS[name], random_state=seed)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(teacher.fit(*load("train")), path)
    return load_model(path)


def fit(name, folder):
    classifier = BloodCNNClassifier(random_state=0, **RECIPES[name])
    classifier.fit(*load("train"), teachers=teachers_of(name, folder))
    # They suit this training. If a user trains the model further, the defaults apply.
    classifier.set_params(max_epochs="auto", progressive_resizing=False)
    # Durations differ from run to run, and would make the file larger.
    for epoch in classifier.history_:
        del epoch["dur"]
    save_model(classifier, path_of(name), half_precision=True)
    report(f"{name} in single precision", classifier)


def fit_familiarity(name):
    # From the file, so that the detector sees the weights in half precision.
    classifier = load_model(path_of(name))
    X, _ = load("train")
    X_val, _ = load("val")
    classifier.fit_familiarity(X, X_val=X_val)
    save_model(classifier, path_of(name), half_precision=True)


def calibrate(name):
    classifier = load_model(path_of(name))
    classifier.fit_calibration(*load("val"))
    save_model(classifier, path_of(name), half_precision=True)


def write_card(name):
    path = path_of(name)
    classifier = load_model(path)
    model_card(
        classifier,
        *load("test"),
        path.with_suffix(".md"),
        training_data=f"{DATA}\n\n{TRAINING[name]}",
        license=LICENSE,
    )
    report(f"{path.name}, {path.stat().st_size:,} bytes", classifier)
    classifier.set_params(test_time_augmentation=True)
    report(f"{path.name} with test-time augmentation", classifier)


def report(what, classifier):
    print(f"{what}: accuracy {classifier.score(*load('test')):.4f}")


def path_of(name):
    return MODELS / f"{name}.safetensors"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECIPES))
    parser.add_argument(
        "--teachers",
        metavar="FOLDER",
        type=Path,
        default=Path("fitted-models"),
        help="folder of the fitted teachers (default: fitted-models)",
    )
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        "--familiarity",
        action="store_true",
        help="keep the weights, and fit only the familiarity",
    )
    parts.add_argument(
        "--calibration",
        action="store_true",
        help="keep the weights and the familiarity, and only calibrate",
    )
    parts.add_argument(
        "--cards", action="store_true", help="only write the model cards"
    )
    options = parser.parse_args()
    for name in options.names or RECIPES:
        if not (options.familiarity or options.calibration or options.cards):
            fit(name, options.teachers)
        if not (options.calibration or options.cards):
            fit_familiarity(name)
        # Fitting the familiarity keeps the calibration.
        if not (options.familiarity or options.cards):
            calibrate(name)
        write_card(name)


if __name__ == "__main__":
    main()
