"""A judgement as one line for people: the verdict, the signed change with its noise band, and why."""

from benchmark.judge.metrics import Metric
from benchmark.judge.verdict import Judgement


def in_words(said: Judgement, metric: Metric) -> str:
    """Write "regressed: -20.0 % (noise band +/-5.0 %, 10 runs), since run X". An open regression is always named.

    Run ids are in it as they are: escape the line where it is shown.
    """
    line = ": ".join([said.verdict, *(part for part in (_change(said, metric), said.reason) if part)])
    if said.stage == "confirmed" and said.first_run:
        line += f", since run {said.first_run}"
    elif said.open_since:
        line += f"; regressed since run {said.open_since}, not recovered"
    return line


def _change(said: Judgement, metric: Metric) -> str | None:
    known = said.baseline
    if known is None or said.value is None:
        return None
    runs = f"{known.runs} runs"
    if said.change_percent is None or said.band_percent is None:
        return f"{said.value:.3g} {metric.unit}, was {known.median:.3g} (noise band +/-{known.band:.3g}, {runs})"
    return f"{said.change_percent:+.1f} % (noise band +/-{said.band_percent:.1f} %, {runs})"
