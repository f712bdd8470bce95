"""A plain PyTorch training loop, on data that were prepared before.

The pixels are standardised float32 tensors in memory. A step selects a batch, augments
it and updates the weights. The loop has no history, no callbacks, no validation, no
sample weights and no checks.
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
    lr_factor=None,
    bfloat16=False,
    seed=0,
):
    """Train a network.

    Parameters
    ----------
    network : torch.nn.Module
        Takes images of shape (n, C, H, W).
    pixels : torch.Tensor of shape (n, H, W, C)
        Standardised images, float32, on the device of the network.
    targets : torch.Tensor of shape (n,)
        Encoded labels, int64, on the same device.
    optimizer : torch.optim.Optimizer
    n_epochs, batch_size : int
    augment : callable, optional
        Called as ``augment(images, generator)``; returns the augmented images.
    lr_factor : callable, optional
        The learning rate schedule. It takes the fraction of the training that is done,
        from 0 to 1, and returns the factor for the learning rate of `optimizer`.
    bfloat16 : bool
        Mixed precision: run the network under `torch.autocast` with bfloat16.
    seed : int
        Seeds the shuffling and the augmentation.

    Returns
    -------
    float
        The mean loss of the last epoch.
    """
    generator = torch.Generator().manual_seed(seed)
    peaks = [group["lr"] for group in optimizer.param_groups]
    n_steps = -(-len(targets) // batch_size)
    network.train()
    for epoch in range(n_epochs):
        total = 0.0
        order = torch.randperm(len(targets), generator=generator).to(pixels.device)
        for step, index in enumerate(order.chunk(n_steps)):
            if lr_factor is not None:
                factor = lr_factor((epoch + step / n_steps) / n_epochs)
                for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                    group["lr"] = peak * factor
            # Permuted NHWC pixels are in torch's channels-last memory format.
            images = pixels[index].permute(0, 3, 1, 2)
            if augment is not None:
                images = augment(images, generator)
            with torch.autocast(
                pixels.device.type, dtype=torch.bfloat16, enabled=bfloat16
            ):
                logits = network(images)
            loss = cross_entropy(logits.float(), targets[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(index)
    return float(total) / len(targets)


def predict_proba(module, images, batch_size=64):
    """Return a trained module's probabilities for uint8 images (n, H, W, C)."""
    module.eval()
    with torch.inference_mode():
        logits = [
            module(torch.from_numpy(images[start : start + batch_size]))
            for start in range(0, len(images), batch_size)
        ]
        return torch.cat(logits).softmax(dim=1).numpy()
