"""Fitted recipes, which several benchmarks read from files."""

from common.recipes import RECIPES
from skblood import load_bloodmnist, load_model, save_model


def fitted_model(recipe, seed, folder):
    """Return a recipe that was fitted to the train split with one seed.

    It is read from ``folder/RECIPE_SEED.safetensors``. If this file does not exist, the
    recipe is fitted first, and the file is written.

    Parameters
    ----------
    recipe : str
        A key of `RECIPES` whose model can be saved: a classifier of skblood.
    seed : int
    folder : pathlib.Path
        It is created if it does not exist.

    Returns
    -------
    BloodCNNClassifier or BloodFNNClassifier
    """
    path = folder / f"{recipe}_{seed}.safetensors"
    if not path.exists():
        X, y = load_bloodmnist(split="train", return_X_y=True)
        clf = RECIPES[recipe](random_state=seed).fit(X, y)
        folder.mkdir(parents=True, exist_ok=True)
        save_model(clf, path)
    return load_model(path)
