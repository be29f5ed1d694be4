"""The links of a redirector: packed in memory, followed on the topic `links`, and kept in a local snapshot.

`packed` says how a link is held, `store` finds it, `journal` is the snapshot's file, and `live` keeps the three in step
with Kafka.
"""

from ingest.linkstore.live import LiveLinks
from ingest.linkstore.store import LinkStore, host_name

__all__ = ["LinkStore", "LiveLinks", "host_name"]
