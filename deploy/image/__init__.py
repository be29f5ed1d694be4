"""The container image: how it is built (`Dockerfile`), and how a container says that it is ready."""
