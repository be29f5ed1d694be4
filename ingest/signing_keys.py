"""The keys of signed links: a file that `weir signing-keys` writes and every redirector reads again when it changes.

JSON, for its owner's eyes only. A redirector takes a changed file within a second. One that is broken changes nothing:
the keys that were read before stay valid, a line is logged and `weir_redirector_signing_keys_broken` is 1.
"""

import asyncio
import enum
import os
import stat
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest import metrics

SECRET_BYTES = 32
REREAD_SECONDS = 0.5

log = structlog.get_logger(__name__)


class SigningSettings(BaseSettings):
    """Where the keys are, from the environment; read once at start."""

    model_config = SettingsConfigDict(env_prefix="WEIR_", frozen=True, extra="ignore", env_ignore_empty=True)

    signing_keys: Path | None = Field(
        None,
        description="File of the keys of signed links (`weir signing-keys add` makes it), read again when it changes;"
        " empty: there are none.",
    )


class State(enum.StrEnum):
    """What a key is good for."""

    ACTIVE = "active"
    """It signs, and what it signed is valid."""
    RETIRING = "retiring"
    """It signs no more; what it signed is still valid."""


class SigningKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}\Z")]
    """Stands in every address that the key signed."""
    secret: Annotated[bytes, Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
    """256 random bits; base64 in the file."""
    made_at: Annotated[datetime, Meta(tz=True)]
    state: State = State.ACTIVE


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: keys in the order in which they were made."""

    keys: tuple[SigningKey, ...] = ()


class SigningKeysError(ValueError):
    """The file can't be used; the message names it and says what to do."""


_decode = msgspec.json.Decoder(KeyFile).decode


def load(path: Path) -> tuple[SigningKey, ...]:
    """The keys of a file; raises `SigningKeysError`."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read()
    except OSError as error:
        raise SigningKeysError(f"{path} can't be read: {error.strerror}; `weir signing-keys add` makes one") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SigningKeysError(f"{path} is open to other users of this machine; do `chmod 600 {path}`")
    try:
        keys = _decode(text).keys
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SigningKeysError(f"{path} is no file of signing keys: {error}") from None
    twice = [name for name, count in Counter(key.id for key in keys).items() if count > 1]
    if twice:
        raise SigningKeysError(f"{path} has two keys with the id {twice[0]}")
    return keys


def signing_key(keys: tuple[SigningKey, ...]) -> SigningKey | None:
    """The key that signs: of the active ones the newest."""
    return max((key for key in keys if key.state is State.ACTIVE), key=lambda key: key.made_at, default=None)


class SigningKeys:
    """The keys that are valid now, as the file has them; no file, no keys."""

    def __init__(self, path: Path | None) -> None:
        """Raises `SigningKeysError`: a redirector does not start with a file that can't be used."""
        self._path = path
        self.secrets: Mapping[str, bytes] = {}
        """Key id → secret. Another mapping when the file has changed."""
        self._seen = _version(path)
        if path is not None:
            self._take(load(path))

    async def watch(self) -> None:
        """Read the file again whenever it changes, until cancelled."""
        while True:
            await asyncio.sleep(REREAD_SECONDS)
            self.reread()

    def reread(self) -> None:
        """Take the file as it is now, if it has changed; a broken one is complained of and leaves the keys."""
        version = _version(self._path)
        if self._path is None or version == self._seen:
            return
        self._seen = version
        try:
            self._take(load(self._path))
        except SigningKeysError as error:
            metrics.SIGNING_KEYS_BROKEN.set(1)
            log.error("The signing keys can't be read; those that were read before stay valid", error=str(error))

    def _take(self, keys: tuple[SigningKey, ...]) -> None:
        self.secrets = {key.id: key.secret for key in keys}
        metrics.SIGNING_KEYS_BROKEN.set(0)
        metrics.SIGNING_KEYS.set(len(keys))


def _version(path: Path | None) -> tuple[int, ...]:
    """Facts about a file that change with it; none where it is not there."""
    try:
        found = path.stat() if path else None
    except OSError:
        return ()
    return (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size) if found else ()
