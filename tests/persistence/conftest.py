"""A fixture for the tests of model files."""

import pytest


@pytest.fixture
def path(tmp_path):
    """Return the path of a model file that does not exist yet."""
    return tmp_path / "cells.safetensors"
