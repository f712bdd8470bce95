"""The loss and the accuracy of an epoch."""

import torch


class EpochSums:
    """Keeps the results of all batches of an epoch, to sum them once at its end.

    Summing after each batch would take more time, and reading a sum makes a GPU wait.
    The results lie in tensors that are allocated before the first batch: small tensors
    between the freed blocks of the batches would keep the allocator from reusing these.

    Parameters
    ----------
    iterator : BatchIterator
        At the start of an epoch.
    dtype : torch.dtype
        That of the losses.
    device : torch.device or str
    """

    def __init__(self, iterator, dtype, device):
        n_images = len(iterator.dataset)
        self.losses = torch.empty(n_images, dtype=dtype, device=device)
        self.correct = torch.empty(n_images, dtype=torch.bool, device=device)
        self.counts = None
        self.sizes, self.n_images = [], 0

    def add(self, loss, logits, targets, counts):
        """Keep the results of a batch.

        Parameters
        ----------
        loss : torch.Tensor
            Mean loss.
        logits : torch.Tensor of shape (n, n_classes)
        targets : torch.Tensor of shape (n,)
        counts : torch.Tensor of shape (n,) or None
            The number of images that each image stands for, if not one.
        """
        first, self.n_images = self.n_images, self.n_images + len(targets)
        self.losses[len(self.sizes)] = loss.detach()
        predicted = logits.detach().argmax(dim=1)
        torch.eq(predicted, targets, out=self.correct[first : self.n_images])
        if counts is not None:
            if self.counts is None:
                self.counts = torch.empty_like(self.losses)
            self.counts[first : self.n_images] = counts
        self.sizes.append(len(targets))

    def total(self):
        """Return the loss, the number of correct predictions, and that of samples."""
        sizes = torch.tensor(self.sizes).to(self.losses)
        loss = self.losses[: len(sizes)] @ sizes
        correct = self.correct[: self.n_images]
        if self.counts is None:
            return loss, correct.sum(), self.n_images
        counts = self.counts[: self.n_images]
        return loss, (correct * counts).sum(), counts.sum()
