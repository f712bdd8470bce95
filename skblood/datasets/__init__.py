"""Load images: BloodMNIST, a sample of it, other MedMNIST data sets, or your own."""

from skblood.datasets._bloodmnist import load_bloodmnist
from skblood.datasets._cell_images import load_cell_images
from skblood.datasets._lazy_images import LazyImages
from skblood.datasets._made_smear import make_smear
from skblood.datasets._medmnist import load_medmnist
from skblood.datasets._sample import load_bloodmnist_sample
from skblood.datasets._shards import open_shards

__all__ = [
    "LazyImages",
    "load_bloodmnist",
    "load_bloodmnist_sample",
    "load_cell_images",
    "load_medmnist",
    "make_smear",
    "open_shards",
]
