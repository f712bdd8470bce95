"""The docstrings match the code, and the public names can be imported."""

import inspect
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

import skblood


def section(documented, title):
    """Return a dict from the names in a section of a docstring to their types."""
    underlined = re.split(r"^(.+)\n-+\n", inspect.getdoc(documented), flags=re.M)
    body = dict(zip(underlined[1::2], underlined[2::2], strict=True))[title]
    return dict(re.findall(r"^(\w+) : (.+)$", body, re.M))


def test_every_parameter_is_documented_with_its_default(tiny):
    signature = inspect.signature(type(tiny()))
    documented = section(type(tiny()), "Parameters")
    assert list(documented) == list(signature.parameters)
    for name, parameter in signature.parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        # `eval`, since a default can be written in several ways: 1e-4 is 0.0001.
        assert eval(documented[name].split("default=")[1]) == parameter.default, name


def test_every_parameter_has_constraints(tiny):
    clf = tiny()
    assert set(clf._parameter_constraints) == set(clf.get_params())


def test_every_string_option_is_documented(tiny):
    documented = section(type(tiny()), "Parameters")
    for name, constraints in tiny()._parameter_constraints.items():
        for constraint in constraints:
            for option in getattr(constraint, "options", ()):
                assert f'"{option}"' in documented[name], name


def test_every_fitted_attribute_is_documented(tiny, cells):
    X, y = cells
    frame = pd.DataFrame(X.reshape(len(X), -1)).rename(columns=str)
    clf = tiny().fit(frame, y)
    public = {name for name in vars(clf) if name.endswith("_") and name[0] != "_"}
    assert public | {"familiarity_"} == set(section(type(clf), "Attributes"))


def test_documented_attributes_exist_except_for_feature_names(fitted):
    documented = set(section(type(fitted), "Attributes"))
    missing = {name for name in documented if not hasattr(fitted, name)}
    # Only a fit to a DataFrame sets this attribute.
    assert missing == {"feature_names_in_"}


def test_documented_parameters_of_methods_match_the_signatures(tiny):
    cls = type(tiny())
    for name in [name for name in dir(cls) if not name.startswith("_")]:
        method = getattr(cls, name)
        if not getattr(method, "__module__", "").startswith("skblood"):
            continue
        documented = section(method, "Parameters")
        assert list(inspect.signature(method).parameters) == ["self", *documented]


def run(script):
    """Return what a script prints in a new Python process."""
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", script]
    result = subprocess.run(
        command, env=env, capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_import_does_not_load_torch_skorch_or_sklearn():
    script = (
        "import sys, skblood; print({'torch', 'skorch', 'sklearn'} & {*sys.modules})"
    )
    assert run(script) == "set()"


def test_public_names_and_version():
    assert skblood.__all__
    for name in skblood.__all__:
        assert getattr(skblood, name).__name__ == name
        assert getattr(skblood, name).__doc__
    assert set(skblood.__all__) <= set(dir(skblood))
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", skblood.__version__)


def test_star_import_provides_the_public_names():
    assert (
        run("from skblood import *; print('BloodCNNClassifier' in globals())") == "True"
    )


def test_unknown_name_raises_an_error():
    with pytest.raises(AttributeError, match="'skblood' has no attribute 'BloodSVM'"):
        skblood.BloodSVM  # noqa: B018
