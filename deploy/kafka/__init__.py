"""Apache Kafka for the local stack: which jars it is made of, and how to run them."""
