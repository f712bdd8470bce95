"""The README says what was measured, and fits on a page."""

import json
import re
from pathlib import Path
from statistics import mean, stdev

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def results(name):
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def decimal(value):
    return f"{value:.4f}".lstrip("0")


def mean_and_std(summary):
    return " ± ".join(decimal(summary[key]["accuracy"]) for key in ("mean", "std"))


def pretrained(name):
    return decimal(results("pretrained")["models"][name]["accuracy"])


def race(name):
    accuracies = results("speed")[name]["ours_accuracies"]
    return f"{decimal(mean(accuracies))} ± {decimal(stdev(accuracies))}"


def measured():
    """Return the accuracy of each row that begins with these words."""
    small = results("accuracy_small_data")["results"]["default"]["100"]
    published = {row["model"]: row for row in results("published")["models"]}
    medmnist = max(
        row["accuracy"] for row in published.values() if row.get("source") == "medmnist"
    )
    return {
        "`BloodCNNClassifier()`, six": mean_and_std(results("accuracy_default")),
        "`load_pretrained()`": pretrained("bloodmnist-28"),
        '`load_pretrained("bloodmnist-28-robust")`': pretrained("bloodmnist-28-robust"),
        '`load_pretrained("bloodmnist-28-tiny")`': pretrained("bloodmnist-28-tiny"),
        "`BloodCNNClassifier()`, trained on 100": mean_and_std(small),
        "a narrower network": race("accuracy-in-time"),
        "a smaller network": race("time-to-report"),
        "`BloodFNNClassifier()`": mean_and_std(results("accuracy_fnn")),
        "the 2024 report's CNN": mean_and_std(
            results("report_2024")["results"]["split"]["CNN"]
        ),
        "best of": f"{medmnist:.3f}".lstrip("0"),
    }


@pytest.mark.parametrize("beginning", measured())
def test_the_table_holds_what_was_measured(beginning):
    [row] = re.findall(rf"^\| {re.escape(beginning)}.*\| (.+) \|$", README, re.M)
    assert row.strip("*") == measured()[beginning]


def test_it_is_at_most_120_lines_long():
    assert len(README.splitlines()) <= 120


def test_its_relative_links_and_images_exist():
    targets = re.findall(r"\]\(([^)]+)\)", README)
    local = [target for target in targets if not target.startswith("https://")]
    assert local
    assert all((ROOT / target).exists() for target in local)
