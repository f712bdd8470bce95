"""The convolutional classifier."""

from numbers import Integral, Real

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from ._base import BaseBloodClassifier
from ._images import is_strip
from ._precision import resolve_precision
from .augmentation import augment_cells, dihedral_views
from .networks import ReportNetwork, ResidualNetwork

# Images of so many pixels a side are seen whole; of twice as many, every other one.
PIXELS_PER_STRIDE = 40


class BloodCNNClassifier(BaseBloodClassifier):
    """Convolutional neural network for images of blood cells.

    It learns from the images as they are, uint8 or float, of any size, in colour or
    grey. The default is a small residual network trained with random flips, quarter
    turns and shifts.

    Parameters
    ----------
    architecture : {"residual", "report"} or type, default="residual"
        "residual" is `skblood.networks.ResidualNetwork`; "report" is the network of
        the 2024 report [1]_, `skblood.networks.ReportNetwork`. A subclass of
        `torch.nn.Module` is built as ``architecture((H, W, C), n_classes)``, takes
        standardised float images (n, C, H, W) and returns logits (n, n_classes);
        `transform` calls its method ``embed``, if it has one.
    width : int, default=32
        Channels of the residual network's first stage. The cost grows with the
        square. "residual" only.
    depth : int, default=2
        Residual blocks in its second and in its third stage. "residual" only.
    stem_stride : "auto" or int, default="auto"
        Pixels from one position of its first convolution to the next. With 2, there is
        about a quarter to multiply, and fine detail is lost. "auto" is 1 for images of
        less than 80 pixels in height or width, and one more for each further 40.
        "residual" only, not in strips.
    dropout : float, default=0.0
        Share of the embedding that is dropped in training. "residual" only; "report"
        has its own.
    stochastic_depth : float, default=0.1
        Share of the samples that skip its last block in training; earlier blocks are
        skipped by less, in proportion to their depth. "residual" only, not in strips.
    augmentation : "auto", callable or None, default="auto"
        "auto" is `skblood.augmentation.augment_cells` for images and None for strips.
        A callable gets ``(images, generator)``, standardised images (n, C, H, W) and
        a `torch.Generator` on the CPU, and returns the new images.
    data_pruning : float, default=0.0
        Share of the easy images, those whose last loss was below the mean, that an
        epoch leaves out at random while the others of them count for more [3]_. With
        0.5, `fit` takes about two thirds of the time that it takes with 0. Not for
        strips.
    test_time_augmentation : bool, default=False
        Average the logits over all flips and quarter turns of an image, eight if it is
        square, else four. Predictions take as many times as long, `fit` no longer.
        Without effect on strips.
    max_epochs : "auto" or int, default="auto"
        Passes over the data. "auto" is 30 and as many more as make 200 steps, so
        that few images are seen more often. Without early stopping, all are run.
    lr : float, default=0.04
        Peak learning rate. The default suits "muon"; Adam's usual one is 1e-3 to 1e-2.
    batch_size : int, default=64
        The most samples in one step.
    optimizer : {"muon", "adamw", "adam", "sgd"} or type, default="muon"
        "muon" is `skblood.optimizers.Muon`, "sgd" has Nesterov momentum .9; a
        `torch.optim.Optimizer` class is called with ``(parameter_groups, lr=lr)``.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle" climbs to `lr` and then falls to zero [2]_.
    weight_decay : float, default=0.02
        For kernels and weight matrices.
    label_smoothing : float, default=0.0
        Share of each target that is spread over all classes.
    scaling : {"standard", "minmax"}, default="standard"
        Pixels are scaled by what `fit` learns: "standard" to mean 0 and variance 1 in
        each channel, "minmax" to [-1, 1] by the range of all channels together. In
        strips, each feature is scaled by itself.
    image_shape : tuple (H, W) or (H, W, C), default=None
        What a row of X is. By default, 3·s² features are an s×s RGB image, s² an s×s
        grey one if s ≥ 8, and all else a strip of features.
    class_weight : dict or "balanced", default=None
        Weights of the classes, multiplied with `sample_weight`.
    early_stopping : bool, default=False
        Stop when the validation loss does not improve by more than `tol`, and keep the
        weights of the last epoch that did improve it.
    validation_fraction : float, default=0.1
        Share of the training data, stratified, that early stopping sets aside unless
        `fit` is given `X_val` and `y_val`.
    n_iter_no_change : int, default=10
        Epochs without improvement after which early stopping stops.
    tol : float, default=1e-4
        What counts as an improvement of the validation loss.
    warm_start : bool, default=False
        Let `fit` go on from the weights of the last one, with its network, scaling and
        device. If `y` has other classes than before, the last layer and the history
        begin anew, and the features are what it goes on from. Takes effect on
        what was fitted, streamed or loaded.
    device : str, default="auto"
        "auto" is a GPU if there is one, else the CPU; or a torch device, "cuda:1".
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What `fit` multiplies in; weights are kept, and predictions made, in single
        precision. "auto" is bfloat16 where the processor multiplies in it, which
        takes a half to two thirds of the time [4]_. Without effect on strips.
    callbacks : list of skorch callbacks, default=None
        Copies of them are called in training.
    verbose : int, default=0
        With 1, print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Of the first weights, the shuffling, the augmentation and the validation
        split. With an int, fits on one machine with as many threads are identical
        bit for bit, and no global generator is touched.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    n_features_in_ : int
        H · W · C.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns, if X was a DataFrame with string names.
    image_shape_ : tuple (H, W, C)
        What an image was taken to be.
    device_ : str
        Where the network runs.
    precision_ : {"float32", "bfloat16", "float64"}
        What the last training multiplied in.
    n_iter_ : int
        Epochs of training, over all calls that went on from one another.
    loss_curve_ : list of float
        Training loss of each epoch.
    history_ : list of dict
        Of each epoch: ``epoch``, ``train_loss``, ``train_acc``, ``dur`` in seconds,
        and ``valid_loss`` and ``valid_acc`` where there were validation data.
    net_ : skorch.NeuralNet
        The trained net; its ``module_`` is the torch module.

    See Also
    --------
    BloodFNNClassifier : A feed-forward network on the flattened image.
    sklearn.neural_network.MLPClassifier : Scikit-learn's own network.

    Notes
    -----
    Images less than 8 pixels high or wide count as strips, rows of features: they are
    not augmented, every feature is scaled by itself, and the network computes in
    double precision without batch statistics.

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
        "augmentation": [StrOptions({"auto"}), callable, None],
        "data_pruning": [Interval(Real, 0, 1, closed="left")],
        "test_time_augmentation": ["boolean"],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
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
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _network_class_and_options(self):
        if self.architecture == "residual":
            options = {
                "width": self.width,
                "depth": self.depth,
                "stem_stride": self._resolve_stem_stride(),
                "dropout": self.dropout,
                "stochastic_depth": self.stochastic_depth,
            }
            return ResidualNetwork, options
        if self.architecture == "report":
            return ReportNetwork, {}
        if not issubclass(self.architecture, nn.Module):
            raise TypeError(
                "architecture must be 'residual', 'report' or a subclass of "
                f"torch.nn.Module, got {self.architecture!r}."
            )
        return self.architecture, {}

    def _resolve_stem_stride(self):
        if self.stem_stride != "auto":
            return self.stem_stride
        return max(1, min(self.image_shape_[:2]) // PIXELS_PER_STRIDE)

    def _current_net_options(self):
        return {
            **super()._current_net_options(),
            "precision": self._train_precision(),
            "data_pruning": 0.0 if is_strip(self.image_shape_) else self.data_pruning,
        }

    def _train_precision(self):
        if is_strip(self.image_shape_):
            return str(self._network_dtype()).removeprefix("torch.")
        return resolve_precision(self.precision, self.device_)

    def _train(self, *data, **options):
        super()._train(*data, **options)
        self.precision_ = self._net_options["precision"]

    def _augmentation(self):
        if self.augmentation == "auto":
            return None if is_strip(self.image_shape_) else augment_cells
        return self.augmentation

    def _infer_logits(self, images):
        if not self.test_time_augmentation or is_strip(self.image_shape_):
            return super()._infer_logits(images)
        module = self.net_.module_
        views = dihedral_views(module.standardize(images))
        return torch.stack([module.network(view) for view in views]).mean(dim=0)
