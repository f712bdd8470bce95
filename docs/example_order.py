"""The order of the examples in the gallery."""

from pathlib import Path

# First steps, then choices in training, then confidence, then other microscopes, then
# use in production.
ORDER = [
    "plot_quickstart",
    "plot_own_images",
    "plot_audit_labels",
    "plot_few_images",
    "plot_report_2024",
    "plot_search",
    "plot_optuna",
    "plot_choose_a_budget",
    "plot_cross_validate_by_slide",
    "plot_calibration",
    "plot_abstain",
    "plot_prediction_sets",
    "plot_embeddings_in_two_dimensions",
    "plot_where_the_network_looks",
    "plot_new_microscope",
    "plot_count_cells",
    "plot_save_and_share",
    "plot_stream_shards",
]


class ExampleOrder:
    """Sort key for the file names of examples. Files not in `ORDER` come last."""

    def __init__(self, folder):
        # sphinx-gallery passes the folder of the examples. There is only one.
        pass

    def __call__(self, filename):
        name = Path(filename).stem
        return (ORDER.index(name) if name in ORDER else len(ORDER), name)
