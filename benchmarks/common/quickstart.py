"""The fit of the quickstart, in a new process."""

import ast
from pathlib import Path

from common.processes import run_in_new_process

# The Makefile sets these for the quickstart.
ONE_CORE_PER_THREAD = {"OMP_PROC_BIND": "true", "OMP_PLACES": "cores"}
QUICKSTART = Path(__file__).parents[2] / "examples" / "plot_quickstart.py"
FIT = """
import ast
import sys
import time
from skblood import BloodCNNClassifier, load_bloodmnist_sample

train = load_bloodmnist_sample("train", labels="names")
test = load_bloodmnist_sample("test", labels="names")
classifier = BloodCNNClassifier(**ast.literal_eval(sys.argv[1]))
start = time.perf_counter()
classifier.fit(train.images, train.target)
print(time.perf_counter() - start, classifier.score(test.images, test.target))
"""


def fit_quickstart(seed=0, environment=None):
    """Return the seconds of the fit, and the accuracy on the sample's test images."""
    parameters = {**_parameters(), "random_state": seed}
    printed = run_in_new_process(FIT, parameters, environment=environment)
    seconds, accuracy = map(float, printed.split())
    return seconds, accuracy


def _parameters():
    """Return the parameters that the example passes as literals."""
    calls = [
        node
        for node in ast.walk(ast.parse(QUICKSTART.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "BloodCNNClassifier"
    ]
    return {
        keyword.arg: keyword.value.value
        for keyword in calls[0].keywords
        if isinstance(keyword.value, ast.Constant)
    }
