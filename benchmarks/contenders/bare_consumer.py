"""A bare loop: confluent-kafka's `consume()`, the functions, the insert, the commit. Nothing is guaranteed by it."""

from confluent_kafka import Consumer, Message

from benchmarks.contenders.functions import Functions, Taken, read_task


def main() -> None:
    """Count until ended."""
    task = read_task()
    functions = Functions(task)
    consumer = Consumer(
        {
            **task.broker().librdkafka(),
            "group.id": task.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([task.topic], on_assign=lambda *_: functions.begin())
    while True:
        messages = consumer.consume(task.rows, task.linger)
        if records := [taken(message) for message in messages if message.error() is None]:
            functions.store(records)
            consumer.commit(asynchronous=True)


def taken(message: Message) -> Taken:
    """A message as the functions want it."""
    return Taken(message.offset() or 0, message.timestamp()[1], message.value(), message.partition() or 0)


if __name__ == "__main__":
    main()
