"""Maps of the pixels that raise a logit of a network, computed by captum."""

import copy
from collections import Counter
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

from .._runtime.threads import limit_worker_threads
from .._warnings import warn

# The network gets so many pixels at once, as in predictions.
BATCH_PIXELS = 64 * 28 * 28
# Largest mean error of the sums of the maps, as a fraction of the mean rise of logits.
TOLERANCE = 0.1


def attribute(captum, net, images, targets, *, method, n_steps, views=None):
    """Compute a map for each image. The net and its gradients stay unchanged.

    Parameters
    ----------
    captum : module
        The module ``captum.attr`` of an optional package.
    net : ImageNet
        The trained skorch net of a classifier.
    images : ndarray or ImageReader of shape (n, H, W, C)
        Images as they are stored.
    targets : ndarray of int, of shape (n,)
        For each image, the index of the logit.
    method : {"integrated_gradients", "grad_cam"}
    n_steps : int
        Number of steps of integrated gradients.
    views : callable, optional
        Test-time augmentation, see `ScaledNetwork.forward`.

    Returns
    -------
    ndarray of shape (n, H, W), dtype float64

    Raises
    ------
    ValueError
        If `method` is "grad_cam" and the network has no feature maps.

    Warns
    -----
    ConvergenceWarning
        If integrated gradients do not add up to the logits.
    """
    # uint8 pixels have no gradients, so the maps belong to standardised images.
    scaled = net.predict_batches(images, net.module_.standardize)
    height, width = scaled.shape[2:]
    batch_size = max(1, BATCH_PIXELS // (height * width))
    maps = np.empty((len(scaled), height, width))
    with _gradients(), limit_worker_threads():
        network = _copy_of(net.module_.network)
        if method == "grad_cam":
            explain = _grad_cam(captum, network, _to_tensor(scaled[:1], net.device))
        else:
            explain = _integrated_gradients(captum, network, n_steps, batch_size)
        for start in range(0, len(scaled), batch_size):
            part = slice(start, start + batch_size)
            pixels = _to_tensor(scaled[part], net.device)
            target = torch.as_tensor(targets[part], device=net.device)
            maps[part] = _mean_over_views(explain, pixels, target, views).cpu().numpy()
    if method == "integrated_gradients":
        logits = net.predict_batches(images, partial(net.module_, views=views))
        baseline = _to_tensor(np.zeros_like(scaled[:1]), net.device)
        rises = logits - _predict(network, baseline)
        _check_sums(maps, rises[np.arange(len(rises)), targets])
    return maps


def _check_sums(maps, rises):
    """Warn if the sums of the maps are not the rises of the logits."""
    error = np.abs(maps.sum(axis=(1, 2)) - rises).mean()
    if error > TOLERANCE * np.abs(rises).mean():
        warn(
            "The sum of a map of integrated gradients should be the logit of the image "
            "minus that of the baseline. These differences have a mean absolute value "
            f"of {np.abs(rises).mean():.3g}, and the sums a mean error of {error:.3g}. "
            "Increase n_steps. If this does not help, the logits jump near the "
            "baseline, and the maps are wrong: networks that normalise each sample on "
            "its own, such as BloodCNNClassifier for tabular input, behave so.",
            ConvergenceWarning,
        )


@contextmanager
def _gradients():
    """Compute gradients, also if the caller has turned them off."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _to_tensor(scaled, device):
    return torch.from_numpy(scaled).to(device)


def _copy_of(network):
    """Return a copy for predictions whose layers do not overwrite their input.

    captum adds hooks to layers. On a copy, the network of the classifier stays as it is
    even if an error occurs. A layer that overwrites its input, such as
    ``nn.ReLU(inplace=True)``, would change values from which gradients are computed.
    """
    network = copy.deepcopy(network).eval()
    for layer in network.modules():
        if hasattr(layer, "inplace"):
            layer.inplace = False
    return network


def _without_overwriting(network):
    """Return a function that protects the input from networks that overwrite it."""
    return lambda images: network(images.clone())


def _predict(network, images):
    with torch.no_grad():
        return _without_overwriting(network)(images).cpu().numpy()


def _integrated_gradients(captum, network, n_steps, batch_size):
    """Return a function that computes the maps of a batch by integrated gradients."""
    method = captum.IntegratedGradients(_without_overwriting(network))

    def explain(images, targets):
        values = method.attribute(
            images,
            # An image without a cell, see the notes of `SaliencyDisplay`.
            baselines=0,
            target=targets,
            n_steps=n_steps,
            internal_batch_size=max(len(images), batch_size),
        )
        return values.sum(dim=1)

    return explain


def _grad_cam(captum, network, image):
    """Return a function that computes the maps of a batch by Grad-CAM."""
    layer = _find_last_maps(network, image)
    method = captum.LayerGradCam(_without_overwriting(network), layer)

    def explain(images, targets):
        coarse = method.attribute(images, target=targets)
        size = tuple(images.shape[2:])
        maps = captum.LayerAttribution.interpolate(coarse, size, "bilinear")
        return maps[:, 0]

    return explain


def _find_last_maps(network, image):
    """Return the last layer whose output are feature maps, as Grad-CAM needs it.

    Feature maps have more than one position, and a convolution came before them. In a
    residual network, this layer is the last block: the last convolution alone would
    leave out what the shortcut adds.
    """
    last, n_calls, has_convolution = [], Counter(), False

    def record(layer, _, output):
        nonlocal has_convolution
        has_convolution |= isinstance(layer, nn.Conv2d)
        n_calls[layer] += 1
        is_map = isinstance(output, torch.Tensor) and output.ndim == 4
        if has_convolution and is_map and output.shape[2:].numel() > 1:
            last.append(layer)

    hooks = [layer.register_forward_hook(record) for layer in network.modules()]
    _predict(network, image)
    for hook in hooks:
        hook.remove()
    # A layer that is used several times has several outputs. captum needs one.
    last = [layer for layer in last if n_calls[layer] == 1]
    if not last:
        raise ValueError(
            "Expected a network with feature maps of convolutions for "
            f"method='grad_cam', got {type(network).__name__}. Use "
            "method='integrated_gradients'."
        )
    return last[-1]


def _mean_over_views(explain, images, targets, views):
    """Return the mean map of all views of an image, in the position of the image."""
    if views is None:
        return explain(images, targets).detach()
    height, width = images.shape[2:]
    # The views of an image with the number of each pixel tell where the pixels went.
    numbers = torch.arange(height * width, device=images.device)
    numbers = numbers.reshape(1, 1, height, width)
    total, n_views = 0, 0
    for view, moved in zip(views(images), views(numbers), strict=True):
        back = moved.flatten().argsort()
        total = total + explain(view, targets).detach().flatten(1)[:, back]
        n_views += 1
    return (total / n_views).reshape(-1, height, width)
