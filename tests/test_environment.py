"""Environment variables that skblood sets when it is imported."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, "3000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "active"}, "None"),
    ],
    ids=str,
)
def test_spin_count_of_libgomp(given, expected):
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    others = {k: v for k, v in os.environ.items() if k not in names}
    script = "import os, skblood; print(os.environ.get('GOMP_SPINCOUNT'))"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env=others | given,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert found.stdout.strip() == expected
