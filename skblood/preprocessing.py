"""Preprocessing of cell images: cropping, resizing and colour normalisation."""

from numbers import Integral

import numpy as np
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from ._resizing import resize_cell
from ._sklearn_compat import DocumentationLinkMixin, Interval, StrOptions

# Channels of CIELAB that each normalization changes: L (lightness), or L, a and b.
NORMALIZED_CHANNELS = {"brightness": slice(0, 1), "stain": slice(0, 3)}
# The standard deviation of an image of a single colour is 0. This lower bound avoids a
# division by 0.
MIN_STD = 1e-3


class CellImagePreprocessor(DocumentationLinkMixin, TransformerMixin, BaseEstimator):
    """Crop, resize and normalise images of cells before they go to a classifier.

    Parameters
    ----------
    size : int, default=28
        Height and width of the returned images in pixels.
    crop : int, default=None
        Side, in pixels, of the square that is cropped from the centre of each image
        before it is resized. By default, the largest possible square.
    normalization : {"brightness", "stain"}, default=None
        Colour normalisation by Reinhard's colour transfer [1]_, in the CIELAB colour
        space. It shifts and scales the channels of each image so that their mean and
        standard deviation become `mean_` and `std_`. "brightness" changes only the
        lightness. "stain" changes all three channels, which reduces differences in
        staining; it requires colour images. By default, colours are not changed.

    Attributes
    ----------
    n_channels_ : int
        Number of channels of the images in `fit`: 1 or 3.
    mean_, std_ : ndarray of shape (3,)
        Mean and standard deviation of the CIELAB channels, computed for each image in
        `fit` and then averaged over the images. The channels are L (lightness, from 0
        to 100), a (green to red) and b (blue to yellow). Only with `normalization`.

    See Also
    --------
    skblood.datasets.load_cell_images : Load image files, with the same cropping and
        resizing.

    References
    ----------
    .. [1] E. Reinhard et al., "Color transfer between images", IEEE Computer Graphics
       and Applications 21(5):34-41, 2001. :doi:`10.1109/38.946629`

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample
    >>> from skblood.preprocessing import CellImagePreprocessor
    >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
    >>> prepare = CellImagePreprocessor(size=14, normalization="stain")
    >>> prepare.fit_transform(X).shape
    (1600, 14, 14, 3)
    >>> model = make_pipeline(prepare, BloodFNNClassifier(max_epochs=2)).fit(X, y)
    >>> model.predict(X[:3]).shape
    (3,)
    """

    _parameter_constraints = {
        "size": [Interval(Integral, 1, None, closed="left")],
        "crop": [Interval(Integral, 1, None, closed="left"), None],
        "normalization": [StrOptions(set(NORMALIZED_CHANNELS)), None],
    }

    def __init__(self, *, size=28, crop=None, normalization=None):
        self.size = size
        self.crop = crop
        self.normalization = normalization

    def fit(self, X, y=None):
        """Compute the statistics to which `transform` normalises images.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C) or (n, H, W), or list of images, uint8
            C is 1 or 3. The images of a list may differ in height and width.
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, or if X does not have one of the forms above.
        """
        self._fit(X)
        return self

    def fit_transform(self, X, y=None):
        """Fit to images, and return the transformed images.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C) or (n, H, W), or list of images, uint8
        y : None
            Ignored.

        Returns
        -------
        ndarray of shape (n, size, size, C), dtype uint8

        Raises
        ------
        TypeError, ValueError
            If a parameter is invalid, or if X does not have one of the forms above.
        """
        return self._normalize(self._fit(X))

    def transform(self, X):
        """Crop, resize and normalise images.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C) or (n, H, W), or list of images, uint8

        Returns
        -------
        ndarray of shape (n, size, size, C), dtype uint8

        Raises
        ------
        NotFittedError
            If `fit` was not called before.
        TypeError, ValueError
            If X does not have one of the forms above, or if its images have another
            number of channels than those in `fit`.
        """
        check_is_fitted(self)
        resized = self._resize(X)
        if resized.shape[3] != self.n_channels_:
            raise ValueError(
                "Expected images with as many channels as in fit "
                f"({self.n_channels_}), got images with {resized.shape[3]}. Pass "
                "colour images to both fit and transform, or grey images to both."
            )
        return self._normalize(resized)

    def _fit(self, X):
        self._validate_params()
        resized = self._resize(X)
        if self.normalization == "stain" and resized.shape[3] == 1:
            raise ValueError(
                "Expected colour images for normalization='stain', got grey images. "
                "For grey images, use normalization='brightness'."
            )
        self._reset()
        self.n_channels_ = resized.shape[3]
        if self.normalization is not None:
            statistics = np.array([_mean_and_std(_to_lab(image)) for image in resized])
            self.mean_, self.std_ = statistics.mean(axis=0)
        return resized

    def _reset(self):
        """Delete the attributes of an earlier fit."""
        for name in ("n_channels_", "mean_", "std_"):
            vars(self).pop(name, None)

    def _resize(self, X):
        images = [_check_image(image, i) for i, image in enumerate(_as_sequence(X))]
        if not images:
            raise ValueError("Expected at least 1 image in X, got 0 images.")
        n_channels = {image.shape[2] for image in images}
        if len(n_channels) > 1:
            raise ValueError(
                "Expected either grey or colour images in X, got both. Convert them to "
                "the same number of channels."
            )
        return np.stack([self._resize_one(image, i) for i, image in enumerate(images)])

    def _resize_one(self, image, i):
        picture = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
        try:
            resized = resize_cell(picture, size=self.size, crop=self.crop)
        except ValueError as error:
            raise ValueError(
                f"Image {i} of X has {error}. Leave the image out, or set a smaller "
                "crop."
            ) from None
        return np.asarray(resized).reshape(self.size, self.size, -1)

    def _normalize(self, images):
        if self.normalization is None:
            return images
        return np.stack([self._normalize_one(image) for image in images])

    def _normalize_one(self, image):
        from skimage.color import lab2rgb

        lab = _to_lab(image)
        mean, std = _mean_and_std(lab)
        channels = NORMALIZED_CHANNELS[self.normalization]
        scale = (self.std_ / np.maximum(std, MIN_STD))[channels]
        centered = lab[..., channels] - mean[channels]
        lab[..., channels] = centered * scale + self.mean_[channels]
        rgb = np.rint(lab2rgb(_clip_lab(lab)) * 255).astype(np.uint8)
        return rgb[..., : self.n_channels_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _as_sequence(X):
    """Return X unchanged, or raise an error if it cannot hold images."""
    if isinstance(X, np.ndarray) and X.ndim not in (1, 3, 4):
        raise ValueError(
            "Expected images of shape (n, H, W, C), grey images of shape (n, H, W), or "
            f"a list of images, got X of shape {X.shape}."
        )
    if not hasattr(X, "__len__") or isinstance(X, str | bytes):
        raise TypeError(
            "Expected images of shape (n, H, W, C), grey images of shape (n, H, W), or "
            f"a list of images, got X of type {type(X).__name__}."
        )
    return X


def _check_image(image, i):
    """Return an image of shape (H, W, C), or raise an error if it is invalid."""
    image = np.asarray(image)
    if image.dtype != np.uint8:
        raise TypeError(
            f"Expected images of dtype uint8, got image {i} of dtype {image.dtype}. "
            "Convert the pixels to integers from 0 to 255."
        )
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise ValueError(
            "Expected images of shape (H, W, C) with 1 or 3 channels, or grey images "
            f"of shape (H, W), got image {i} of shape {image.shape}."
        )
    return image


def _to_lab(image):
    # Importing scikit-image is slow, and only the colour normalisation needs it.
    from skimage.color import rgb2lab

    return rgb2lab(np.broadcast_to(image, (*image.shape[:2], 3)))


def _clip_lab(lab):
    """Clip CIELAB in place to lightness in [0, 100] and non-negative Z (of CIE XYZ).

    `skimage.color.lab2rgb` would issue a warning for negative Z.
    """
    lab[..., 0] = lab[..., 0].clip(0, 100)
    lab[..., 2] = np.minimum(lab[..., 2], 200 * (lab[..., 0] + 16) / 116)
    return lab


def _mean_and_std(lab):
    return lab.mean(axis=(0, 1)), lab.std(axis=(0, 1))
