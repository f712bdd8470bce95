"""Crop an image to a square and resize it."""

from PIL import Image


def resize_cell(image, *, size, crop):
    """Crop a square from the centre of an image and resize it.

    Pillow's bicubic filter computes each new pixel from all the pixels that it covers,
    so reducing the size does not cause aliasing.

    Parameters
    ----------
    image : PIL.Image.Image
    size : int
        Height and width of the result in pixels.
    crop : int or None
        Side of the square in pixels. None selects the largest possible square.

    Returns
    -------
    PIL.Image.Image

    Raises
    ------
    ValueError
        If the image is smaller than the crop. The message completes a sentence that
        begins with "The image has".
    """
    width, height = image.size
    side = min(width, height) if crop is None else crop
    if side > min(width, height):
        raise ValueError(
            f"{width}×{height} pixels, which is smaller than the crop of "
            f"{side}×{side} pixels"
        )
    left, top = (width - side) // 2, (height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.BICUBIC)
