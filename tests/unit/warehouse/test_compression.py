"""Content encodings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.embedded.compression import ENCODINGS, Decoder, Encoder, choose
from warehouse.embedded.errors import QueryError


@given(chunks=st.lists(st.binary(max_size=200)), encoding=st.sampled_from(ENCODINGS), size=st.integers(1, 50))
def test_what_is_encoded_is_decoded(chunks: list[bytes], encoding: str, size: int) -> None:
    encoder, decoder = Encoder(encoding), Decoder(encoding)
    body = b"".join(map(encoder.feed, chunks)) + encoder.end()
    plain = b"".join(decoder.feed(body[at : at + size]) for at in range(0, len(body), size))
    decoder.end()
    assert plain == b"".join(chunks)


@given(first=st.binary(max_size=50), second=st.binary(max_size=50), encoding=st.sampled_from(ENCODINGS))
def test_frames_may_follow_each_other(first: bytes, second: bytes, encoding: str) -> None:
    body = b""
    for part in (first, second):
        encoder = Encoder(encoding)
        body += encoder.feed(part) + encoder.end()
    decoder = Decoder(encoding)
    assert decoder.feed(body) == first + second
    decoder.end()


def test_nothing_is_done_without_an_encoding() -> None:
    for name in ("", "identity"):
        assert Decoder(name).feed(b"as it is") == b"as it is"
    assert (Encoder("").feed(b"as it is"), Encoder("").end()) == (b"as it is", b"")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_rubbish_is_refused(encoding: str) -> None:
    decoder = Decoder(encoding)
    with pytest.raises(QueryError) as refused:
        decoder.feed(b"rubbish, not compressed at all" * 3)
    assert refused.value.code == 271


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(QueryError) as refused:
        Decoder("snappy")
    assert refused.value.code == 89


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip, deflate, br", "gzip"),
        ("br;q=1.0, zstd;q=0.5", "zstd"),
        ("lz4,zstd,gzip", "lz4"),
        ("gzip;q=0, deflate", "deflate"),
        ("GZIP ; q=0.001", "gzip"),
    ],
)
def test_choice(accepted: str, encoding: str) -> None:
    assert choose(accepted) == encoding
