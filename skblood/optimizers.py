"""Optimizers: Muon, and torch's optimizers by their names."""

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

# Muon's updates have the same size whatever the size of the gradient. The parameters
# that AdamW updates instead (biases, normalisation layers, the first and the last
# weight matrix) need a smaller learning rate, which is this fraction of Muon's.
ADAM_TO_MUON_LR = 0.25

# While the weights change fast, old gradients are soon out of date. In the first steps,
# Muon's momentum therefore rises from this value to its final one.
FIRST_MOMENTUM = 0.85


def make_optimizer(optimizer, network, *, lr, weight_decay, n_rising_steps=2_000):
    """Return a new optimizer for the parameters of a network.

    Parameters
    ----------
    optimizer : {"muon", "adamw", "adam", "sgd"} or type
        A name, or a subclass of `torch.optim.Optimizer`, which is called with
        ``(parameter_groups, lr=lr)``.
    network : torch.nn.Module
        Parameters that do not require gradients are left out.
    lr : float
        Peak learning rate.
    weight_decay : float
        Weight decay of weight matrices and convolution kernels. The weight decay of
        biases and normalisation layers is 0.
    n_rising_steps : int, default=2000
        See `Muon`. No effect on other optimizers.

    Returns
    -------
    torch.optim.Optimizer

    Raises
    ------
    TypeError
        If `optimizer` is neither of the names nor a subclass of
        `torch.optim.Optimizer`.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    matrices = [p for p in parameters if p.ndim > 1]
    vectors = [p for p in parameters if p.ndim <= 1]
    if optimizer in ("muon", Muon):
        muon_groups = _muon_groups(matrices, vectors, lr, weight_decay)
        return Muon(muon_groups, lr=lr, n_rising_steps=n_rising_steps)
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    if weight_decay == 0:
        # An optimizer's step takes a fixed time for each group.
        groups = [{"params": matrices + vectors, "weight_decay": 0.0}]
    if optimizer == "sgd":
        return SGD(groups, lr=lr, momentum=0.9, nesterov=True)
    named = {"adamw": AdamW, "adam": Adam}
    if optimizer in named:
        return named[optimizer](groups, lr=lr, fused=True)
    if not (isinstance(optimizer, type) and issubclass(optimizer, Optimizer)):
        raise TypeError(
            "Expected optimizer to be 'muon', 'adamw', 'adam', 'sgd' or a subclass of "
            f"torch.optim.Optimizer, got {optimizer!r}."
        )
    return optimizer(groups, lr=lr)


def state_names(optimizer, group):
    """Return the names of the values in the optimizer state of a parameter.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        An optimizer that `make_optimizer` built from a name or from `Muon`.
    group : dict
        The parameter group to which the parameter belongs.

    Returns
    -------
    set of str
    """
    if isinstance(optimizer, SGD):
        return {"momentum_buffer"}
    if group.get("orthogonalize"):
        return {"step", "momentum"}
    return {"step", "exp_avg", "exp_avg_sq"}


def _muon_groups(matrices, vectors, lr, weight_decay):
    """Return groups in which Muon updates the inner weight matrices, AdamW the rest."""
    first, rest = matrices[:1], matrices[1:]
    inner, outer = rest[:-1], first + rest[-1:]
    adam_lr = lr * ADAM_TO_MUON_LR
    return [
        {"params": inner, "weight_decay": weight_decay, "orthogonalize": True},
        {"params": outer, "weight_decay": weight_decay, "lr": adam_lr},
        {"params": vectors, "weight_decay": 0.0, "lr": adam_lr},
    ]


class Muon(AdamW):
    """Optimizer with orthogonalised momentum for the weight matrices of inner layers.

    The update of a weight matrix is its Nesterov momentum, whose singular values are
    all brought near 1 by a Newton-Schulz iteration. The weights therefore change
    equally fast in all directions, including those with small gradients [1]_.
    Convolution kernels are treated as matrices of shape (n_out, n_in · h · w).
    Parameter groups without ``orthogonalize=True`` are updated by AdamW.

    Parameters
    ----------
    groups : list of dict
        Parameter groups. The option ``orthogonalize``, by default False, selects the
        update of a group.
    lr : float
        Learning rate of all groups that do not contain a value for ``lr``.
    momentum : float, default=0.95
        Decay rate of the running average of the gradients, between 0 and 1. Used only
        in groups with ``orthogonalize=True``.
    n_rising_steps : int, default=2000
        If `momentum` is above 0.85, so many first steps use smaller values, which rise
        linearly from 0.85 [2]_. With 0, all steps use `momentum`.

    References
    ----------
    .. [1] Keller Jordan et al., "Muon: An optimizer for hidden layers in neural
       networks", 2024, https://kellerjordan.github.io/posts/muon/
    .. [2] Keller Jordan et al., "modded-nanogpt: Speedrunning the NanoGPT baseline",
       2024, https://github.com/KellerJordan/modded-nanogpt

    Examples
    --------
    >>> import torch
    >>> from skblood.optimizers import Muon
    >>> weight = torch.nn.Parameter(torch.ones(2, 2))
    >>> optimizer = Muon([{"params": [weight], "orthogonalize": True}], lr=0.1)
    >>> (weight**2).sum().backward()
    >>> optimizer.step()
    >>> bool((weight < 1).all())
    True
    """

    def __init__(self, groups, lr, momentum=0.95, n_rising_steps=2_000):
        super().__init__(groups, lr=lr, fused=True)
        for group in self.param_groups:
            group.setdefault("orthogonalize", False)
            group["momentum"] = momentum
            group["n_rising_steps"] = n_rising_steps

    @torch.no_grad()
    def step(self, closure=None):
        """Update all parameters once.

        Parameters
        ----------
        closure : callable, optional
            Computes the gradients and returns the loss. It is called before the update.

        Returns
        -------
        torch.Tensor or None
            The return value of `closure`.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        groups = self.param_groups
        try:
            self.param_groups = [g for g in groups if not g["orthogonalize"]]
            super().step()
        finally:
            self.param_groups = groups
        for group in groups:
            if group["orthogonalize"]:
                self._orthogonal_step(group)
        return loss

    def _orthogonal_step(self, group):
        for weight in group["params"]:
            if weight.grad is None:
                continue
            state = self.state[weight]
            if not state:
                # AdamW.__setstate__ reads "step" from the state of every parameter.
                state["step"] = torch.tensor(0.0)
                state["momentum"] = torch.zeros_like(weight)
            decay = _momentum_after(state["step"].item(), group)
            state["step"] += 1
            momentum = state["momentum"].lerp_(weight.grad, 1 - decay)
            nesterov = weight.grad.lerp(momentum, decay)
            update = orthogonalize(nesterov.flatten(1)).view_as(weight)
            n_out, n_in = len(weight), weight[0].numel()
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(update, alpha=-group["lr"] * max(1, n_out / n_in) ** 0.5)


def _momentum_after(n_steps, group):
    final, n_rising_steps = group["momentum"], group["n_rising_steps"]
    if n_steps >= n_rising_steps:
        return final
    first = min(FIRST_MOMENTUM, final)
    return first + (final - first) * (n_steps / n_rising_steps)


def orthogonalize(matrix, n_steps=5):
    """Bring the singular values of a matrix near 1 by a Newton-Schulz iteration.

    The singular vectors do not change.

    Parameters
    ----------
    matrix : torch.Tensor of shape (n, m)
    n_steps : int, default=5
        Number of iterations. With more iterations, smaller singular values also get
        near 1.

    Returns
    -------
    torch.Tensor of shape (n, m)
        A matrix with singular values between about 0.7 and 1.2. Singular values that
        are very small compared with the norm of `matrix` end below this range.

    Examples
    --------
    >>> import torch
    >>> from skblood.optimizers import orthogonalize
    >>> singular_values = torch.linalg.svdvals(orthogonalize(torch.eye(3) * 7))
    >>> bool(((singular_values > 0.6) & (singular_values < 1.3)).all())
    True
    """
    # These coefficients of the quintic polynomial are from reference [1] of `Muon`.
    # They make the slope of the polynomial at zero as large as possible, so that small
    # singular values grow fast.
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    # Each step multiplies x by a polynomial of its Gram matrix. Polynomials of one
    # matrix commute, so the loop multiplies only these small square matrices, and x is
    # multiplied by their product once, at the end.
    gram, product = x @ x.T, None
    for n_left in reversed(range(n_steps)):
        step = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        step.diagonal().add_(a)
        product = step if product is None else step @ product
        if n_left:
            gram = step @ gram @ step
    x = product @ x
    return x.T if tall else x
