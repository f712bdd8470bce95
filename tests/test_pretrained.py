"""The models that are part of the package agree with their model cards."""

import re
from importlib.resources import files

import pytest

from skblood import (
    load_bloodmnist,
    load_bloodmnist_sample,
    load_pretrained,
    save_model,
)

# Name, largest size in bytes, smallest accuracy on the test split.
MODELS = [
    ("bloodmnist-28", 1_500_000, 0.982),
    ("bloodmnist-28-robust", 1_500_000, 0.977),
    ("bloodmnist-28-tiny", 222_000, 0.972),
]


def read_card(name):
    return files("skblood").joinpath("models", f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize(("name", "most_bytes", "accuracy"), MODELS)
def test_on_the_sample(name, most_bytes, accuracy):
    # The test images of the sample come from the test split.
    X, y = load_bloodmnist_sample("test", return_X_y=True, labels="names")
    clf = load_pretrained(name)
    assert clf.score(X, y) > accuracy - 0.02
    assert clf.classes_.tolist() == load_bloodmnist_sample("test").target_names


@pytest.mark.parametrize(("name", "most_bytes", "accuracy"), MODELS)
def test_on_the_test_split(name, most_bytes, accuracy, bloodmnist_home):
    X, y = load_bloodmnist(
        split="test", return_X_y=True, labels="names", data_home=bloodmnist_home
    )
    score = load_pretrained(name).score(X, y)
    stated = float(re.search(r"\| accuracy +\| (0\.\d+)", read_card(name))[1])
    # Rounding differs between processors, which can change the class of an image.
    assert score == pytest.approx(stated, abs=2 / len(y))
    assert score >= accuracy


@pytest.mark.parametrize(("name", "most_bytes", "accuracy"), MODELS)
def test_is_small(name, most_bytes, accuracy):
    content = files("skblood").joinpath("models", f"{name}.safetensors").read_bytes()
    assert len(content) <= most_bytes


def test_parts_of_the_tiny_model_are_small(tmp_path):
    clf = load_pretrained("bloodmnist-28-tiny")
    path = tmp_path / "m.safetensors"
    for part, most_bytes in [("calibration_", 225_000), ("_familiarity", 150_000)]:
        setattr(clf, part, None)
        save_model(clf, path, half_precision=True)
        assert path.stat().st_size <= most_bytes


@pytest.mark.parametrize(("name", "most_bytes", "accuracy"), MODELS)
def test_is_calibrated_on_the_validation_split(name, most_bytes, accuracy):
    calibration = load_pretrained(name).calibration_
    assert calibration.counts.tolist() == [122, 312, 155, 290, 122, 143, 333, 235]
    assert 0.5 < calibration.temperature < 2


@pytest.mark.parametrize("name", [model[0] for model in MODELS])
def test_has_a_card_with_its_picture(name):
    card = read_card(name)
    for words in ("not a medical device", "CC BY 4.0", "95 % interval", "skblood"):
        assert words in " ".join(card.split())
    (picture,) = re.findall(r"!\[.*\]\((.*)\)", card)
    start = files("skblood").joinpath("models", picture).read_bytes()[:4]
    assert start == b"\x89PNG"


@pytest.mark.filterwarnings("error")
def test_no_warning_about_other_versions(monkeypatch):
    monkeypatch.setattr("sklearn.__version__", "99")
    load_pretrained()


def test_calls_share_no_weights():
    first, second = load_pretrained(MODELS[1][0]), load_pretrained(MODELS[1][0])
    cells = load_bloodmnist_sample("test")
    first.set_params(warm_start=True, max_epochs=1).fit(cells.images, cells.target)
    assert second.predict(cells.images[:1])[0] in cells.target_names


def test_unknown_name():
    with pytest.raises(
        ValueError,
        match=r"\(bloodmnist-28, .*, bloodmnist-28-tiny\), got 'bloodmnist-224'",
    ):
        load_pretrained("bloodmnist-224")


@pytest.mark.parametrize("name, most_bytes, accuracy", MODELS)
def test_floats_from_0_to_1_give_a_warning(name, most_bytes, accuracy):
    X = load_bloodmnist_sample("test").images
    clf = load_pretrained(name)
    assert clf.pixel_range_ == (0, 255)
    with pytest.warns(UserWarning, match="X has pixels from .* to 1, but") as record:
        clf.predict(X / 255)
    assert [warning.filename for warning in record] == [__file__]
