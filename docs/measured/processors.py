"""How long the main jobs take on other machines."""

from statistics import median

from measured.results import literal, load

MODELS = ["bloodmnist-28", "bloodmnist-28-tiny"]


def add_to(output):
    """Add the table of times by processor."""
    parts = load("processors")
    rows = [[instructions, *describe(part)] for instructions, part in parts.items()]
    header = [
        "instructions",
        "default, one epoch, s",
        "default, all epochs, min",
        "quickstart, s",
        "report's FNN, s",
        *(f"{literal(name)}, images/s" for name in MODELS),
    ]
    output.table("processors", header, rows)
    output.number("AVX2 minutes", f"{default_minutes(parts['AVX2']):.0f}")
    # The machine of the other pages has no row here. Its figures come from their files.
    default, speed = load("accuracy_default")["mean"], load("speed")
    output.number("default minutes", f"{default['fit_seconds'] / 60:.1f}")
    output.number("quickstart seconds", f"{speed['quickstart']['median_seconds']:.0f}")
    fnn = median(speed["fit-report-fnn"]["ours_seconds"])
    output.number("FNN seconds", f"{fnn:.1f}")


def describe(part):
    rates = [part["images_per_second"][name] for name in MODELS]
    return [
        f"{part['default_seconds_an_epoch']:.0f}",
        f"{default_minutes(part):.0f}",
        f"{quickstart_seconds(part):.0f}",
        f"{median(part['report_fnn_seconds']):.1f}",
        *(f"{rate:,.0f}" for rate in rates),
    ]


def default_minutes(part):
    return part["default_seconds_an_epoch"] * part["default_epochs"] / 60


def quickstart_seconds(part):
    return median(part["quickstart_seconds"])
