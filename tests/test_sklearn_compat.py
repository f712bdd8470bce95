"""The HTML representation of each estimator links to its page in the reference."""

import re

import pytest

from skblood import (
    AdaptedClassifier,
    BloodCNNClassifier,
    BloodFNNClassifier,
    FamiliarityDetector,
    _sklearn_compat,
)
from skblood.preprocessing import CellImagePreprocessor

PAGES = {
    "skblood.AdaptedClassifier": AdaptedClassifier(None),
    "skblood.BloodCNNClassifier": BloodCNNClassifier(),
    "skblood.BloodFNNClassifier": BloodFNNClassifier(),
    "skblood.FamiliarityDetector": FamiliarityDetector(None),
    "skblood.preprocessing.CellImagePreprocessor": CellImagePreprocessor(),
}
each_estimator = pytest.mark.parametrize(("page", "estimator"), PAGES.items())


def links(estimator):
    """Return the pages to which the HTML representation links, without positions."""
    found = re.findall(r'href="([^"]*)"', estimator._repr_html_())
    return {address.split("#")[0] for address in found}


@each_estimator
def test_there_is_no_link_without_an_address_of_the_documentation(
    page, estimator, monkeypatch
):
    monkeypatch.setattr(_sklearn_compat, "DOCUMENTATION_URL", "")
    assert links(estimator) == set()


@each_estimator
def test_an_estimator_links_to_its_page(page, estimator, monkeypatch):
    monkeypatch.setattr(_sklearn_compat, "DOCUMENTATION_URL", "https://docs.local/")
    assert links(estimator) == {f"https://docs.local/generated/{page}.html"}


def test_a_subclass_of_a_user_has_no_link(monkeypatch):
    class Subclass(BloodFNNClassifier):
        pass

    monkeypatch.setattr(_sklearn_compat, "DOCUMENTATION_URL", "https://docs.local/")
    assert links(Subclass()) == set()
