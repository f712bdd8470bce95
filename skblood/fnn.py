"""The feed-forward classifier."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ._base import BaseBloodClassifier
from .networks import ACTIVATIONS, FeedForwardNetwork


class BloodFNNClassifier(BaseBloodClassifier):
    """Feed-forward neural network on the flattened images of blood cells.

    Without hidden layers it is the linear baseline of the 2024 report [1]_; with them
    it is scikit-learn's `MLPClassifier` on torch, with dropout.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=()
        Units of each hidden layer.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        What follows each hidden layer.
    dropout : float, default=0.0
        Share of each hidden layer that is dropped in training.
    max_epochs : "auto" or int, default="auto"
        Passes over the data. "auto" is 50 and as many more as make 500 steps, so
        that few images are seen more often. Without early stopping, all are run.
    lr : float, default=0.01
        Peak learning rate.
    batch_size : int, default=128
        The most samples in one step.
    optimizer : {"muon", "adamw", "adam", "sgd"} or type, default="adamw"
        "muon" is `skblood.optimizers.Muon`, "sgd" has Nesterov momentum .9; a
        `torch.optim.Optimizer` class is called with ``(parameter_groups, lr=lr)``.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        "one_cycle" climbs to `lr` and then falls to zero [2]_.
    weight_decay : float, default=0.1
        For weight matrices.
    label_smoothing : float, default=0.0
        Share of each target that is spread over all classes.
    scaling : {"standard", "minmax"}, default="minmax"
        Pixels are scaled by what `fit` learns: "standard" to mean 0 and variance 1 in
        each channel, "minmax" to [-1, 1] by the range of all channels together. In
        strips, each feature is scaled by itself. Without convolutions, "minmax" does
        better on cells: it does not stretch the channel that varies least.
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
    callbacks : list of skorch callbacks, default=None
        Copies of them are called in training.
    verbose : int, default=0
        With 1, print a line an epoch.
    random_state : int, RandomState instance or None, default=None
        Of the first weights, the shuffling, dropout and the validation split. With an
        int, fits on one machine with as many threads are identical bit for bit, and no
        global generator is touched.

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
    BloodCNNClassifier : A convolutional network, which sees cells far better.
    sklearn.neural_network.MLPClassifier : Scikit-learn's own network.

    Notes
    -----
    Images less than 8 pixels high or wide count as strips, rows of features: every
    feature is scaled by itself, and the network computes in double precision.

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

    def _network_class_and_options(self):
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

    def _augmentation(self):
        return None
