"""Many small images as one: a grid of tiles, filled row by row."""


def pack(images, n_columns):
    """Lay out images of shape (n, height, width, n_channels) as one image.

    The number of images must be a multiple of `n_columns`.
    """
    n_images, height, width, n_channels = images.shape
    grid = images.reshape(-1, n_columns, height, width, n_channels)
    n_rows = n_images // n_columns
    return grid.swapaxes(1, 2).reshape(n_rows * height, n_columns * width, n_channels)


def unpack(sheet, size):
    """Return the square images of `size` pixels that `pack` has laid out."""
    height, width, n_channels = sheet.shape
    grid = sheet.reshape(height // size, size, width // size, size, n_channels)
    return grid.swapaxes(1, 2).reshape(-1, size, size, n_channels)
