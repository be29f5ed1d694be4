"""Compiles the redirector's hot modules with mypyc where `COMPILE_WEIR=1` is set; all else stands in pyproject.toml.

They are plain Python and run as that everywhere else; the tests hold both: docs/adr/0010-compiled.md.
"""

import os

from setuptools import setup

COMPILED = (
    "ingest/address.py",
    "ingest/capture.py",
    "ingest/linkstore/store.py",
    "ingest/passthrough.py",
    "ingest/plain.py",
    "ingest/replies.py",
    "ingest/shortcut.py",
    "ingest/spool/segment.py",
    "ingest/spool/spool.py",
    "ingest/spread.py",
    "ingest/visitor.py",
)

if os.environ.get("COMPILE_WEIR") == "1":
    from mypyc.build import mypycify

    setup(ext_modules=mypycify([*COMPILED], group_name="weir_redirector", opt_level="3", debug_level="0"))
else:
    setup()
