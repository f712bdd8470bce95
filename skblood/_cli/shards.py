"""Folders that ``skblood convert`` wrote, as the input of train and evaluate."""


def open_labelled_shards(folder, size):
    """Open shards whose images have labels and the size that a model needs.

    Parameters
    ----------
    folder : str
    size : int
        Height and width in pixels.

    Returns
    -------
    images : LazyImages of shape (n, size, size, 3), dtype uint8
    labels : ndarray of str, of shape (n,)

    Raises
    ------
    OSError, ValueError
        If the folder cannot be opened, or if its images are others.
    """
    from skblood.datasets import open_shards

    images, labels = open_shards(folder, return_X_y=True)
    if labels is None:
        raise ValueError(
            f"Expected labels in the folder of shards {folder}, got none: they were "
            "made from a folder without sub-folders. Move the images of each class to "
            "a sub-folder with the name of the class, and convert them again."
        )
    side = images.shape[1]
    if side != size:
        raise ValueError(
            f"Expected shards with images of {size}×{size} pixels, got {folder} with "
            f"{side}×{side} pixels. Convert the pictures again with --size {size}."
        )
    return images, labels


def side_of_shards(folder):
    """Return the side of the images in a folder of shards, or None if it is another.

    Parameters
    ----------
    folder : str

    Returns
    -------
    int or None
        Number of pixels.
    """
    from skblood.datasets import open_shards
    from skblood.datasets._shards import is_folder_of_shards

    if not is_folder_of_shards(folder):
        return None
    return open_shards(folder).data.shape[1]


def check_shard_options(folder, crop):
    """Raise ValueError if there is --crop for shards, whose images are cropped."""
    from skblood.datasets._shards import is_folder_of_shards

    if crop is not None and is_folder_of_shards(folder):
        raise ValueError(
            f"Expected --crop with a folder of pictures, got --crop {crop} with the "
            f"folder of shards {folder}. Leave out --crop here, and pass it to "
            "skblood convert."
        )
