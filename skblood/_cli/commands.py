"""The commands: predict, suggest, train, calibrate and evaluate.

Each is a function that takes the parsed arguments and returns the exit status.
"""

import sys
import warnings
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from shutil import copyfile

import numpy as np

from skblood._cli.inputs import (
    DEFAULT_SIZE,
    adapt,
    check_classes,
    choose_evenly,
    choose_model,
    find_files,
    image_size,
    load_classifier,
    load_labelled_images,
    match_names,
    print_errors,
    read_images,
    read_some_images,
    resolve_crop,
)
from skblood._cli.outputs import (
    check_can_write,
    check_is_new,
    print_message,
    progress_bar,
)
from skblood._cli.parts import choose_part, split_into_blocks
from skblood._cli.sets import assess_images, check_sets, describe_sets
from skblood._cli.shards import check_shard_options, side_of_shards
from skblood._cli.summary import (
    Tally,
    describe_doubts,
    describe_familiarity,
    make_command,
)
from skblood._cli.writers import WRITERS, GuessWriter, printable

# A trained model learns what is familiar if it has at least so many images. With fewer
# than these, more than a tenth of similar images would be called unfamiliar.
MIN_REFERENCE = 20


def predict(options):
    """Print the predicted class of each image, its probability, and doubts about it.

    With --output, the predictions are written to a file. A summary on the standard
    error says how many images there are of each class.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a file could not be read, otherwise 0.
    """
    from skblood._cli.prediction_files import (
        check_output_options,
        is_finished,
        write_predictions,
    )

    check_classes(options)
    check_output_options(options)
    if is_finished(options):
        print_message(
            f"{options.output} is complete, so nothing was done. Delete it to predict "
            "the images again."
        )
        return 0
    paths = find_files(options.images)
    options.model = choose_model(options)
    classifier = load_classifier(options.model)
    check_sets(options, classifier)
    options.crop = resolve_crop(options.crop, paths, classifier)
    if options.adapt:
        images = read_some_images(
            choose_evenly(paths), image_size(classifier), options.crop
        )
        classifier = adapt(classifier, images, options.classes)
    blocks = split_into_blocks(paths, image_size(classifier))
    blocks = choose_part(blocks, options.part)
    if options.output is None:
        tally, n_failed = _print_predictions(options, classifier, blocks)
    else:
        tally, n_failed = write_predictions(options, classifier, paths, blocks)
        print(printable(f"{options.output}: {tally.n_images} images"))
    if tally.n_images > 0:
        print_message(tally.describe())
    print_message(describe_sets(tally, options.sets))
    print_message(*describe_familiarity(tally, options))
    return int(n_failed > 0)


def _print_predictions(options, classifier, blocks):
    """Print the predictions; return a tally and the number of files that failed."""
    n_failed, tally = 0, Tally()
    form = options.format or "table"
    is_bare = options.bare and form == "table"
    make_writer = GuessWriter if is_bare else WRITERS[form]
    with (
        make_writer(classifier.classes_, options.sets is not None) as writer,
        progress_bar(sum(map(len, blocks))) as bar,
    ):
        for block, readable, images in _read_blocks(blocks, classifier, options.crop):
            if readable:
                found = assess_images(classifier, images, options.sets)
                writer.write(readable, found)
                sys.stdout.flush()
                tally.add(found)
            n_failed += len(block) - len(readable)
            bar.update(len(block))
    return tally, n_failed


def suggest(options):
    """Copy the images that are worth labelling first to a new folder.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a file could not be read, otherwise 0. Other errors are raised.
    """
    from skblood.suggestion import choose_typical

    output = Path(options.output)
    check_is_new(output)
    paths = find_files(options.images)
    classifier = load_classifier(options.model)
    options.crop = resolve_crop(options.crop, paths, classifier)
    embeddings, found = [], []
    blocks = split_into_blocks(paths, image_size(classifier))
    for _, readable, images in _read_blocks(blocks, classifier, options.crop):
        if readable:
            found += readable
            embeddings.append(classifier.transform(images))
    if not found:
        raise ValueError("Expected images, got only files that cannot be read.")
    chosen = choose_typical(np.concatenate(embeddings), options.number)
    _copy_all([found[index] for index in chosen], output)
    print(printable(f"{output}: {len(chosen)} of {len(found)} images"))
    print_message(
        f"Move each image to a sub-folder of {output} with the name of its class, and "
        "delete images that you cannot name. Then train:",
        make_command("train", output, "-o", "ours.safetensors", options=options),
    )
    return int(len(found) < len(paths))


def train(options):
    """Train a model on a folder with one sub-folder for each class, and save it.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a file could not be read, otherwise 0. Other errors are raised.
    """
    from skblood import save_model

    check_can_write(options.output)
    check_shard_options(options.folder, options.crop)
    classifier, size = _make_classifier(options)
    options.crop = resolve_crop(options.crop, find_files([options.folder]), classifier)
    images, labels, n_failed = load_labelled_images(options.folder, size, options.crop)
    if options.start is not None:
        labels = _use_known_names(labels, classifier.classes_.tolist())
    _fit(classifier, images, labels)
    # These two are choices of this command, not of the model.
    classifier.set_params(warm_start=False, verbose=0)
    if len(images) >= MIN_REFERENCE:
        classifier.fit_familiarity(images)
    else:
        print_message(
            f"Expected at least {MIN_REFERENCE} images to learn which images are "
            f"familiar, got {len(images)}. The model will not mark unfamiliar images."
        )
    save_model(classifier, options.output)
    counts = Counter(map(str, labels))
    print(f"{options.output}: {len(counts)} classes, {len(labels)} images")
    print_message(
        f"Images of each class: {', '.join(f'{k} {n}' for k, n in counts.items())}. "
        "Check the model with other sorted images:",
        make_command(
            *("evaluate", "SORTED", "--model", options.output),
            options=options,
            has_model=False,
        ),
    )
    return int(n_failed > 0)


def calibrate(options):
    """Calibrate a model with sorted images, and save it to a new file.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a file could not be read, otherwise 0. Other errors are raised.
    """
    from skblood import save_model

    check_can_write(options.output)
    check_shard_options(options.folder, options.crop)
    classifier = load_classifier(options.model)
    options.crop = resolve_crop(options.crop, find_files([options.folder]), classifier)
    images, labels, n_failed = load_labelled_images(
        options.folder, image_size(classifier), options.crop
    )
    truth = _find_known_labels(labels, classifier, options.folder, "the model knows")
    classifier.fit_calibration(images, truth)
    save_model(classifier, options.output)
    temperature = classifier.calibration_.temperature
    print(f"{options.output}: {len(truth)} images, temperature {temperature:.3f}")
    print_message(
        "The model's probabilities are calibrated now. Predict sets of classes that "
        "contain the true class for at least 95 % of such images, on average:",
        make_command(
            *("predict", "IMAGES", "--sets", 0.95, "--model", options.output),
            options=options,
            has_model=False,
        ),
    )
    return int(n_failed > 0)


def evaluate(options):
    """Print precision and recall of a model for each class, and how doubts help.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a file could not be read, otherwise 0. Other errors are raised.
    """
    from sklearn.metrics import classification_report

    from skblood import assess

    check_classes(options)
    check_shard_options(options.folder, options.crop)
    options.model = choose_model(options)
    classifier = load_classifier(options.model)
    options.crop = resolve_crop(options.crop, find_files([options.folder]), classifier)
    images, labels, n_failed = load_labelled_images(
        options.folder, image_size(classifier), options.crop
    )
    if options.adapt:
        classifier = adapt(classifier, images, options.classes)
    source = "the model knows" if options.classes is None else "--classes allows"
    truth = _find_known_labels(labels, classifier, options.folder, source).astype(str)
    found = assess(classifier, images)
    predicted = found.labels.astype(str)
    print(classification_report(truth, predicted, digits=3, zero_division=0))
    print(describe_doubts(found, predicted != truth))
    tally = Tally()
    tally.add(found)
    print_message(*describe_familiarity(tally, options))
    return int(n_failed > 0)


def _find_known_labels(labels, classifier, folder, source):
    """Return the labels of a folder in the spelling of the classifier.

    `source` says in the message of an error what decides which classes there can be.
    """
    # The labels of a model that was fitted in Python can be numbers.
    known = {str(label): label for label in classifier.classes_.tolist()}
    names = sorted(set(labels))
    matches = match_names(names, list(known))
    unknown = [name for name in names if name not in matches]
    if unknown:
        raise ValueError(
            f"Expected sub-folders of {folder} with the names of classes that "
            f"{source} ({', '.join(known)}), one for each class, got "
            f"{', '.join(unknown)}. If such a name is only spelled differently, rename "
            "the sub-folder. If the model does not know this kind of cells, move the "
            f"sub-folder out of {folder}, or train again with such cells."
        )
    return np.array([known[matches[label]] for label in labels])


def _fit(classifier, images, labels):
    """Fit a classifier, and say so if the user interrupts it."""
    # The warning of `fit` says that the classifier keeps what it has learned. Here,
    # nothing is kept.
    warnings.filterwarnings("ignore", "The training was interrupted", UserWarning)
    try:
        # `fit` prints its progress to the standard output, which is for results only.
        with redirect_stdout(sys.stderr):
            classifier.fit(images, labels)
    except KeyboardInterrupt:
        print_message("The training was interrupted, so no model was written.")
        raise


def _read_blocks(blocks, classifier, crop):
    """Yield each block of paths, those that could be read, and their images."""
    size = image_size(classifier)
    for block in blocks:
        readable, images, errors = read_images(block, size, crop)
        print_errors(block, errors)
        yield block, readable, images


def _copy_all(paths, folder):
    """Copy files to a new or empty folder, with their number before their name.

    If a file cannot be copied, the folder is left as it was.
    """
    was_there = folder.exists()
    folder.mkdir(exist_ok=True)
    digits, copies = len(str(len(paths))), []
    try:
        for i, path in enumerate(paths, start=1):
            # Files of different folders can have the same name.
            copies.append(folder / f"{i:0{digits}}_{path.name}")
            copyfile(path, copies[-1])
    except BaseException:
        for copy in copies:
            copy.unlink(missing_ok=True)
        if not was_there:
            folder.rmdir()
        raise


def _make_classifier(options):
    """Return the classifier to train, and the side of its images in pixels."""
    from skblood import BloodCNNClassifier

    if options.start is None:
        size = options.size or side_of_shards(options.folder) or DEFAULT_SIZE
        classifier = BloodCNNClassifier()
    else:
        classifier = load_classifier(options.start)
        size = image_size(classifier)
        if options.size not in (None, size):
            raise ValueError(
                f"Expected --size {size}, which is the image size of the model of "
                f"--start, got --size {options.size}. Leave out --size."
            )
    classifier.set_params(
        warm_start=options.start is not None,
        max_epochs=options.epochs or "auto",
        random_state=options.seed,
        verbose=int(sys.stderr.isatty()),
    )
    return classifier, size


def _use_known_names(labels, classes):
    """Replace the labels by the class names of a model, if each label matches one.

    Without this, `fit` would treat another spelling of a class name as a new class, and
    reinitialise the output layer.
    """
    # The labels of a model that was fitted in Python can be numbers.
    known = {str(label): label for label in classes}
    matches = match_names(np.unique(labels).tolist(), list(known))
    if len(matches) < len(set(labels)):
        return labels
    return np.array([known[matches[label]] for label in labels])
