"""What updates the weights: torch's optimisers by name, and Muon."""

import torch
from torch.optim import SGD, Adam, AdamW, Optimizer

# Muon's step has the same size for every weight matrix whatever its gradient; Adam's
# vectors (norms, biases, the first and last layer) do best at a smaller one.
ADAM_TO_MUON_LR = 0.25


def make_optimizer(optimizer, network, *, lr, weight_decay):
    """Build the optimiser for a network.

    Parameters
    ----------
    optimizer : {"muon", "adamw", "adam", "sgd"} or type
        A name, or a class that is called with ``(param_groups, lr=lr)``.
    network : torch.nn.Module
    lr : float
        Peak learning rate.
    weight_decay : float
        For weight matrices and kernels; norms and biases are never decayed.

    Returns
    -------
    torch.optim.Optimizer
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if optimizer in ("muon", Muon):
        return Muon(_muon_groups(groups, lr), lr=lr)
    if optimizer == "sgd":
        return SGD(groups, lr=lr, momentum=0.9, nesterov=True)
    named = {"adamw": AdamW, "adam": Adam}
    if optimizer in named:
        return named[optimizer](groups, lr=lr, fused=True)
    if not issubclass(optimizer, Optimizer):
        raise TypeError(
            "optimizer must be a name or a subclass of torch.optim.Optimizer, got "
            f"{optimizer!r}."
        )
    return optimizer(groups, lr=lr)


def names_of_averages(optimizer, group):
    """Return what an optimiser with a name keeps of each weight.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        One that `make_optimizer` built by its name.
    group : dict
        The parameter group of the weight.

    Returns
    -------
    set of str
    """
    if isinstance(optimizer, SGD):
        return {"momentum_buffer"}
    if group.get("orthogonalize"):
        return {"step", "momentum"}
    return {"step", "exp_avg", "exp_avg_sq"}


def _muon_groups(groups, lr):
    """Take the inner kernels out for Muon; the rest is AdamW's."""
    matrices, vectors = groups
    first, rest = matrices["params"][:1], matrices["params"][1:]
    inner, outer = rest[:-1], first + rest[-1:]
    adam_lr = lr * ADAM_TO_MUON_LR
    return [
        {**matrices, "params": inner, "orthogonalize": True},
        {**matrices, "params": outer, "lr": adam_lr},
        {**vectors, "lr": adam_lr},
    ]


class Muon(AdamW):
    """Momentum orthogonalised by Newton-Schulz, for the weights of inner layers.

    Every singular value of an update is brought near 1, so all directions of a
    layer learn at one pace [1]_. Kernels count as matrices (n_out, n_in · h · w).
    Groups without ``orthogonalize`` are left to AdamW.

    Parameters
    ----------
    groups : list of dict
        Parameter groups.
    lr : float
    momentum : float, default=0.95

    References
    ----------
    .. [1] Keller Jordan et al., "Muon: An optimizer for hidden layers in neural
       networks", 2024, https://kellerjordan.github.io/posts/muon/

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

    def __init__(self, groups, lr, momentum=0.95):
        super().__init__(groups, lr=lr, fused=True)
        for group in self.param_groups:
            group.setdefault("orthogonalize", False)
            group["momentum"] = momentum

    @torch.no_grad()
    def step(self, closure=None):
        """Make one step; `closure` computes the loss and its gradients first."""
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
                state["step"] = torch.tensor(0.0)  # AdamW looks for it in all states
                state["momentum"] = torch.zeros_like(weight)
            state["step"] += 1
            momentum = state["momentum"].lerp_(weight.grad, 1 - group["momentum"])
            nesterov = weight.grad.lerp(momentum, group["momentum"])
            update = orthogonalize(nesterov.flatten(1)).view_as(weight)
            n_out, n_in = len(weight), weight[0].numel()
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(update, alpha=-group["lr"] * max(1, n_out / n_in) ** 0.5)


def orthogonalize(matrix, n_steps=5):
    """Bring a matrix's singular values near 1 by a quintic Newton-Schulz iteration.

    Parameters
    ----------
    matrix : torch.Tensor of shape (n, m)
    n_steps : int, default=5

    Returns
    -------
    torch.Tensor of shape (n, m)
        Singular values between about 0.7 and 1.2.

    Examples
    --------
    >>> import torch
    >>> from skblood.optimizers import orthogonalize
    >>> singular_values = torch.linalg.svdvals(orthogonalize(torch.eye(3) * 7))
    >>> bool(((singular_values > 0.6) & (singular_values < 1.3)).all())
    True
    """
    # The coefficients of [1] in `Muon`: steepest at zero while staying bounded.
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    # Each step multiplies x by a polynomial of its Gram matrix. All of them commute,
    # so they are multiplied out on the small Gram matrix and meet x only at the end.
    gram, product = x @ x.T, None
    for n_left in reversed(range(n_steps)):
        step = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        step.diagonal().add_(a)
        product = step if product is None else step @ product
        if n_left:
            gram = step @ gram @ step
    x = product @ x
    return x.T if tall else x
