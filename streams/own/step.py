"""An enricher of the users' own as a step of the chain, which nothing that it does can stop."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from ingest.events import Kind
from streams import metrics
from streams.extension import WHOLE_BATCH, Added, Click
from streams.own.find import told
from streams.own.load import OwnEnricher
from streams.views import structs, view
from warehouse.columns import Coded, Columns, coded, picked

log = structlog.get_logger()

ANYTHING = (Exception, SystemExit)

Answers = Mapping[int, Added]
"""Place of a click → what is said of it."""


class OwnStep:
    """Makes `extra` and `own_reasons` of one partition's clicks, beside what steps before it put there; never raises.

    A click whose enricher raises, or gives no proper answer, goes on without it; one that takes whole batches is left
    out for the whole batch, so that it is asked once about each click. Both are counted (`weir_worker_own_skipped`) and
    logged.
    """

    columns: tuple[str, ...] = ("extra", "own_reasons")

    def __init__(self, enricher: OwnEnricher) -> None:
        self._enricher = enricher
        self._call: Callable[[Any], Any] | None = None

    def __call__(self, columns: Columns) -> Columns:
        """The two columns of every record of a batch; none where it has nothing to say."""
        places = _given(columns)
        if not len(places):
            return {}
        shown = view(picked(columns, places.tolist()), Click.__struct_fields__)
        answers = self._answers(shown, len(places))
        return _merged(columns, {int(places[at]): answer for at, answer in answers.items()}) if answers else {}

    def _answers(self, shown: Columns, count: int) -> Answers:
        try:
            self._call = self._call or self._enricher.make()
            if getattr(self._call, WHOLE_BATCH, False):
                return _of_batch(self._call(shown), count)
        except ANYTHING as error:  # the users' code may raise anything, and the stream goes on
            self._skip(error, count)
            return {}
        return self._one_by_one(self._call, shown)

    def _one_by_one(self, call: Callable[[Click], Added | None], shown: Columns) -> Answers:
        answers = {}
        for place, click in enumerate(structs(shown, Click)):
            try:
                answer = call(click)
                if answer is not None:
                    answers[place] = _proper(answer)
            except ANYTHING as error:  # as above
                self._skip(error, 1)
        return answers

    def _skip(self, error: BaseException, clicks: int) -> None:
        metrics.OWN_SKIPPED.labels(self._enricher.name).inc(clicks)
        log.warning("an enricher is left out", cause=self._enricher.name, clicks=clicks, reason=told(error))


def _given(columns: Columns) -> NDArray[np.intp]:
    """The places of the clicks that own enrichers see: of live links, decoded, and no copies."""
    kinds = coded(columns["kind"])
    wanted = np.array([kind == Kind.CLICK for kind in kinds.values], np.bool_)[kinds.codes]
    return np.flatnonzero(wanted & ~np.asarray(columns["dead"]) & ~np.asarray(columns["duplicate"]))


def _of_batch(answers: Sequence[Added | None], count: int) -> Answers:
    if len(answers) != count:
        raise ValueError(f"{len(answers)} answers for {count} clicks")
    return {place: _proper(answer) for place, answer in enumerate(answers) if answer is not None}


def _proper(answer: object) -> Added:
    if not isinstance(answer, Added):
        raise TypeError(f"the answer is neither Added nor None, but {type(answer).__name__}")
    return answer


def _merged(columns: Columns, answers: Answers) -> Columns:
    count = len(columns["kind"])
    extra, reasons = (list(columns.get(name) or [()] * count) for name in OwnStep.columns)
    for place, answer in answers.items():
        if answer.fields:
            extra[place] = tuple((dict(extra[place]) | dict(answer.fields)).items())
        reasons[place] = tuple(dict.fromkeys((*reasons[place], *answer.reasons)))
    return {"extra": Coded.of(extra), "own_reasons": Coded.of(reasons)}
