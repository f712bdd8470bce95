"""``skblood predict`` for many files: parts of a job array, and killed runs."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from skblood import assess
from skblood.__main__ import main
from skblood._cli.parts import MAX_IMAGES

N_FILES = 2 * MAX_IMAGES + 88
# More than two chunks of 1,024 files each.
N_MANY = 2500
MODEL = "bloodmnist-28-tiny"
TEXTS = ["image", "label", "state"]


def run(*arguments):
    return main(["predict", *map(str, arguments), "--model", MODEL])


@pytest.fixture(scope="module")
def folder(cells, new_cells, tmp_path_factory):
    """Return a folder with 600 files in sub-folders; two of them are not images."""
    folder = tmp_path_factory.mktemp("many") / "cells"
    images = np.concatenate([cells[0], new_cells[0]])
    for i in range(N_FILES):
        path = folder / f"slide{i // 200}" / f"cell{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[i % len(images)]).save(path)
    (folder / "slide0" / "cell3.png").write_text("not an image")
    (folder / "slide2" / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture(scope="module")
def many(cells, tmp_path_factory):
    """Return a folder with 2,500 files, which take several seconds."""
    folder = tmp_path_factory.mktemp("more") / "cells"
    folder.mkdir()
    for i, image in enumerate(cells[0]):
        Image.fromarray(image).save(folder / f"cell{i}.png")
    for i in range(len(cells[0]), N_MANY):
        os.link(folder / f"cell{i % len(cells[0])}.png", folder / f"cell{i}.png")
    return folder


@pytest.fixture(scope="module")
def printed(folder):
    """Return the standard output and error of a single run with --format csv."""
    command = [sys.executable, "-m", "skblood", "predict", folder, "--format", "csv"]
    result = subprocess.run(
        [*command, "--model", MODEL], capture_output=True, check=False
    )
    assert result.returncode == 1
    return result.stdout, result.stderr.decode()


def names_in(path):
    return sorted(entry.name for entry in path.iterdir())


# -- files -----------------------------------------------------------------------------


def test_a_csv_file_holds_what_is_printed(folder, printed, tmp_path, capsys):
    output = tmp_path / "out.csv"
    assert run(folder, "-o", output) == 1
    out, err = capsys.readouterr()
    assert output.read_bytes() == printed[0]
    assert err == printed[1]
    assert out == f"{output}: {N_FILES - 1} images\n"
    assert names_in(tmp_path) == ["out.csv"]


def test_a_parquet_file_has_typed_columns(folder, printed, tmp_path):
    output = tmp_path / "out.parquet"
    assert run(folder, "-o", output) == 1
    table = parquet.read_table(output)
    rows = list(csv.reader(printed[0].decode().splitlines()))
    assert table.column_names == rows[0]
    for field in table.schema:
        expected = pa.string() if field.name in TEXTS else pa.float64()
        assert field.type == expected
    for name, *values in zip(*rows, strict=True):
        column = table[name].to_pylist()
        if name in TEXTS:
            assert column == values
        else:
            np.testing.assert_allclose(column, np.array(values, float), atol=0.006)


def test_parquet_without_familiarity(tiny_cnn, cells, folder, tmp_path):
    from skblood import save_model

    X, y = cells
    model = tmp_path / "old.safetensors"
    save_model(tiny_cnn(max_epochs=1).fit(X, y), model)
    arguments = ["predict", folder / "slide1", "-o", tmp_path / "out.parquet"]
    assert main([*map(str, arguments), "--model", str(model)]) == 0
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table["familiarity"].null_count == len(table) == 200
    assert table.column_names[5:] == [str(k) for k in range(8)]


def test_a_file_that_exists_is_replaced(folder, printed, tmp_path):
    output = tmp_path / "out.csv"
    output.write_text("an earlier output")
    assert run(folder, "-o", output) == 1
    assert output.read_bytes() == printed[0]


def test_adapted_predictions_in_a_file(folder, tmp_path, capsys):
    arguments = [folder / "slide1", "--adapt", "--classes", "lymphocyte,monocyte"]
    assert run(*arguments, "--format", "csv") == 0
    expected = capsys.readouterr().out
    assert run(*arguments, "-o", tmp_path / "out.csv") == 0
    assert (tmp_path / "out.csv").read_text() == expected


@pytest.mark.skipif(sys.platform != "linux", reason="needs any bytes as a file name")
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_file_names_that_are_not_utf_8(suffix, new_cells, tmp_path):
    (tmp_path / "cells").mkdir()
    name = os.fsdecode(b"cell-\xff.png")
    Image.fromarray(new_cells[0][0]).save(tmp_path / "cells" / name)
    output = tmp_path / f"out.{suffix}"
    assert run(tmp_path / "cells", "-o", output) == 0
    assert rb"cell-\udcff.png" in output.read_bytes()


def test_files_that_are_not_images_only(tmp_path, capsys):
    (tmp_path / "cells").mkdir()
    (tmp_path / "cells" / "notes.txt").write_text("none")
    output = tmp_path / "out.csv"
    assert run(tmp_path / "cells", "-o", output) == 1
    assert len(output.read_text().splitlines()) == 1
    assert "notes.txt: not an image" in capsys.readouterr().err


# -- parts -----------------------------------------------------------------------------


@pytest.mark.parametrize("n_parts", [1, 2, 3, 5])
def test_parts_of_csv_concatenate_to_a_single_run(
    n_parts, folder, printed, tmp_path, capsys
):
    header, body = printed[0].split(b"\n", 1)
    bodies, statuses = [], []
    for k in range(1, n_parts + 1):
        output = tmp_path / f"part-{k}.csv"
        statuses.append(run(folder, "--part", f"{k}/{n_parts}", "-o", output))
        own_header, own_body = output.read_bytes().split(b"\n", 1)
        assert own_header == header
        bodies.append(own_body)
    assert b"".join(bodies) == body
    assert max(statuses) == 1
    err = capsys.readouterr().err
    for name in ("cell3.png", "notes.txt"):
        assert err.count(f"{name}: not an image") == 1
    assert (all(bodies[:3]) and not any(bodies[3:])) or n_parts == 5
    assert names_in(tmp_path) == [f"part-{k}.csv" for k in range(1, n_parts + 1)]


def test_parts_of_parquet_concatenate_to_a_single_run(folder, tmp_path):
    assert run(folder, "-o", tmp_path / "all.parquet") == 1
    parts = []
    for k in range(1, 6):
        run(folder, "--part", f"{k}/5", "-o", tmp_path / f"{k}.parquet")
        parts.append(parquet.read_table(tmp_path / f"{k}.parquet"))
    # The 601 files are three blocks, so two of the parts are empty.
    assert sorted(len(part) > 0 for part in parts) == [False] * 2 + [True] * 3
    assert pa.concat_tables(parts).equals(parquet.read_table(tmp_path / "all.parquet"))


def test_parts_are_printed_too(folder, printed, capsys):
    lines = []
    for k in (1, 2):
        run(folder, "--part", f"{k}/2", "--format", "csv")
        lines.append(capsys.readouterr().out.splitlines())
    assert lines[0] + lines[1][1:] == printed[0].decode().splitlines()


def test_all_parts_have_the_automatic_crop_of_the_folder(folder, tmp_path, capsys):
    assert run(folder, "--crop", "auto", "-o", tmp_path / "all.csv") == 1
    expected = (tmp_path / "all.csv").read_text().splitlines()
    lines = expected[:1]
    for k in (1, 2, 3):
        output = tmp_path / f"{k}.csv"
        run(folder, "--crop", "auto", "--part", f"{k}/3", "-o", output)
        lines += output.read_text().splitlines()[1:]
    assert lines == expected


@pytest.mark.parametrize("part", ["0/4", "5/4", "3", "a/b", "1/0", "-1/4", "1/2/3", ""])
def test_parts_that_do_not_exist(part, capsys):
    with pytest.raises(SystemExit) as exit_:
        run("no-folder", f"--part={part}")
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    assert "expected K/N with whole numbers K from 1 to N, such as 3/16" in err
    assert f"got {part!r}" in err


# -- runs that continue ----------------------------------------------------------------


def start(*arguments):
    command = [sys.executable, "-m", "skblood", "predict", *map(str, arguments)]
    return subprocess.Popen(
        [*command, "--model", MODEL], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def stop_after_a_chunk(process, journal, number):
    """Send a signal to a process when its first chunk is finished."""
    deadline = time.monotonic() + 100
    while not list(journal.glob("*.npz")):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(number)
    return process.communicate()[1].decode()


@pytest.fixture(scope="module")
def killed(many, tmp_path_factory):
    """Return a folder with what a killed run left; one chunk of three is finished."""
    folder = tmp_path_factory.mktemp("killed")
    process = start(many, "-o", folder / "out.csv")
    stop_after_a_chunk(process, folder / "out.csv.partial", signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (folder / "out.csv").exists()
    assert 1 <= len(list((folder / "out.csv.partial").glob("*.npz"))) < 3
    return folder


@pytest.fixture
def unfinished(killed, tmp_path):
    """Return a copy of the output folder that a killed run left."""
    return shutil.copytree(killed, tmp_path / "unfinished")


def test_a_killed_run_continues(many, unfinished, tmp_path, monkeypatch, capsys):
    assert run(many, "-o", tmp_path / "whole.csv") == 0
    whole = capsys.readouterr().err
    n_finished = len(list((unfinished / "out.csv.partial").glob("*.npz")))
    n_images = []

    def counting(classifier, images):
        n_images.append(len(images))
        return assess(classifier, images)

    monkeypatch.setattr("skblood.assess", counting, raising=False)
    # The journal names the absolute path of the folder, but not of the output.
    assert run(many, "-o", unfinished / "out.csv", "--resume") == 0
    assert sum(n_images) == N_MANY - 1024 * n_finished
    output = (unfinished / "out.csv").read_bytes()
    assert output == (tmp_path / "whole.csv").read_bytes()
    assert capsys.readouterr().err == whole
    assert names_in(unfinished) == ["out.csv"]


def test_a_killed_part_continues(many, tmp_path):
    part = [many, "--part", "2/2", "-o"]
    assert run(*part, tmp_path / "whole.parquet") == 0
    process = start(*part, tmp_path / "out.parquet")
    stop_after_a_chunk(process, tmp_path / "out.parquet.partial", signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert run(*part, tmp_path / "out.parquet", "--resume") == 0
    found = parquet.read_table(tmp_path / "out.parquet")
    assert found.equals(parquet.read_table(tmp_path / "whole.parquet"))
    assert names_in(tmp_path) == ["out.parquet", "whole.parquet"]


def test_ctrl_c_says_how_to_continue(many, tmp_path):
    journal = tmp_path / "out.csv.partial"
    process = start(many, "-o", tmp_path / "out.csv")
    err = stop_after_a_chunk(process, journal, signal.SIGINT)
    assert process.returncode == 130
    assert f"Interrupted. What was predicted is in the folder {journal}." in err
    assert names_in(tmp_path) == ["out.csv.partial"]


def test_a_complete_file_is_left_as_it_is(folder, tmp_path, monkeypatch, capsys):
    output = tmp_path / "out.csv"
    output.write_text("complete")
    monkeypatch.setattr("skblood.load_pretrained", None, raising=False)
    assert run(folder, "-o", output, "--resume") == 0
    out, err = capsys.readouterr()
    assert (out, output.read_text()) == ("", "complete")
    assert err.startswith(f"skblood: {output} is complete, so nothing was done.")


def test_resume_without_an_earlier_run(folder, printed, tmp_path):
    assert run(folder, "-o", tmp_path / "out.csv", "--resume") == 1
    assert (tmp_path / "out.csv").read_bytes() == printed[0]


def test_an_unfinished_run_continues_beside_an_older_file(many, unfinished):
    (unfinished / "out.csv").write_text("older")
    assert run(many, "-o", unfinished / "out.csv", "--resume") == 0
    assert len((unfinished / "out.csv").read_text().splitlines()) == N_MANY + 1


def test_files_that_failed_are_named_again(folder, tmp_path, monkeypatch, capsys):
    output = tmp_path / "out.csv"
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        assert run(folder, "-o", output) == 1
    assert "No space left" in capsys.readouterr().err
    assert run(folder, "-o", output, "--resume") == 1
    err = capsys.readouterr().err
    assert err.count("not an image") == 2
    assert f"skblood: {N_FILES - 1} images: " in err


def fail(source, target, replace=os.replace):
    """Fail as on a full disk, but not for the chunks."""
    if Path(source).name == "output":
        raise OSError("No space left on device")
    replace(source, target)


def test_without_resume_an_unfinished_run_is_not_lost(many, unfinished, capsys):
    before = names_in(unfinished / "out.csv.partial")
    assert run(many, "-o", unfinished / "out.csv") == 1
    err = capsys.readouterr().err
    assert "Add --resume to continue, or delete the folder to start again." in err
    assert names_in(unfinished / "out.csv.partial") == before


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (["--part", "1/2"], "--part: none before, 1/2 now"),
        (["--crop", "20"], "--crop: none before, 20 now"),
        (["--model", "bloodmnist-28"], "model: bloodmnist-28-tiny before, bloodmnist"),
        (["more.png"], "images: "),
    ],
    ids=lambda value: value[0],
)
def test_other_arguments_are_refused(
    change, problem, many, new_cells, unfinished, monkeypatch, capsys
):
    monkeypatch.chdir(unfinished)
    Image.fromarray(new_cells[0][0]).save("more.png")
    before = names_in(unfinished / "out.csv.partial")
    arguments = ["predict", "--model", MODEL, "-o", "out.csv", "--resume", str(many)]
    assert main([*arguments, *change]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "Expected the arguments of the run that began out.csv.partial, got" in err
    assert problem in err
    assert names_in(unfinished / "out.csv.partial") == before


def test_another_list_of_files_is_refused(folder, tmp_path, monkeypatch, capsys):
    copy = shutil.copytree(folder, tmp_path / "cells")
    (tmp_path / "out").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        assert run(copy, "-o", tmp_path / "out" / "a.csv") == 1
    (copy / "slide0" / "cell7.png").unlink()
    capsys.readouterr()
    assert run(copy, "-o", tmp_path / "out" / "a.csv", "--resume") == 1
    assert "files in them: 601 (SHA-256 " in capsys.readouterr().err


def test_another_model_with_the_same_name_is_refused(
    tiny_cnn, cells, folder, tmp_path, monkeypatch, capsys
):
    from skblood import save_model

    model, output = tmp_path / "m.safetensors", tmp_path / "out.csv"
    arguments = ["predict", folder, "-o", output, "--model", model]
    save_model(tiny_cnn(max_epochs=1).fit(*cells), model)
    with monkeypatch.context() as patch:
        patch.setattr("os.replace", fail)
        assert main([*map(str, arguments)]) == 1
    save_model(tiny_cnn(max_epochs=2).fit(*cells), model)
    capsys.readouterr()
    assert main([*map(str, arguments), "--resume"]) == 1
    assert f"(model: {model} (SHA-256 " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["arguments.json", "000000.npz"])
def test_a_damaged_journal(name, many, unfinished, capsys):
    (unfinished / "out.csv.partial" / name).write_bytes(b"PK\x03\x04 half")
    assert run(many, "-o", unfinished / "out.csv", "--resume") == 1
    err = capsys.readouterr().err
    assert f"{name} is damaged. Delete" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_chunks_without_arguments_are_not_used(resume, folder, printed, tmp_path):
    journal = tmp_path / "out.csv.partial"
    journal.mkdir()
    (journal / "000000.npz").write_bytes(b"the rest of a journal that was removed")
    assert run(folder, "-o", tmp_path / "out.csv", *resume) == 1
    assert (tmp_path / "out.csv").read_bytes() == printed[0]
    assert names_in(tmp_path) == ["out.csv"]


def test_a_folder_of_the_user_is_kept(folder, tmp_path, capsys):
    journal = tmp_path / "out.csv.partial"
    journal.mkdir()
    (journal / "mine.txt").write_text("keep")
    assert run(folder, "-o", tmp_path / "out.csv") == 1
    assert "a folder with other files, such as mine.txt" in capsys.readouterr().err
    assert (journal / "mine.txt").read_text() == "keep"


# -- errors before any work ------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--resume"], "Expected --resume together with --output, got --resume alone."),
        (["-o", "out.txt"], "whose name ends in .csv or .parquet, got out.txt"),
        (["-o", "none/out.csv"], "none/out.csv cannot be written: the folder"),
        (["-o", "images/out.csv"], "Expected an output outside of the images, got"),
        (["-o", "x.csv", "--format", "json"], "Expected --output without --format"),
        (["-o", "x.csv", "--format", "table"], "Expected --output without --format"),
        (["--adapt", "--part", "1/2"], "got --adapt together with --part."),
        (["--adapt", "-o", "x.csv", "--resume"], "got --adapt together with --resume."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_before_any_work(arguments, problem, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    monkeypatch.setattr("skblood.load_pretrained", None, raising=False)
    assert run("images", *arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert problem in err
    assert err.count("\n") == 1
    assert names_in(tmp_path) == ["images"]


def test_parquet_without_pyarrow(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("skblood._cli.parquet.find_spec", lambda name: None)
    monkeypatch.setattr("skblood.load_pretrained", None, raising=False)
    assert run(tmp_path / "none", "-o", tmp_path / "out.parquet") == 1
    err = capsys.readouterr().err
    assert "Parquet files need pyarrow, which is not installed." in err
    assert 'Run pip install "skblood[parquet]"' in err


def test_csv_does_not_import_pyarrow(folder, tmp_path):
    script = (
        "import sys; from skblood.__main__ import main; "
        "assert main(sys.argv[1:]) == 0; print('pyarrow.parquet' in sys.modules)"
    )
    arguments = ["predict", folder / "slide1", "--model", MODEL]
    command = [sys.executable, "-c", script, *arguments, "-o", tmp_path / "out.csv"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "False"
