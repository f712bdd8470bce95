"""The feed-forward classifier."""

from numbers import Integral

import numpy as np

from ._base import BaseBloodClassifier
from ._sklearn_compat import Interval, StrOptions
from .networks import ACTIVATIONS, FeedForwardNetwork


class BloodFNNClassifier(BaseBloodClassifier):
    """Feed-forward neural network on the flattened images of blood cells.

    Without hidden layers it is the linear baseline of the 2024 report [1]_. With hidden
    layers it is similar to scikit-learn's `MLPClassifier`, with dropout.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=()
        Number of units in each hidden layer.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        Activation function after each hidden layer.
    dropout : float, default=0.0
        Probability that a unit of a hidden layer is set to zero in training.
    max_epochs : "auto" or int, default="auto"
        Number of passes over the training data. "auto" is
        50 + ceil(500 / steps per epoch), so that small data sets are trained for more
        epochs.
    lr : float, default=0.01
        Peak learning rate.
    batch_size : int, default=128
        Largest number of samples in one step.
    optimizer : {"muon", "adamw", "adam", "sgd"} or type, default="adamw"
        "muon" is `skblood.optimizers.Muon`; "sgd" uses Nesterov momentum of 0.9. A
        subclass of `torch.optim.Optimizer` is called with
        ``(parameter_groups, lr=lr)``.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle" raises the learning rate to `lr` in the first 30 % of the training
        and then lowers it to zero [2]_.
    weight_decay : float, default=0.1
        Weight decay of weight matrices. Biases have none.
    label_smoothing : float, default=0.0
        Part of each target's probability that is spread evenly over all classes.
    scaling : {"standard", "minmax"}, default="minmax"
        How pixels are scaled before the network sees them. "standard" gives each
        channel mean 0 and variance 1; "minmax" maps the range of all channels together
        to [-1, 1]. The statistics are computed in `fit`. In tabular input, each feature
        is scaled on its own. A network without
        convolutions is more accurate with "minmax" on images of cells: it does not
        amplify the channel that varies least.
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
    callbacks : list of skorch.callbacks.Callback, default=None
        Callbacks for training. They are copied in each call of `fit`.
    verbose : int, default=0
        With 1, a terminal shows the progress in one line that is updated. A log file or
        a notebook gets a table with one line for each epoch, and so does a terminal
        with larger values. With 0, nothing is printed.
    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, shuffling, dropout and the validation split. With an
        int, two fits on the same machine with the same number of threads are
        bit-identical, and global random number generators stay unchanged.

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
    precision_ : {"float32", "float64"}
        Number format of the last training: float64 for tabular input.
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
    BloodCNNClassifier : Convolutional network, which is much more accurate on images.
    sklearn.neural_network.MLPClassifier : scikit-learn's neural network.

    Notes
    -----
    Inputs with a height or width below 8 pixels are treated as tabular: each value is a
    feature that is scaled on its own, and the network computes in double precision.

    References
    ----------
    .. [1] Hobelsberger, Hassan, Savvides, Bharwani, "Optimizing Blood Cell
       Classification with Convolutional Neural Networks", 2024.
    .. [2] Smith and Topin, "Super-Convergence: Very Fast Training of Neural Networks
       Using Large Learning Rates", 2018, arXiv:1708.07120.

    Examples
    --------
    >>> from skblood import BloodFNNClassifier, load_bloodmnist_sample
    >>> X, y = load_bloodmnist_sample("train", return_X_y=True)
    >>> clf = BloodFNNClassifier(hidden_layer_sizes=(64,), random_state=0).fit(X, y)
    >>> X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
    >>> clf.score(X_test, y_test) > 0.7
    True
    """

    _parameter_constraints: dict = {
        **BaseBloodClassifier._parameter_constraints,
        "hidden_layer_sizes": [
            "array-like",
            Interval(Integral, 1, None, closed="left"),
        ],
        "activation": [StrOptions(set(ACTIVATIONS))],
    }

    _auto_epochs = 50
    _auto_steps = 500

    def __init__(
        self,
        *,
        hidden_layer_sizes=(),
        activation="relu",
        dropout=0.0,
        max_epochs="auto",
        lr=0.01,
        batch_size=128,
        optimizer="adamw",
        lr_schedule="one_cycle",
        weight_decay=0.1,
        label_smoothing=0.0,
        scaling="minmax",
        image_shape=None,
        class_weight=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-4,
        warm_start=False,
        device="auto",
        callbacks=None,
        verbose=0,
        random_state=None,
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.dropout = dropout
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
        self.callbacks = callbacks
        self.verbose = verbose
        self.random_state = random_state

    def _resolve_network(self):
        """Return the class of the network and its options."""
        return FeedForwardNetwork, {
            "hidden_layer_sizes": self._check_hidden_layer_sizes(),
            "activation": self.activation,
            "dropout": self.dropout,
        }

    def _check_hidden_layer_sizes(self):
        sizes = np.atleast_1d(self.hidden_layer_sizes).tolist()
        if not all(isinstance(size, Integral) and size > 0 for size in sizes):
            raise ValueError(
                "hidden_layer_sizes must be positive integers, got "
                f"{self.hidden_layer_sizes!r}."
            )
        return sizes
