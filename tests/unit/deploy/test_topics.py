"""Which settings of an existing topic do what Weir needs."""

import click
import pytest

from deploy.topics import Found, Problem, State, fits, refuse_wrong
from ingest.kafka import CLICKS_RAW, LINKS, SALTS, Topic


@pytest.mark.parametrize(
    ("topic", "setting", "found", "right"),
    [
        (CLICKS_RAW, "retention.ms", "604800000", True),
        (CLICKS_RAW, "retention.ms", "604799999", False),
        (CLICKS_RAW, "retention.ms", "604800001", True),
        (CLICKS_RAW, "retention.ms", "-1", True),
        (CLICKS_RAW, "message.timestamp.type", "CreateTime", False),
        (CLICKS_RAW, "cleanup.policy", "compact,delete", False),
        (LINKS, "cleanup.policy", "compact", True),
        (LINKS, "cleanup.policy", "delete", False),
        (LINKS, "delete.retention.ms", "86400000", False),
        # A salt that is kept longer is a promise broken; one that goes earlier makes visitors that are none.
        (SALTS, "retention.ms", "172800000", True),
        (SALTS, "retention.ms", "172800001", False),
        (SALTS, "retention.ms", "-1", False),
        (SALTS, "retention.ms", "3600000", False),
        (SALTS, "segment.ms", "3600000", True),
        (SALTS, "segment.ms", "60000", True),
        (SALTS, "segment.ms", "604800000", False),
    ],
)
def test_what_fits(topic: Topic, setting: str, found: str, right: bool) -> None:
    assert fits(topic, setting, found) is right


def test_a_refusal_names_topic_setting_found_and_wanted_and_the_mend() -> None:
    problem = Problem("cleanup.policy", "delete", "compact", "kafka-configs.sh … --add-config cleanup.policy=compact")
    wrong = Found("links", "The links.", State.WRONG, 4, (problem,))
    right = Found("salts", "The salts.", State.RIGHT, 1)
    refuse_wrong([right])
    with pytest.raises(click.ClickException) as caught:
        refuse_wrong([right, wrong])
    assert caught.value.message.endswith(
        "links: cleanup.policy is delete, and has to be compact.\n"
        "  kafka-configs.sh … --add-config cleanup.policy=compact"
    )
