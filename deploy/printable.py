"""Text that others wrote, made fit for a terminal."""

from rich.text import Text


def printable(value: object) -> Text:
    """The value as text without markup, and without control characters, which could write over the screen."""
    return Text("".join(character if character.isprintable() else "�" for character in str(value)))
