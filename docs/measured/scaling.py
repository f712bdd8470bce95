"""What several workers and processes add to the speed."""

from statistics import mean, stdev

from measured.results import decimal, literal, load

WAYS = {
    "serial": "one fit after another",
    "n_jobs_2": "``n_jobs=2``",
    "dask_2_workers": "Dask, two workers",
}
CLASSIFIERS = {
    "cnn": ":class:`~skblood.BloodCNNClassifier`",
    "fnn": ":class:`~skblood.BloodFNNClassifier`",
}


def add_to(output):
    """Add a table for each part of the benchmark."""
    figures = load("scaling")
    command = "python benchmarks/scaling.py"
    output.number("scaling command", literal(command))
    add_search(output, figures["search"])
    add_training(output, figures["distributed"])
    add_prediction(output, figures["predict"]["images_per_s"])
    add_command(output, figures["decoding"])


def add_search(output, search):
    rows = [
        [label, f"{search['median_seconds'][way]:.1f}", decimal(ratio, 2)]
        for way, label in WAYS.items()
        for ratio in [search["times_as_fast_as_serial"][way]]
    ]
    output.table("scaling_search", ["search", "seconds", "times as fast"], rows)


def add_training(output, training):
    measured, estimate = training["processes"], training["estimate"]
    rates = {
        f"{n}, measured": {name: figures[name]["images_per_s"] for name in CLASSIFIERS}
        for n, figures in measured.items()
    } | {f"{n}, estimated": rate for n, rate in estimate["images_per_s"].items()}
    rows = [
        [label, *(thousands(rate[name]) for name in CLASSIFIERS)]
        for label, rate in rates.items()
    ]
    output.table("scaling_training", ["processes", *CLASSIFIERS.values()], rows)
    for n, name in {"1": "one process", "2": "two processes"}.items():
        accuracies = measured[n]["accuracy_of_a_small_cnn"]
        spread = f"{decimal(mean(accuracies), 3)} ± {decimal(stdev(accuracies), 3)}"
        output.number(f"accuracy of {name}", spread)
    megabytes = measured["1"]["cnn"]["gradient_bytes"] / 1e6
    output.number("gradient size", f"{megabytes:.1f} MB")


def add_prediction(output, rates):
    labels = {"predict": "``clf.predict``", "1": "one worker", "2": "two workers"}
    rows = [[label, thousands(rates[name])] for name, label in labels.items()]
    output.table("scaling_predict", ["prediction", "images per second"], rows)


def add_command(output, decoding):
    rows = [
        [
            f"{side} ({figures['kilobytes_per_file']:.0f} kB)",
            *(thousands(rate) for rate in figures["decoding_images_per_s"].values()),
            thousands(figures["command_images_per_s_without_start_up"]),
        ]
        for side, figures in decoding["files"].items()
    ]
    header = [
        "JPEG files",
        "decoding, one thread",
        "decoding, two threads",
        "``skblood predict``, two threads",
    ]
    output.table("scaling_command", header, rows)
    for n, name in {"1": "one thread", "2": "two threads"}.items():
        rate = thousands(decoding["prediction_images_per_s"][n])
        output.number(f"prediction with {name}", rate)


def thousands(rate):
    """Format images per second."""
    return f"{rate:,.0f}"
