"""The decorator that makes a function a row of the speed table."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class SpeedRow:
    """A row of the speed table: a measurement, and the target for one of its figures.

    Parameters
    ----------
    name : str
        The row's name on the command line and in the results.
    title : str
        The row's name in the documentation. A title "A / B" says which two times the
        ratio divides.
    measure : callable
        Takes the number of timings, and returns a dict of figures.
    figure : str
        The figure that is compared with the target.
    target : float
    at_least : bool
        Whether the target is a minimum. Otherwise, it is a maximum.
    n_pairs : int
        The number of timings.
    short : bool
        Whether the measurement takes seconds, so that ``--short`` includes it.
    """

    name: str
    title: str
    measure: Callable
    figure: str
    target: float
    at_least: bool
    n_pairs: int
    short: bool

    @property
    def target_text(self):
        return f"{'≥' if self.at_least else '≤'} {self.target}"

    def is_reached_by(self, value):
        return value >= self.target if self.at_least else value <= self.target


def speed_row(
    name,
    title,
    *,
    figure="ratio",
    at_most=None,
    at_least=None,
    n_pairs=5,
    short=False,
):
    """Turn the decorated function into a `SpeedRow`.

    Exactly one of `at_most` and `at_least` is the target; the other parameters are
    those of `SpeedRow`.
    """
    if (at_most is None) == (at_least is None):
        raise TypeError(f"Expected one of at_most and at_least for {name!r}.")

    def declare(measure):
        return SpeedRow(
            name=name,
            title=title,
            measure=measure,
            figure=figure,
            target=at_most if at_least is None else at_least,
            at_least=at_least is not None,
            n_pairs=n_pairs,
            short=short,
        )

    return declare
