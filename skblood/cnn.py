"""The convolutional classifier."""

from numbers import Integral, Real

from torch import nn

from ._base import BaseBloodClassifier
from ._input.images import is_tabular
from ._runtime.hardware import resolve_precision
from ._sklearn_compat import Interval, StrOptions
from ._training.resizing import ProgressiveResizing
from ._training.scaling import find_pixel_range
from .augmentation import RobustAugmentation, augment_cells, dihedral_views
from .networks import ReportNetwork, ResidualNetwork

# The automatic stem stride is the shorter side of the images divided by this number.
PIXELS_PER_STRIDE = 40


class BloodCNNClassifier(BaseBloodClassifier):
    """Convolutional neural network for images of blood cells.

    It takes images of any size, in colour or grey, as uint8 or float. By default it is
    a small residual network that is trained with random flips, rotations by 90° and
    shifts of the images.

    Parameters
    ----------
    architecture : {"residual", "report"} or type, default="residual"
        The network. "residual" is `skblood.networks.ResidualNetwork`. "report" is the
        network of the 2024 report [1]_, `skblood.networks.ReportNetwork`. A subclass
        of `torch.nn.Module` is built as ``architecture((H, W, C), n_classes)``; it
        takes scaled float images (n, C, H, W) and returns logits (n, n_classes).
        If it has a method ``embed``, `transform` calls it.
    width : int, default=32
        Number of channels in the first stage of the residual network. The computing
        time grows with its square. Only for "residual".
    depth : int, default=2
        Number of residual blocks in each of the second and third stages. Only for
        "residual".
    stem_stride : "auto" or int, default="auto"
        Stride of the first convolution. A stride of 2 cuts the computing time to about
        a quarter and loses fine detail. "auto" is the shorter side of the images // 40,
        but at least 1. Only for "residual"; no effect on tabular input.
    dropout : float, default=0.0
        Probability that a value of the embedding is set to zero in training. Only for
        "residual"; "report" has its own dropout layers.
    stochastic_depth : float, default=0.1
        Probability that a sample skips the last residual block in training. For earlier
        blocks it is lower, in proportion to their position. Only for "residual"; no
        effect on tabular input.
    augmentation : {"auto", "robust"}, callable or None, default="auto"
        Random transforms of the training images. "auto" is
        `skblood.augmentation.augment_cells`. "robust" is
        `skblood.augmentation.RobustAugmentation`: it also changes the stain, light,
        size and sharpness of some of the images, half of them at the start of the
        training and none at its end, so that the classifier makes fewer errors on
        images of other microscopes. Neither changes tabular input. A callable
        takes ``(images, generator)``, scaled images (n, C, H, W) and a
        `torch.Generator` on the CPU, and returns the transformed images. If it has a
        parameter named ``progress``, this is the fraction of the call of `fit` or
        `partial_fit` that is over, from 0 to below 1.
    data_pruning : float, default=0.0
        Fraction of the easy images that each epoch leaves out at random [3]_. An image
        is easy if its loss, when it was last used, was below the mean loss of all
        images; the easy images that are used get a larger weight. With 0.5, `fit` takes
        about two thirds of the time. No effect on tabular input.
    progressive_resizing : bool, default=False
        Whether the first two thirds of the training use smaller images [5]_: their
        sides have 4/7 of their length at first, then 5/7 and 6/7. `fit` then takes
        about three quarters of the time.
        Sides are rounded, and not made shorter than 16 pixels. Only for "residual". No
        effect on tabular input, with `early_stopping`, with a warm start, and in
        `partial_fit`.
    test_time_augmentation : bool, default=False
        Whether predictions average the logits over the flips and rotations by 90° of
        each image: 8 for a square image, else 4. Predictions then take 8 (or 4) times
        as long; `fit` does not. No effect on tabular input.
    max_epochs : "auto" or int, default="auto"
        Number of passes over the training data. "auto" is
        30 + ceil(200 / steps per epoch), so that small data sets are trained for more
        epochs.
    lr : float, default=0.04
        Peak learning rate. The default suits "muon"; for Adam, use 1e-3 to 1e-2.
    batch_size : int, default=64
        Largest number of samples in one step.
    optimizer : {"muon", "adamw", "adam", "sgd"} or type, default="muon"
        "muon" is `skblood.optimizers.Muon`; "sgd" uses Nesterov momentum of 0.9. A
        subclass of `torch.optim.Optimizer` is called with
        ``(parameter_groups, lr=lr)``.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle" raises the learning rate to `lr` in the first 30 % of the training
        and then lowers it to zero [2]_.
    weight_decay : float, default=0.02
        Weight decay of convolution kernels and weight matrices. Biases and
        normalisation layers have none.
    label_smoothing : float, default=0.0
        Part of each target's probability that is spread evenly over all classes.
    scaling : {"standard", "minmax"}, default="standard"
        How pixels are scaled before the network sees them. "standard" gives each
        channel mean 0 and variance 1; "minmax" maps the range of all channels together
        to [-1, 1]. The statistics are computed in `fit`. In tabular input, each feature
        is scaled on its own.
    image_shape : tuple (H, W) or (H, W, C), default=None
        Shape of an image, if the rows of X are flattened images. By default, 3·s²
        features are read as an s×s RGB image, s² features with s ≥ 8 as an s×s grey
        image, and any other number as a feature row.
    class_weight : dict or "balanced", default=None
        Weights of the classes, which are multiplied with `sample_weight`. "balanced"
        gives all classes the same total weight.
    early_stopping : bool, default=False
        Whether to stop when the validation loss has not improved by more than `tol`
        for `n_iter_no_change` epochs. The weights of the best epoch are then restored.
    validation_fraction : float, default=0.1
        Fraction of the training data that early stopping sets aside for validation,
        stratified by class. Not used if `fit` is given `X_val` and `y_val`.
    n_iter_no_change : int, default=10
        Number of epochs without improvement after which early stopping stops.
    tol : float, default=1e-4
        Smallest decrease of the validation loss that counts as an improvement.
    warm_start : bool, default=False
        Whether `fit` continues from the weights of the last `fit`, `partial_fit` or
        `load_model`, instead of starting from random ones. The network, the scaling of
        the pixels and the device are then kept. If `y` has other classes than before,
        the output layer and the history are reinitialised; all other weights are kept.
    device : str, default="auto"
        Device that trains and predicts: a name of torch such as "cpu" or "cuda:1".
        "auto" uses a GPU if one is available, else the CPU. If there are several GPUs,
        the worker processes of joblib, such as those of a search with ``n_jobs=4``,
        take them in turn with "auto" and with "cuda".
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Number format of training. "bfloat16" is mixed precision: `fit` runs under
        `torch.autocast` with bfloat16, while weights are kept in float32. "auto" is
        bfloat16 where the processor supports it, which takes a half to two thirds of
        the time [4]_, else float32. No effect on tabular input.
    prediction_precision : {"float32", "bfloat16"}, default="float32"
        Number format of predictions. With "bfloat16", a processor that supports it
        predicts about twice as many images per second. Probabilities then change by up
        to a few percentage points, and few labels change. Embeddings are always
        computed in float32. No effect on tabular input.
    callbacks : list of skorch.callbacks.Callback, default=None
        Callbacks for training. They are copied in each call of `fit`.
    verbose : int, default=0
        With 1, a terminal shows the progress in one line that is updated. A log file or
        a notebook gets a table with one line for each epoch, and so does a terminal
        with larger values. With 0, nothing is printed.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, shuffling, augmentation, dropout, stochastic depth
        and the validation split. With an int, two fits on the same machine with the
        same number of threads are bit-identical, and global random number generators
        stay unchanged.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        Number of values in an image, H · W · C.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns. Only if X was a DataFrame whose column names are strings.
    image_shape_ : tuple (H, W, C)
        Shape of an image.
    device_ : str
        Device that the network is on.
    precision_ : {"float32", "bfloat16", "float64"}
        Number format of the last training.
    pixel_range_ : tuple of float (low, high), or None
        Smallest and largest pixel value of the training images. Predictions for images
        with another range of values give a warning. None for tabular input, and for
        models that were saved without it.
    calibration_ : Calibration or None
        The temperature that makes the probabilities reliable, and the scores for
        :func:`~skblood.prediction_sets`. None until `fit_calibration` is called.
    familiarity_ : FamiliarityDetector or None
        Detects images that do not resemble the training images. None until
        `fit_familiarity` is called.
    n_iter_ : int
        Number of epochs, including those of earlier calls that this model continues.
    loss_curve_ : list of float
        Training loss of each epoch.
    history_ : list of dict
        A dict for each epoch with ``epoch``, ``train_loss``, ``train_acc`` and ``dur``
        (in seconds), and with ``valid_loss`` and ``valid_acc`` if there were validation
        data.
    net_ : skorch.NeuralNet
        The trained net. Its ``module_`` is the torch module.

    See Also
    --------
    BloodFNNClassifier : Feed-forward network on the flattened image.
    sklearn.neural_network.MLPClassifier : scikit-learn's neural network.

    Notes
    -----
    Inputs with a height or width below 8 pixels are treated as tabular: each value is a
    feature that is scaled on its own, there is no augmentation, and the network
    computes in double precision without batch statistics.

    If the network was trained for fewer than 100 steps in all, `fit` and `partial_fit`
    compute the statistics of batch normalisation again at the end, from at most 2,048
    training images without augmentation: torch's running averages are not reliable yet.

    References
    ----------
    .. [1] Hobelsberger, Hassan, Savvides, Bharwani, "Optimizing Blood Cell
       Classification with Convolutional Neural Networks", 2024.
    .. [2] Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks
       Using Large Learning Rates", 2018, arXiv:1708.07120.
    .. [3] Qin et al., "InfoBatch: Lossless Training Speed Up by Unbiased Dynamic Data
       Pruning", ICLR 2024, arXiv:2303.04947.
    .. [4] Kalamkar et al., "A Study of BFLOAT16 for Deep Learning Training", 2019,
       arXiv:1905.12322.
    .. [5] Tan and Le, "EfficientNetV2: Smaller Models and Faster Training", ICML 2021,
       arXiv:2104.00298.

    Examples
    --------
    >>> from skblood import BloodCNNClassifier, load_bloodmnist_sample
    >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
    >>> clf = BloodCNNClassifier(width=8, max_epochs=8, random_state=0).fit(X, y)
    >>> X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
    >>> clf.score(X_test, y_test) > 0.8
    True
    """

    _parameter_constraints: dict = {
        **BaseBloodClassifier._parameter_constraints,
        "architecture": [StrOptions({"residual", "report"}), type],
        "width": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 1, None, closed="left")],
        "stem_stride": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "stochastic_depth": [Interval(Real, 0, 1, closed="left")],
        "augmentation": [StrOptions({"auto", "robust"}), callable, None],
        "data_pruning": [Interval(Real, 0, 1, closed="left")],
        "progressive_resizing": ["boolean"],
        "test_time_augmentation": ["boolean"],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "prediction_precision": [StrOptions({"float32", "bfloat16"})],
    }

    _auto_epochs = 30
    _auto_steps = 200

    def __init__(
        self,
        *,
        architecture="residual",
        width=32,
        depth=2,
        stem_stride="auto",
        dropout=0.0,
        stochastic_depth=0.1,
        augmentation="auto",
        data_pruning=0.0,
        progressive_resizing=False,
        test_time_augmentation=False,
        max_epochs="auto",
        lr=0.04,
        batch_size=64,
        optimizer="muon",
        lr_schedule="one_cycle",
        weight_decay=0.02,
        label_smoothing=0.0,
        scaling="standard",
        image_shape=None,
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        device="auto",
        precision="auto",
        prediction_precision="float32",
        callbacks=None,
        verbose=0,
        random_state=None,
    ):
        self.architecture = architecture
        self.width = width
        self.depth = depth
        self.stem_stride = stem_stride
        self.dropout = dropout
        self.stochastic_depth = stochastic_depth
        self.augmentation = augmentation
        self.data_pruning = data_pruning
        self.progressive_resizing = progressive_resizing
        self.test_time_augmentation = test_time_augmentation
        self.max_epochs = max_epochs
        self.lr = lr
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.scaling = scaling
        self.image_shape = image_shape
        self.class_weight = class_weight
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self.warm_start = warm_start
        self.device = device
        self.precision = precision
        self.prediction_precision = prediction_precision
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _resolve_network(self):
        """Return the class of the network and its options."""
        if self.architecture == "residual":
            return ResidualNetwork, {
                "width": self.width,
                "depth": self.depth,
                "stem_stride": self._resolve_stem_stride(),
                "dropout": self.dropout,
                "stochastic_depth": self.stochastic_depth,
            }
        if self.architecture == "report":
            return ReportNetwork, {}
        if not issubclass(self.architecture, nn.Module):
            raise TypeError(
                "Expected architecture to be 'residual', 'report' or a subclass of "
                f"torch.nn.Module, got {self.architecture!r}."
            )
        return self.architecture, {}

    def _resolve_stem_stride(self):
        if self.stem_stride != "auto":
            return self.stem_stride
        return max(1, min(self.image_shape_[:2]) // PIXELS_PER_STRIDE)

    def _resolve_precision(self, device):
        if is_tabular(self.image_shape_):
            return super()._resolve_precision(device)
        return resolve_precision(self.precision, device)

    def _resolve_prediction_precision(self):
        if is_tabular(self.image_shape_):
            return super()._resolve_prediction_precision()
        # It can be set after `fit`, which checks the parameters.
        if self.prediction_precision not in ("float32", "bfloat16"):
            raise ValueError(
                "Expected prediction_precision to be 'float32' or 'bfloat16', got "
                f"{self.prediction_precision!r}."
            )
        return self.prediction_precision

    def _resolve_resizing(self):
        if (
            not self.progressive_resizing
            or self.architecture != "residual"
            or is_tabular(self.image_shape_)
        ):
            return None
        # Each of the last two stages halves the sides of its input.
        return ProgressiveResizing(self.image_shape_, 4 * self._resolve_stem_stride())

    def _cnn_options(self, network, train):
        tabular = is_tabular(self.image_shape_)
        return {
            "augmentation": self._resolve_augmentation(network, train),
            "data_pruning": 0.0 if tabular else self.data_pruning,
        }

    def _resolve_augmentation(self, network, train):
        if self.augmentation not in ("auto", "robust"):
            return self.augmentation
        if is_tabular(self.image_shape_):
            return None
        if self.augmentation == "auto":
            return augment_cells
        # A warm start may continue a model that was saved without its pixel range.
        pixel_range = network.pixel_range or find_pixel_range(train)
        return RobustAugmentation(network.center, network.scale, pixel_range)

    def _resolve_views(self):
        if not self.test_time_augmentation or is_tabular(self.image_shape_):
            return None
        return dihedral_views
