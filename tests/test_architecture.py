"""Imports inside of the package run downwards only, as the architecture page shows."""

import ast
from pathlib import Path

import pytest

import skblood

PACKAGE = Path(skblood.__file__).parent

# From the bottom to the top. A module may import from its own room and from lower rows.
LAYERS = [
    {"_distributed"},
    {"_io", "_layers", "_optical_density", "_resizing", "_sklearn_compat", "_warnings"},
    {"_input", "_runtime"},
    {"datasets", "metrics"},
    {"calibration", "display", "preprocessing", "smears"},
    {"augmentation", "networks", "optimizers"},
    {"_training", "familiarity"},
    {"_predictions"},
    {"_base"},
    {"cnn", "fnn"},
    {"adaptation", "assessment", "persistence"},
    {"export", "model_cards", "pretrained", "suggestion"},
    {"auditing", "counting"},
    {"_cli"},
    {"__main__"},
]
HEIGHT = {room: height for height, layer in enumerate(LAYERS) for room in layer}


def imported_modules(path, package=PACKAGE):
    """Yield the full name of each module that a file imports, functions included."""
    parts = (package.name, *path.relative_to(package).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = parts[: len(parts) - node.level] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imported_rooms(path, package=PACKAGE):
    """Return the parts of the package that a file imports from: its rooms."""
    rooms = set()
    for module in imported_modules(path, package):
        names = module.split(".")
        if names[0] == package.name and len(names) > 1:
            # A public name of the package itself is imported from its own room.
            home = skblood._MODULE_OF.get(names[1], f"{package.name}.{names[1]}")
            rooms.add(home.split(".")[1])
    return rooms & set(HEIGHT)


def room_of(path, package=PACKAGE):
    return path.relative_to(package).with_suffix("").parts[0]


def find_upward_imports(package=PACKAGE):
    return [
        f"{path.relative_to(package)} imports {room}"
        for path in sorted(package.rglob("*.py"))
        if room_of(path, package) != "__init__"
        for room in imported_rooms(path, package)
        if room != room_of(path, package)
        and HEIGHT[room] >= HEIGHT[room_of(path, package)]
    ]


def test_imports_run_downwards():
    assert find_upward_imports() == []


def test_every_module_has_a_place():
    rooms = {room_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__"}
    assert rooms == set(HEIGHT)


@pytest.mark.parametrize(
    "statement",
    [
        "from skblood.cnn import BloodCNNClassifier",
        "import skblood._base",
        "from .. import _training",
        "from .._training.net import ImageNet",
        "from skblood import BloodCNNClassifier",
        "def f():\n    from skblood import load_model",
    ],
)
def test_upward_imports_are_found(tmp_path, statement):
    package = tmp_path / "skblood"
    (package / "datasets").mkdir(parents=True)
    (package / "datasets" / "_bad.py").write_text(statement + "\n")
    assert len(find_upward_imports(package)) == 1


def test_private_parts_of_scikit_learn_are_imported_in_one_module():
    users = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for module in imported_modules(path)
        if module.startswith("sklearn.")
        and any(name.startswith("_") for name in module.split("."))
    }
    assert users == {"_sklearn_compat.py"}


def test_the_architecture_page_names_every_module():
    page = Path(__file__).parents[1] / "docs" / "development" / "architecture.rst"
    text = page.read_text(encoding="utf-8")
    modules = {path.name for path in PACKAGE.rglob("*.py")} - {"__init__.py"}
    assert {name for name in modules if name not in text} == set()
