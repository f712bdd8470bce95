"""The training loop that one writes by hand, with everything prepared beforehand.

The pixels are standardised float32 tensors in memory, channels last, so that a step
does nothing but cut its batch, augment, and learn. There is no history, no callback, no
validation, no sample weight and no check.
"""

import torch
from torch.nn.functional import cross_entropy


def train(
    network,
    pixels,
    targets,
    optimizer,
    *,
    n_epochs,
    batch_size,
    augment=None,
    lr_share=None,
    bfloat16=False,
    stop_after=None,
    seed=0,
):
    """Train a network.

    Parameters
    ----------
    network : torch.nn.Module
        Takes images (n, C, H, W).
    pixels : torch.Tensor of shape (n, H, W, C)
        Standardised, float32.
    targets : torch.Tensor of shape (n,)
    optimizer : torch.optim.Optimizer
    n_epochs, batch_size : int
    augment : callable, optional
        ``augment(images, generator)``
    lr_share : callable, optional
        From the share of the training that is over to that of the learning rate.
    bfloat16 : bool
        Whether convolutions are computed in bfloat16.
    stop_after : callable, optional
        Called without arguments after each epoch; if it returns True, that was the
        last.
    seed : int
        Of the shuffling and of the augmentation.

    Returns
    -------
    float
        The last epoch's mean loss.
    """
    generator = torch.Generator().manual_seed(seed)
    peaks = [group["lr"] for group in optimizer.param_groups]
    n_steps = -(-len(targets) // batch_size)
    network.train()
    for epoch in range(n_epochs):
        total = 0.0
        order = torch.randperm(len(targets), generator=generator)
        for step, index in enumerate(order.chunk(n_steps)):
            if lr_share is not None:
                share = lr_share((epoch + step / n_steps) / n_epochs)
                for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                    group["lr"] = peak * share
            images = pixels[index].permute(0, 3, 1, 2)
            if augment is not None:
                images = augment(images, generator)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
                logits = network(images)
            loss = cross_entropy(logits.float(), targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
        if stop_after is not None and stop_after():
            break
    return float(total) / len(targets)


def predict_proba(module, images, batch_size=64):
    """Return the probabilities of stored images (n, H, W, C) by a trained module."""
    module.eval()
    with torch.inference_mode():
        logits = [
            module(torch.from_numpy(images[start : start + batch_size]))
            for start in range(0, len(images), batch_size)
        ]
        return torch.cat(logits).softmax(dim=1).numpy()
