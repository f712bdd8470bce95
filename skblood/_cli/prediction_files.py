"""The file that ``skblood predict -o`` writes. A run that was killed can continue."""

import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.utils import Bunch

from skblood._cli.inputs import print_errors, read_images
from skblood._cli.journal import Journal, describe_run, find_journal, is_begun
from skblood._cli.outputs import (
    check_can_write,
    check_is_outside,
    print_message,
    progress_bar,
)
from skblood._cli.parquet import ParquetWriter, check_can_write_parquet
from skblood._cli.sets import assess_images
from skblood._cli.summary import Tally
from skblood._cli.writers import CsvWriter

# Number of blocks of at most 256 files that are finished together. A larger number
# gives fewer small files in the journal, but a killed run loses more work.
N_BLOCKS_IN_CHUNK = 4
SUFFIXES = [".csv", ".parquet"]


def check_output_options(options):
    """Raise an error before any work if a file cannot be written as requested.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments of ``skblood predict``.
    """
    if options.adapt and (options.part is not None or options.resume):
        option = "--resume" if options.part is None else "--part"
        raise ValueError(
            "Expected --adapt for all images in a single run, because it measures the "
            f"colours of all images together, got --adapt together with {option}."
        )
    if options.output is None:
        if options.resume:
            raise ValueError(
                "Expected --resume together with --output, got --resume alone. Only a "
                "run that writes a file can be continued."
            )
        return
    output = Path(options.output)
    suffix = output.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(
            "Expected an output file whose name ends in .csv or .parquet, got "
            f"{output}."
        )
    if options.format not in (None, suffix[1:]):
        raise ValueError(
            f"Expected --output without --format, got --format {options.format}. The "
            f"name of the file decides: {output} has the format {suffix[1:]}."
        )
    check_can_write(output)
    check_is_outside(output, options.images)
    if suffix == ".parquet":
        check_can_write_parquet()
    journal = find_journal(output)
    if is_begun(journal) and not options.resume:
        raise FileExistsError(
            f"Expected a new output, got {output}, whose predictions were begun in the "
            f"folder {journal}. Add --resume to continue, or delete the folder to "
            "start again."
        )


def is_finished(options):
    """Return whether a run with --resume has nothing to do."""
    if options.output is None or not options.resume:
        return False
    output = Path(options.output)
    return output.exists() and not is_begun(find_journal(output))


def write_predictions(options, classifier, paths, blocks):
    """Predict images and write the file --output. An earlier run is continued.

    Parameters
    ----------
    options : argparse.Namespace
        The arguments of ``skblood predict``, with the resolved crop and model.
    classifier : BloodCNNClassifier, BloodFNNClassifier or AdaptedClassifier
    paths : list of Path
        All files.
    blocks : list of list of Path
        The files to predict, see `skblood._cli.parts`.

    Returns
    -------
    tally : Tally
    n_failed : int
        Number of files that could not be read.
    """
    output, size = Path(options.output), classifier.image_shape_[0]
    journal = Journal(find_journal(output), describe_run(options, paths, size))
    chunks = [
        blocks[i : i + N_BLOCKS_IN_CHUNK]
        for i in range(0, len(blocks), N_BLOCKS_IN_CHUNK)
    ]
    try:
        n_failed = _finish_chunks(journal, chunks, classifier, options)
    except KeyboardInterrupt:
        print_message(
            f"Interrupted. What was predicted is in the folder {journal.folder}. Run "
            "the command again with --resume to continue."
        )
        raise
    tally = _write_output(journal, chunks, classifier.classes_, options)
    journal.remove()
    return tally, n_failed


def _finish_chunks(journal, chunks, classifier, options):
    """Predict each chunk that the journal lacks; return how many files failed."""
    n_failed = 0
    n_files = sum(len(block) for chunk in chunks for block in chunk)
    with progress_bar(n_files, prints_meanwhile=False) as bar:
        for number, chunk in enumerate(chunks):
            if journal.has(number):
                _, errors = journal.read(number, classifier.classes_)
                print_errors(_join(chunk), errors)
            else:
                found, errors = _predict_chunk(chunk, classifier, options)
                journal.write(number, found, errors)
            n_failed += len(errors)
            bar.update(len(_join(chunk)))
    return n_failed


def _predict_chunk(chunk, classifier, options):
    """Predict some blocks, one after the other, and print which files failed."""
    results, errors, n_before = [], {}, 0
    for block in chunk:
        size = classifier.image_shape_[0]
        readable, images, failed = read_images(block, size, options.crop)
        print_errors(block, failed)
        if readable:
            results.append(assess_images(classifier, images, options.sets))
        errors |= {n_before + i: reason for i, reason in failed.items()}
        n_before += len(block)
    return _concatenate(results), errors


def _concatenate(results):
    """Join the return values of `assess_images`; None if there are none."""
    if not results:
        return None
    joined = Bunch()
    for name, first in results[0].items():
        parts = [found[name] for found in results]
        joined[name] = None if first is None else np.concatenate(parts)
    return joined


def _write_output(journal, chunks, classes, options):
    """Write all chunks to the output, which appears only when it is complete."""
    tally, output = Tally(), Path(options.output)
    has_sets = options.sets is not None
    # If the process is killed, this file is removed with the journal.
    temporary = journal.folder / "output"
    with _open_writer(temporary, output.suffix.lower(), classes, has_sets) as writer:
        for number, chunk in enumerate(chunks):
            found, errors = journal.read(number, classes)
            if found is not None:
                paths = enumerate(_join(chunk))
                writer.write([path for i, path in paths if i not in errors], found)
                tally.add(found)
    os.replace(temporary, output)
    return tally


@contextmanager
def _open_writer(path, suffix, classes, has_sets):
    """Open a file with a writer for it, and make sure that it is on the disk."""
    if suffix == ".parquet":
        file, make_writer = path.open("wb"), ParquetWriter
    else:
        # File names on Linux can contain bytes that are not UTF-8.
        file = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        make_writer = CsvWriter
    with file:
        with make_writer(classes, has_sets, file) as writer:
            yield writer
        file.flush()
        os.fsync(file.fileno())


def _join(chunk):
    return [path for block in chunk for path in block]
