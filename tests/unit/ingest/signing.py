"""Keys of signed links for tests, and signatures that our own code would not make."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from ingest.signing_keys import KeyFile, SigningKey, State

SECRETS = {"k1": bytes(range(32)), "k2": bytes(range(100, 132))}
FIRST = datetime(2026, 11, 1, tzinfo=UTC)


def signed_by_hand(
    domain: str = "", destination: str = "", expires: str = "0", parameters: str = "", payload: str = ""
) -> str:
    """A slug that `k1` signed, whatever is in it."""
    text = payload or f"k1\n{domain}\n{expires}\n{parameters}\n{destination}"
    encoded = base64.urlsafe_b64encode(text.encode()).rstrip(b"=")
    mac = base64.urlsafe_b64encode(hmac.new(SECRETS["k1"], encoded, hashlib.sha256).digest()).rstrip(b"=")
    return f"s/{encoded.decode()}.{mac.decode()}"


def key(key_id: str, age: int = 0, state: State = State.ACTIVE) -> SigningKey:
    """One of the keys above, made `age` days after the first of November."""
    return SigningKey(id=key_id, secret=SECRETS[key_id], made_at=FIRST + timedelta(days=age), state=state)


def write_keys(path: Path, *keys: SigningKey, mode: int = 0o600) -> Path:
    """A file of keys, written whole."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(msgspec.json.encode(KeyFile(keys)))
    fresh.chmod(mode)
    return fresh.replace(path)
