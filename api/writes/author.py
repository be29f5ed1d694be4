"""Who writes: the caller and the request, from which a line of the audit log is made."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import HTTPConnection

from api.keys.caller import Caller, caller_of
from api.requests import request_id_of
from api.writes.entry import Write, as_text


@dataclass(frozen=True)
class Author:
    """One request that changes something."""

    caller: Caller
    request_id: str

    def wrote(
        self,
        action: str,
        object_: str,
        status: int,
        *,
        domain: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
    ) -> Write:
        """The line about it."""
        return Write(
            action=action,
            object=object_,
            status=status,
            key_name=self.caller.name,
            key_id=self.caller.key,
            request_id=self.request_id,
            domain=domain,
            before=as_text(before),
            after=as_text(after),
        )


def author_of(request: HTTPConnection) -> Author:
    """Who sends the request."""
    return Author(caller_of(request), request_id_of(request))
