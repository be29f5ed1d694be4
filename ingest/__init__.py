"""The redirector: answers a click at once and puts one raw event on Kafka."""
