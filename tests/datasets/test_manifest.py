import runpy

import pytest

from skblood.datasets import _manifest


def test_info_is_that_of_medmnist(home):
    # Running the file avoids the import of medmnist, which imports torch. It creates a
    # folder in the home folder, so the test needs the fixture `home`.
    info = runpy.run_path(str(_manifest._find_info_file()))["INFO"]
    assert _manifest.medmnist_info() == info
    blood = _manifest.collection("bloodmnist")
    assert blood.title == "BloodMNIST"
    assert blood.n_samples == info["bloodmnist"]["n_samples"]
    assert blood.long_names == list(info["bloodmnist"]["label"].values())
    assert blood.target_names == [
        "basophil",
        "eosinophil",
        "erythroblast",
        "immature granulocytes",
        "lymphocyte",
        "monocyte",
        "neutrophil",
        "platelet",
    ]


@pytest.mark.parametrize("name", _manifest.names())
def test_short_names_are_unique(name):
    collection = _manifest.collection(name)
    assert len(set(collection.target_names)) == len(collection.long_names)
    for short, long in zip(collection.target_names, collection.long_names, strict=True):
        assert short and long.startswith(short)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("platelet", "platelet"),
        ("immature granulocytes(myelocytes and others)", "immature granulocytes"),
        ("band cell (young (immature))", "band cell"),
        ("(other)", "(other)"),
        ("", ""),
    ],
)
def test_short_name(name, expected):
    assert _manifest.short_name(name) == expected


@pytest.mark.parametrize("name", _manifest.names())
def test_archives(name):
    info = _manifest.medmnist_info()[name]
    archives = _manifest.collection(name).archives
    assert list(archives) == [28, 64, 128, 224]
    for size, archive in archives.items():
        suffix = "" if size == 28 else f"_{size}"
        assert archive.size == size
        assert archive.title == info["python_class"]
        assert archive.filename == f"{name}{suffix}.npz"
        assert archive.url == info[f"url{suffix}"]
        assert archive.md5 == info[f"MD5{suffix}"]


def test_names_are_those_of_2d_images_with_one_label():
    names = _manifest.names()
    assert {"bloodmnist", "dermamnist", "octmnist", "pneumoniamnist"} <= set(names)
    assert "chestmnist" not in names
    assert not [name for name in names if name.endswith("3d")]


def test_medmnist_is_not_installed(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install medmnist"):
        _manifest._find_info_file()


def test_medmnist_without_info(tmp_path):
    path = tmp_path / "info.py"
    path.write_text("OTHER = {}\nOTHER['INFO'] = 1\n")
    with pytest.raises(
        ImportError, match=r"Expected an assignment to INFO in .*, got none"
    ):
        _manifest._read_info(path)
