"""Files that cannot be model files are refused before they are read."""

import os

import pytest

from skblood import load_model


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a system with named pipes")
@pytest.mark.timeout(20)  # Opening a named pipe waits for a writer.
def test_named_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe cannot be loaded.*not a regular file"):
        load_model(tmp_path / "pipe")


def test_folder(tmp_path):
    with pytest.raises(IsADirectoryError):
        load_model(tmp_path)
