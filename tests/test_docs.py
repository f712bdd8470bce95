"""What is documented is what is there."""

import inspect
import os
import re
import subprocess
import sys

import pandas as pd
import pytest

import skblood


def section(documented, title):
    """Return the entries of a section of a docstring: names and what follows them."""
    underlined = re.split(r"^(.+)\n-+\n", inspect.getdoc(documented), flags=re.M)
    body = dict(zip(underlined[1::2], underlined[2::2], strict=True))[title]
    return dict(re.findall(r"^(\w+) : (.+)$", body, re.M))


def test_every_parameter_is_documented_with_its_default(tiny):
    signature = inspect.signature(type(tiny()))
    documented = section(type(tiny()), "Parameters")
    assert list(documented) == list(signature.parameters)
    for name, parameter in signature.parameters.items():
        assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
        # eval: "auto" and 'auto', 1e-4 and 0.0001 are the same defaults.
        assert eval(documented[name].split("default=")[1]) == parameter.default, name


def test_every_parameter_has_constraints(tiny):
    clf = tiny()
    assert set(clf._parameter_constraints) == set(clf.get_params())


def test_every_choice_is_documented(tiny):
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
    assert public == set(section(type(clf), "Attributes"))


def test_only_data_frames_give_feature_names(fitted):
    documented = set(section(type(fitted), "Attributes"))
    there = {name for name in documented if hasattr(fitted, name)}
    assert documented - there == {"feature_names_in_"}


def test_documented_parameters_of_methods(tiny):
    cls = type(tiny())
    for name in [name for name in dir(cls) if not name.startswith("_")]:
        method = getattr(cls, name)
        if not getattr(method, "__module__", "").startswith("skblood"):
            continue
        documented = section(method, "Parameters")
        assert list(inspect.signature(method).parameters) == ["self", *documented]


def run(script):
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_import_is_light():
    script = (
        "import sys, skblood; print({'torch', 'skorch', 'sklearn'} & {*sys.modules})"
    )
    assert run(script) == "set()"


def test_public_names():
    assert skblood.__all__
    for name in skblood.__all__:
        assert getattr(skblood, name).__name__ == name
        assert getattr(skblood, name).__doc__
    assert set(skblood.__all__) <= set(dir(skblood))
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", skblood.__version__)


def test_all_is_what_a_star_imports():
    assert (
        run("from skblood import *; print('BloodCNNClassifier' in globals())") == "True"
    )


def test_unknown_name():
    with pytest.raises(AttributeError, match="'skblood' has no attribute 'BloodSVM'"):
        skblood.BloodSVM  # noqa: B018
