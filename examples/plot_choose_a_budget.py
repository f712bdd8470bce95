"""
Choosing a budget: how accurate is a classifier after how many seconds?
=======================================================================

The number of epochs and the width of the network decide how long a training takes.
This example trains four networks for three numbers of epochs each, and draws accuracy
against time.
"""

# %%
# Train
# -----
# The computing time grows with the square of the width. A stride of 2 in the first
# convolution cuts it to about a quarter. The time is that of this machine; more cores
# need less.

from time import perf_counter

from skblood import (
    BloodCNNClassifier,
    BloodFNNClassifier,
    load_bloodmnist_sample,
)

X, y = load_bloodmnist_sample("train", return_X_y=True)
X_test, y_test = load_bloodmnist_sample("test", return_X_y=True)
networks = {
    "BloodFNNClassifier": BloodFNNClassifier(),
    "width 8, stride 2": BloodCNNClassifier(width=8, stem_stride=2),
    "width 8": BloodCNNClassifier(width=8),
    "width 16": BloodCNNClassifier(width=16),
}
epochs = [2, 6, 18]
BloodFNNClassifier(max_epochs=1).fit(X, y)  # the first fit loads more of torch
seconds = {name: [] for name in networks}
accuracy = {name: [] for name in networks}
for name, network in networks.items():
    for n in epochs:
        start = perf_counter()
        network.set_params(max_epochs=n, random_state=0).fit(X, y)
        seconds[name].append(perf_counter() - start)
        accuracy[name].append(network.score(X_test, y_test))

# %%
# Draw the result
# ---------------
# Each line is one network, after 2, 6 and 18 epochs. Wider networks need more time and
# reach a higher accuracy in the end. By default, the width is 32, and there are more
# epochs. ``BloodCNNClassifier(data_pruning=0.5)`` saves a third of the time.

import matplotlib.pyplot as plt

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
colors = ["#000000", "#0072B2", "#E69F00", "#D55E00"]
for (name, times), color, marker in zip(
    seconds.items(), colors, "o^sD", strict=True
):
    ax.plot(times, accuracy[name], color=color, marker=marker, label=name)
    results = zip(times, accuracy[name], strict=True)
    print(f"{name}:", *(f"{s:.1f} s {a:.3f}" for s, a in results), sep="  ")
ax.set(
    xscale="log",
    xlabel="seconds of training",
    ylabel="accuracy on 400 other cells",
)
ax.xaxis.set_major_formatter("{x:g}")
ax.grid(alpha=0.3)
ax.legend()
plt.show()
