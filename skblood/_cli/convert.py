"""The command convert: a folder of pictures as arrays on the disk."""

import shlex
from pathlib import Path

import numpy as np

from skblood._cli.inputs import print_errors, read_images
from skblood._cli.outputs import (
    check_is_new,
    check_is_outside,
    print_message,
    progress_bar,
)
from skblood._cli.parts import split_into_blocks
from skblood._cli.writers import printable


def convert(options):
    """Write the pictures of a folder as arrays, which training reads from the disk.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        1 if a file could not be read, otherwise 0. Other errors are raised.
    """
    from skblood.datasets._folder import find_images
    from skblood.datasets._shards import ShardWriter, choose_shard_size

    source, output = Path(options.folder), Path(options.output)
    check_is_new(output)
    check_is_outside(output, [source])
    paths, target, names = find_images(source)
    if target is not None:
        target = np.array(names)[target]
    order = np.arange(len(paths))
    if options.shuffle:
        # A fixed seed: the same folder always gives the same arrays.
        order = np.random.default_rng(0).permutation(len(paths))
    size = options.size
    shard_size = options.shard_size or choose_shard_size(size)
    with (
        progress_bar(len(paths), prints_meanwhile=False) as bar,
        ShardWriter(output, shard_size, has_labels=target is not None) as writer,
    ):
        for block in split_into_blocks(order, size):
            chosen = [paths[i] for i in block]
            readable, images, errors = read_images(chosen, size, options.crop)
            print_errors(chosen, errors)
            files = [str(path.relative_to(source)) for path in readable]
            labels = None if target is None else np.delete(target[block], list(errors))
            writer.write(images, files, labels)
            bar.update(len(block))
        if writer.n_images == 0:
            raise ValueError("Expected images, got only files that cannot be read.")
    plural = "" if writer.n_shards == 1 else "s"
    print(
        printable(
            f"{output}: {writer.n_images} images in {writer.n_shards} shard{plural}"
        )
    )
    if target is not None:
        command = ["skblood", "train", str(output), "-o", "ours.safetensors"]
        print_message("Train a model with these images:", shlex.join(command))
    return int(writer.n_images < len(paths))
