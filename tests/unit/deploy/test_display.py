"""What the terminal shows of the stack's life."""

import io

from rich.console import Console

from deploy.display import Display
from deploy.supervisor import Notice, What


def shown(*notices: Notice) -> str:
    output = io.StringIO()
    with Display(Console(file=output, width=100)) as display:
        for notice in notices:
            display.show(notice)
    return output.getvalue()


def test_what_is_done_is_written_down_and_what_lasts_is_not() -> None:
    assert shown(
        Notice("kafka", What.STARTING, "Apache Kafka: 3 files"),
        Notice("kafka", What.READY, "4.1 s"),
        Notice("worker", What.DIED, "killed by SIGKILL; starting it again in 0.5 s"),
        Notice("worker", What.RESTARTING),
        Notice("worker", What.READY, "again"),
        Notice("worker", What.STOPPED),
    ).splitlines() == [
        "✔ kafka       4.1 s",
        "✘ worker      killed by SIGKILL; starting it again in 0.5 s",
        "✔ worker      again",
        "■ worker      stopped",
    ]


def test_words_in_brackets_are_no_markup() -> None:
    assert "[red] is [/] not" in shown(Notice("api", What.WARNING, "[red] is [/] not"))
