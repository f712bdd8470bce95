"""From a picture of any size to a square of so many pixels."""

from PIL import Image


def resize_cell(image, *, size, crop):
    """Cut a square from the middle of a picture, and resize it.

    Pillow's bicubic filter weighs all pixels that a new one covers.

    Parameters
    ----------
    image : PIL.Image.Image
    size : int
        Height and width of the result.
    crop : int or None
        Side of the square in pixels; None is the largest there is.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
        If the picture is smaller than the crop.
    """
    width, height = image.size
    side = min(width, height) if crop is None else crop
    if side > min(width, height):
        raise ValueError(
            f"{width}×{height} pixels, less than the crop of {side}×{side}"
        )
    left, top = (width - side) // 2, (height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.BICUBIC)
