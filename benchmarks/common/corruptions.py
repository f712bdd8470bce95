"""The eleven corruptions of blood-cell images of MedMNIST-C, for images of any size.

MedMNIST-C (F. Di Salvo et al., "MedMNIST-C: Comprehensive benchmark and improved
classifier robustness by simulating realistic image corruptions", 2024,
arXiv:2406.17536) corrupts BloodMNIST at 224 pixels. Here, the kinds and their
parameters are implemented again for uint8 images of any size:

- The factors of pixelate, brightness, contrast and saturation, and the quality of JPEG
  are those of MedMNIST-C.
- Lengths are given in pixels of an image of 224 pixels, as in MedMNIST-C, and scaled
  with the shorter side of the image. At 28 pixels they are fractions of a pixel, so
  blurs are computed in the frequency domain, and drawn shapes have smooth edges.
- MedMNIST-C draws its stain deposits from a file of ink marks. Here they are random
  blobs of the same size, which cover the same fraction of their box. In MedMNIST-C,
  severities 3 and 4 of the stain deposits are the same; here, the blobs of severity 4
  have a size between those of severities 3 and 5.
- What is random for an image depends only on the seed and on its pixels, and is the
  same for all severities.
"""

import zlib
from io import BytesIO
from numbers import Integral

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance
from scipy.fft import irfft2, rfft2
from scipy.special import j1
from skimage.color import hsv2rgb, rgb2hsv

N_SEVERITIES = 5
# The shorter side of the images for which MedMNIST-C gives lengths in pixels.
REFERENCE_SIDE = 224
# Step between the positions of a moving image, in pixels of the reference side.
MOTION_STEP = 0.5
# The smallest number and radius of the bubbles, the width of their border, and the
# opacities of bubble and border.
MIN_BUBBLES, MIN_RADIUS, BORDER = 7, 3, 2
BUBBLE_OPACITY, BORDER_OPACITY = 100, 130
# Stain deposits keep this distance from the edge of the image.
STAIN_MARGIN = 10
# The radius of a blob varies by 15 % around .85 of half its box, so that blobs cover
# about 60 % of their boxes, as the ink marks of MedMNIST-C do.
BLOB_RADIUS, BLOB_VARIATION, N_WAVES = 0.85, 0.15, 5


def corrupt(images, kind, severity, random_state=0):
    """Return corrupted copies of images.

    Parameters
    ----------
    images : ndarray of shape (n, H, W, 3), dtype uint8
    kind : str
        One of `KINDS`.
    severity : int
        From 1 to 5.
    random_state : int or numpy.random.Generator, default=0
        The same number gives the same images. An image is corrupted in the same way
        whatever the other images are. From a generator, one number is drawn.

    Returns
    -------
    ndarray of shape (n, H, W, 3), dtype uint8
    """
    _check_images(images)
    if kind not in KINDS:
        raise ValueError(f"Expected kind to be one of {list(KINDS)}, got {kind!r}.")
    if not isinstance(severity, Integral) or not 1 <= severity <= N_SEVERITIES:
        raise ValueError(
            f"Expected severity to be an integer from 1 to {N_SEVERITIES}, got "
            f"{severity!r}."
        )
    seed = _draw_seed(random_state)
    function, parameters = KINDS[kind]
    corrupted = np.empty_like(images)
    for i, image in enumerate(images):
        # An image and a seed determine the result, in any batch and order.
        rng = np.random.default_rng([seed, zlib.crc32(image.tobytes())])
        corrupted[i] = function(image, parameters[severity - 1], rng)
    return corrupted


def _check_images(images):
    is_array = isinstance(images, np.ndarray)
    if is_array and images.dtype == np.uint8 and images.ndim == 4:
        height, width, n_channels = images.shape[1:]
        if n_channels == 3 and min(height, width) >= 8:
            return
    got = f"{images.dtype} {images.shape}" if is_array else type(images).__name__
    raise ValueError(
        "Expected images as a uint8 array of shape (n, H, W, 3) with at least 8 x 8 "
        f"pixels, got {got}."
    )


def _draw_seed(random_state):
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**32))
    if isinstance(random_state, Integral) and random_state >= 0:
        return int(random_state)
    raise ValueError(
        "Expected random_state to be a non-negative integer or a "
        f"numpy.random.Generator, got {random_state!r}."
    )


def _supersampling(shape):
    """Return how many times as many pixels a side has before they are averaged."""
    return max(4, -(-REFERENCE_SIDE // min(shape[:2])))


def _to_uint8(pixels):
    return np.rint(pixels).clip(0, 255).astype(np.uint8)


# -- compression -----------------------------------------------------------------------


def _pixelate(image, factor, rng):
    """Average the image in larger pixels, whose number is that of MedMNIST-C.

    Without the enlargement, an edge between two large pixels would be moved to the
    nearest edge between two small ones. At 28 pixels, this would make 16 large pixels a
    stronger change than 14.
    """
    picture = Image.fromarray(image)
    width, height = picture.size
    scale = _supersampling(image.shape)
    enlarged = picture.resize((scale * width, scale * height), Image.NEAREST)
    small = enlarged.resize((int(width * factor), int(height * factor)), Image.BOX)
    return np.asarray(small.resize(enlarged.size, Image.NEAREST).reduce(scale))


def _compress(image, quality, rng):
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


# -- blur ------------------------------------------------------------------------------


def _defocus(image, radius, rng):
    """Blur with a disk of a radius in pixels of the reference side."""
    rows, columns = _frequencies(image.shape)
    x = 2 * np.pi * np.hypot(rows, columns) * radius * _length_unit(image.shape)
    x[0, 0] = 1  # avoids a division by zero
    response = 2 * j1(x) / x  # the Fourier transform of a disk
    response[0, 0] = 1
    return _filter(image, response)


def _move(image, parameters, rng):
    """Blur along a line, with weights that decrease as one half of a normal curve.

    This is ImageMagick's motion blur, which MedMNIST-C uses: `radius` is half the
    length of the line, and `sigma` the standard deviation of the normal curve.
    """
    radius, sigma = parameters
    angle = rng.uniform(-np.pi / 4, np.pi / 4)
    distances = np.arange(0, 2 * radius + MOTION_STEP, MOTION_STEP)
    weights = np.exp(-(distances**2) / (2 * sigma**2))
    rows, columns = _frequencies(image.shape)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    # A shift by k steps multiplies the spectrum by the kth power of this phase, so the
    # weighted sum of all shifts is a polynomial of it.
    phase = np.exp(-2j * np.pi * along * MOTION_STEP * _length_unit(image.shape))
    return _filter(
        image, np.polynomial.polynomial.polyval(phase, weights / sum(weights))
    )


def _length_unit(shape):
    """Return the length of a pixel of the reference side, in pixels of the image."""
    return min(shape[:2]) / REFERENCE_SIDE


def _frequencies(shape):
    """Return the frequencies of the spectrum of a mirrored image, in cycles a pixel."""
    height, width = shape[:2]
    return np.fft.fftfreq(2 * height)[:, None], np.fft.rfftfreq(2 * width)[None]


def _filter(image, response):
    """Multiply the spectrum of an image by a frequency response."""
    height, width = image.shape[:2]
    # Mirrored to twice its size, an image has no jump where the spectrum repeats it.
    mirrored = np.pad(image, [(0, height), (0, width), (0, 0)], mode="symmetric")
    spectrum = rfft2(mirrored.astype(float), axes=(0, 1)) * response[..., None]
    blurred = irfft2(spectrum, s=mirrored.shape[:2], axes=(0, 1))
    return _to_uint8(blurred[:height, :width])


# -- colours ---------------------------------------------------------------------------


def _change_brightness(image, factor, rng):
    return np.asarray(ImageEnhance.Brightness(Image.fromarray(image)).enhance(factor))


def _change_contrast(image, factor, rng):
    return np.asarray(ImageEnhance.Contrast(Image.fromarray(image)).enhance(factor))


def _saturate(image, added, rng):
    hsv = rgb2hsv(image)
    hsv[..., 1] = (hsv[..., 1] + added).clip(0, 1)
    return _to_uint8(255 * hsv2rgb(hsv))


# -- artefacts of the slide ------------------------------------------------------------


def _deposit_stain(image, parameters, rng):
    """Cover random places with opaque black blobs."""
    max_blobs, box = parameters
    canvas = _Canvas(image.shape)
    n_blobs = rng.integers(1, 4)
    for place in rng.random((min(n_blobs, max_blobs), 2)):
        corner = STAIN_MARGIN + place * (canvas.size - box - 2 * STAIN_MARGIN)
        canvas.polygon(corner + box / 2 * (1 + _draw_blob(rng)), 255)
    return _to_uint8(image * (1 - canvas.opacity()))


def _draw_blob(rng, n_corners=64):
    """Return the corners of a random blob of radius 1 at most, of shape (n, 2)."""
    angle = np.linspace(0, 2 * np.pi, n_corners, endpoint=False)
    waves = np.arange(2, 2 + N_WAVES)
    phases = rng.uniform(0, 2 * np.pi, N_WAVES)
    profile = np.cos(np.outer(angle, waves) + phases).mean(axis=1)
    radius = BLOB_RADIUS + BLOB_VARIATION * profile
    return radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _add_bubbles(image, parameters, rng):
    """Lighten random disks with a lighter border, as bubbles of air do."""
    max_radius, max_bubbles = parameters
    canvas = _Canvas(image.shape)
    fraction = rng.random()
    n_bubbles = MIN_BUBBLES + int(fraction * (max_bubbles + 1 - MIN_BUBBLES))
    for size, *place in rng.random((n_bubbles, 3)):
        radius = MIN_RADIUS + int(size * (max_radius + 1 - MIN_RADIUS))
        center = radius + np.array(place) * (canvas.size - 2 * radius)
        canvas.disk(center, radius + BORDER, BORDER_OPACITY)
        canvas.disk(center, radius, BUBBLE_OPACITY)
    opacity = canvas.opacity()
    return _to_uint8(image * (1 - opacity) + 255 * opacity)


class _Canvas:
    """Shapes in pixels of the reference side, which become the opacity of a layer.

    Attributes
    ----------
    size : ndarray of shape (2,)
        Width and height, in pixels of the reference side.
    """

    def __init__(self, shape):
        height, width = shape[:2]
        self._factor = _supersampling(shape)
        self._scale = self._factor * _length_unit(shape)
        side = self._factor * np.array([width, height])
        self.size = side / self._scale
        self._picture = Image.new("L", tuple(side.tolist()))
        self._draw = ImageDraw.Draw(self._picture)

    def disk(self, center, radius, opacity):
        corners = np.concatenate([center - radius, center + radius]) * self._scale
        self._draw.ellipse(corners.tolist(), fill=opacity)

    def polygon(self, corners, opacity):
        flat = (self._scale * corners).ravel().tolist()
        self._draw.polygon(flat, fill=opacity)

    def opacity(self):
        """Return opacities from 0 to 1 of shape (H, W, 1)."""
        return np.asarray(self._picture.reduce(self._factor))[..., None] / 255


# Each kind with its function and its parameters at severities 1 to 5.
KINDS = {
    "pixelate": (_pixelate, [0.6, 0.5, 0.4, 0.3, 0.25]),
    "jpeg_compression": (_compress, [50, 30, 15, 10, 7]),
    "defocus_blur": (_defocus, [2, 3, 4, 5, 6]),
    "motion_blur": (_move, [(3, 3), (5, 5), (10, 5), (10, 7), (10, 9)]),
    "brightness_up": (_change_brightness, [1.1, 1.2, 1.3, 1.35, 1.4]),
    "brightness_down": (_change_brightness, [0.9, 0.8, 0.7, 0.6, 0.5]),
    "contrast_up": (_change_contrast, [1.1, 1.15, 1.2, 1.25, 1.3]),
    "contrast_down": (_change_contrast, [0.9, 0.8, 0.7, 0.6, 0.5]),
    "saturate": (_saturate, [0.05, 0.10, 0.15, 0.17, 0.20]),
    "stain_deposit": (_deposit_stain, [(1, 24), (2, 24), (3, 24), (3, 28), (3, 32)]),
    "bubble": (_add_bubbles, [(5, 10), (7, 10), (10, 10), (12, 12), (15, 12)]),
}
