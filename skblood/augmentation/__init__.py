"""Random transforms of a batch of images.

``augment_cells``, ``random_dihedral``, ``random_shift`` and an instance of
``RobustAugmentation`` take scaled images ``(n, C, H, W)`` and a `torch.Generator` on
the CPU. They draw one transform for each image and return the transformed batch. The
parameter `augmentation` of `BloodCNNClassifier` accepts any function with this
signature, which may also have a parameter ``progress``.
"""

from ._geometry import augment_cells, dihedral_views, random_dihedral, random_shift
from ._robust import RobustAugmentation

__all__ = [
    "RobustAugmentation",
    "augment_cells",
    "dihedral_views",
    "random_dihedral",
    "random_shift",
]
