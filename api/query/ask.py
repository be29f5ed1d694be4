"""A query from the request to its answer, for every form in which one can be asked."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request

from api.keys.caller import caller_of
from api.query.answer import answer, rows_read
from api.query.execute import Executor
from api.query.parse import parse
from api.settings import ApiSettings
from api.telemetry import Telemetry


async def ask(request: Request, body: bytes | Mapping[str, Any]) -> dict[str, Any]:
    """JSON text, or an object of that shape → the answer, of the caller's domains only.

    Raises what parsing and running raise.
    """
    settings: ApiSettings = request.app.state.settings
    executor: Executor = request.app.state.executor
    telemetry: Telemetry = request.app.state.telemetry
    within = caller_of(request).conditions()
    # Up to the end of this second: who asks for `24h` within one second asks the same, and no click is left out.
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    question = parse(body, now=now, zone=settings.time_zone, within=within)
    told = await answer(question, executor)
    telemetry.rows_read.inc(rows_read(told))
    return told
