"""Images made alike: cut, resized, and brought to the same colours."""

from numbers import Integral

import numpy as np
from PIL import Image
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ._resizing import resize_cell

# Channels of CIELAB: lightness alone, or lightness and both opponent colours.
MATCHED = {"brightness": slice(0, 1), "stain": slice(0, 3)}
# An image of one colour has no spread that could be scaled.
SMALLEST_SPREAD = 1e-3


class CellImagePreprocessor(TransformerMixin, BaseEstimator):
    """Cut, resize and normalise images of cells, before a classifier.

    Parameters
    ----------
    size : int, default=28
        Height and width of the result in pixels.
    crop : int, default=None
        Side of the square that is cut from the middle of each image before it is
        resized. By default, the largest there is.
    normalization : {"brightness", "stain"}, default=None
        What is made alike by Reinhard's colour transfer [1]_, computed in CIELAB:
        mean and standard deviation over an image become those that the images of
        `fit` have on average, with "brightness" of the lightness alone, with "stain"
        of all three channels. The latter is for images in colour.

    Attributes
    ----------
    n_channels_ : int
        1 or 3.
    mean_, std_ : ndarray of shape (3,)
        Average over the images of `fit` of their mean and standard deviation in
        CIELAB: lightness from 0 to 100, green to red, blue to yellow. Only with
        `normalization`.

    See Also
    --------
    skblood.datasets.load_cell_images : Does the same, but for colours, to files.

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
        "normalization": [StrOptions(set(MATCHED)), None],
    }

    def __init__(self, *, size=28, crop=None, normalization=None):
        self.size = size
        self.crop = crop
        self.normalization = normalization

    def fit(self, X, y=None):
        """Learn what the images have on average.

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
            If a parameter is out of its range, or X is not of the kind above.
        """
        self._fit(X)
        return self

    def fit_transform(self, X, y=None):
        """Learn from images and return them as `transform` does.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C) or (n, H, W), or list of images, uint8
        y : None
            Ignored.

        Returns
        -------
        ndarray of shape (n, size, size, C), dtype uint8
        """
        return self._normalize(self._fit(X))

    def transform(self, X):
        """Cut, resize and normalise.

        Parameters
        ----------
        X : array-like of shape (n, H, W, C) or (n, H, W), or list of images, uint8

        Returns
        -------
        ndarray of shape (n, size, size, C), dtype uint8

        Raises
        ------
        NotFittedError
            Before `fit`.
        TypeError, ValueError
            If X is not of the kind above, or has other channels than in `fit`.
        """
        check_is_fitted(self)
        resized = self._resize(X)
        if resized.shape[3] != self.n_channels_:
            raise ValueError(
                f"X has images of {resized.shape[3]} channels, but "
                f"CellImagePreprocessor is expecting {self.n_channels_} channels."
            )
        return self._normalize(resized)

    def _fit(self, X):
        self._validate_params()
        resized = self._resize(X)
        if self.normalization == "stain" and resized.shape[3] == 1:
            raise ValueError(
                "normalization='stain' is for images in colour, got grey ones; "
                "'brightness' is for either."
            )
        self._forget()
        self.n_channels_ = resized.shape[3]
        if self.normalization is not None:
            statistics = np.array([_mean_and_std(_to_lab(image)) for image in resized])
            self.mean_, self.std_ = statistics.mean(axis=0)
        return resized

    def _forget(self):
        for name in ("n_channels_", "mean_", "std_"):
            vars(self).pop(name, None)

    def _resize(self, X):
        images = [_check_image(image, i) for i, image in enumerate(_as_sequence(X))]
        if not images:
            raise ValueError("Found 0 images in X, while a minimum of 1 is required.")
        n_channels = {image.shape[2] for image in images}
        if len(n_channels) > 1:
            raise ValueError("X has both grey images and images in colour.")
        return np.stack([self._resize_one(image, i) for i, image in enumerate(images)])

    def _resize_one(self, image, i):
        picture = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
        try:
            resized = resize_cell(picture, size=self.size, crop=self.crop)
        except ValueError as error:
            raise ValueError(f"Image {i} of X has {error}.") from None
        return np.asarray(resized).reshape(self.size, self.size, -1)

    def _normalize(self, images):
        if self.normalization is None:
            return images
        return np.stack([self._match(image) for image in images])

    def _match(self, image):
        from skimage.color import lab2rgb

        lab = _to_lab(image)
        mean, std = _mean_and_std(lab)
        channels = MATCHED[self.normalization]
        scale = (self.std_ / np.maximum(std, SMALLEST_SPREAD))[channels]
        centred = lab[..., channels] - mean[channels]
        lab[..., channels] = centred * scale + self.mean_[channels]
        rgb = np.rint(lab2rgb(_into_range(lab)) * 255).astype(np.uint8)
        return rgb[..., : self.n_channels_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _as_sequence(X):
    """Return X itself if it is a list or an array of images."""
    if isinstance(X, np.ndarray) and X.ndim not in (1, 3, 4):
        raise ValueError(
            "Expected images (n, H, W, C) or grey (n, H, W), or a list of images; got "
            f"X of shape {X.shape}."
        )
    if not hasattr(X, "__len__") or isinstance(X, str | bytes):
        raise TypeError(
            "Expected images (n, H, W, C) or grey (n, H, W), or a list of images; got "
            f"X of type {type(X).__name__}."
        )
    return X


def _check_image(image, i):
    """Return an image as (H, W, C)."""
    image = np.asarray(image)
    if image.dtype != np.uint8:
        raise TypeError(
            f"Expected images of dtype uint8, got image {i} of {image.dtype}."
        )
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise ValueError(
            "Expected images (H, W, C) with 1 or 3 channels or grey (H, W), got image "
            f"{i} of shape {image.shape}."
        )
    return image


def _to_lab(image):
    # Imported here since it takes a while, and cutting does without.
    from skimage.color import rgb2lab

    return rgb2lab(np.broadcast_to(image, (*image.shape[:2], 3)))


def _into_range(lab):
    """Leave what light there can be: no XYZ below zero."""
    lab[..., 0] = lab[..., 0].clip(0, 100)
    lab[..., 2] = np.minimum(lab[..., 2], 200 * (lab[..., 0] + 16) / 116)
    return lab


def _mean_and_std(lab):
    return lab.mean(axis=(0, 1)), lab.std(axis=(0, 1))
