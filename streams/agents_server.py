"""Agents of one's own as a process: started and stopped as the worker is, and apart from it."""

from typing import cast

from streams.agents import agents_app
from streams.server import Exit, process, run
from streams.settings import AgentSettings
from streams.transport import Consumer


def main(name: str, settings: AgentSettings | None = None) -> None:
    """Run the agents of a file or module in the foreground, until SIGTERM or Ctrl-C; exits as the worker does."""
    chosen = settings or AgentSettings()

    async def serve(leave: Exit) -> None:
        app = agents_app(name, chosen)
        consumer = cast(Consumer, app.consumer)
        await run(app, leave, lambda: consumer.reading, (chosen.agents_host, chosen.agents_port))

    process(serve, "the agents' process")
