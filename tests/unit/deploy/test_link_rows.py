from pathlib import Path

import pytest

from deploy.links.rows import FileError, Row, moment, read_rows


def rows(folder: Path, name: str, text: str | bytes) -> list[Row]:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_rows(file))


def test_a_csv_has_typed_cells_and_lines_that_a_person_finds(tmp_path: Path) -> None:
    text = (
        "\ufeffDestination,slug,tags,enabled,position,expires_at\r\n"
        '"https://a.example/?q=1,2",a,x| y ,no,3,2026-12-31\r\n'
        "\r\n"
        '"https://b.example/\n",b,,,,\r\n'
        "https://c.example/,c,,perhaps,,\r\n"
        "https://d.example/,d\r\n"
    )
    assert rows(tmp_path, "links.CSV", text) == [
        Row(
            2,
            {
                "destination": "https://a.example/?q=1,2",
                "slug": "a",
                "tags": ["x", "y"],
                "enabled": False,
                "position": 3,
                "expires_at": 1798675200000,
            },
        ),
        Row(5, {"destination": "https://b.example/", "slug": "b"}),
        Row(6, error="enabled: `perhaps` is neither true nor false"),
        Row(7, error="2 cells where the header has 6"),
    ]


def test_json_and_ndjson_are_read_by_entry_and_by_line(tmp_path: Path) -> None:
    one = {"destination": "https://a.example/", "tags": ["x"]}
    assert rows(tmp_path, "links.json", '[{"destination": "https://a.example/", "tags": ["x"]}, 3]') == [
        Row(1, one),
        Row(2, error="a link has to be an object"),
    ]
    found = rows(tmp_path, "links.ndjson", '{"destination": "https://a.example/", "tags": ["x"]}\n\n{\n')
    assert found[0] == Row(1, one)
    assert (found[1].line, found[1].error[:7]) == (3, "no JSON")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("links.txt", "", "neither .csv nor .json"),
        ("links.csv", "", "first line"),
        ("links.csv", "slug\na\n", "`destination`"),
        ("links.csv", "destination,titel\n", "no column `titel`"),
        ("links.csv", b"destination\nhttps://a.example/\xff\n", "not UTF-8"),
        ("links.csv", 'destination\n"https://a.example/\n', "no CSV"),
        ("links.json", "{", "no JSON"),
        ("links.json", "{}", "list of links"),
        ("links.json", "[" * 100_000, "no JSON"),
    ],
)
def test_a_file_that_is_none_says_why(tmp_path: Path, name: str, text: str | bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        rows(tmp_path, name, text)


@pytest.mark.parametrize(
    ("text", "millis"),
    [
        ("1970-01-02", 86_400_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1798675200000", 1798675200000),
    ],
)
def test_a_moment_is_a_date_or_milliseconds(text: str, millis: int) -> None:
    assert moment(text) == millis


def test_a_moment_that_is_none_says_how_to_write_one() -> None:
    with pytest.raises(ValueError, match="write it as"):
        moment("tomorrow")
