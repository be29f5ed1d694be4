"""Who may do what, as the engine itself enforces it: two roles, made in its configuration.

chDB has one user and no `CREATE USER`, but roles: each query of the reader runs with `SET ROLE reader` and
`readonly = 1`, set before its own text is seen. What neither reaches is refused by `Kind` and statement class.
"""

import xml.etree.ElementTree as ET
from pathlib import Path

READER_GRANTS = (
    "GRANT SELECT, dictGet, SHOW DATABASES, SHOW TABLES, SHOW COLUMNS, SHOW DICTIONARIES ON *.*",
    "REVOKE SELECT ON weir.api_keys",
    "REVOKE SELECT ON weir.api_writes",
)
"""Who may use the API, and who changed what through it, is not the reader's; `weir` is the settings' default."""

READER_SETTINGS = frozenset(
    {
        *("max_execution_time", "max_result_rows", "max_result_bytes", "result_overflow_mode", "timeout_overflow_mode"),
        *("max_rows_to_read", "max_bytes_to_read", "read_overflow_mode", "max_threads", "max_block_size"),
        *("extremes", "limit", "offset", "join_use_nulls", "session_timezone", "log_comment", "query_cache_ttl"),
        *("use_query_cache", "enable_http_compression", "http_zlib_compression_level", "send_progress_in_http_headers"),
        *("http_headers_progress_interval_ms", "cancel_http_readonly_queries_on_client_close"),
        *("date_time_input_format", "date_time_output_format", "enable_shared_storage_snapshot_in_query"),
        *("output_format_json_quote_64bit_integers", "output_format_json_quote_denormals"),
        *("output_format_json_named_tuples_as_objects", "output_format_native_write_json_as_string"),
        *("output_format_binary_write_json_as_string", "output_format_arrow_string_as_string"),
        *("output_format_native_use_flattened_dynamic_and_json_serialization", "cast_string_to_dynamic_use_inference"),
    }
)
"""What the reader may set for a query, though it is read-only: limits and the look of the answer."""


def write_config(folder: Path, *, memory: int) -> Path:
    """Write the engine's configuration; gives the file to start it with. `memory` in bytes, 0 for the default."""
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users.xml"
    tree = {
        "profiles": {"default": {}},
        "quotas": {"default": {}},
        "roles": {
            "writer": {"grants": {"query": "GRANT ALL ON *.*"}},
            "reader": {"grants": {"query": READER_GRANTS}},
        },
        "users": {
            "default": {
                "password": "",
                "profile": "default",
                "quota": "default",
                "networks": {"ip": "::/0"},
                "grants": {"query": "GRANT writer, reader"},
            }
        },
    }
    _write(users, tree)
    config = folder / "config.xml"
    server: dict[str, object] = {"users_config": str(users.resolve())}
    if memory:
        server["max_server_memory_usage"] = str(memory)
    _write(config, server)
    return config


def _write(path: Path, tree: dict[str, object]) -> None:
    path.write_bytes(ET.tostring(_element("clickhouse", tree)))


def _element(name: str, content: object) -> ET.Element:
    element = ET.Element(name)
    if isinstance(content, dict):
        for child, inner in content.items():
            element.extend(_element(child, one) for one in (inner if isinstance(inner, tuple) else (inner,)))
    else:
        element.text = str(content)
    return element
