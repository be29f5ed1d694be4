"""A bare ASGI application under uvicorn: every request is redirected to one address, and nothing else is done."""

import sys

import uvicorn

ANSWER = {
    "type": "http.response.start",
    "status": 302,
    "headers": [(b"location", b"https://shop.example/en/products/1"), (b"content-length", b"0")],
}
END = {"type": "http.response.body", "body": b""}


async def app(scope, receive, send):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG001
    """ASGI."""
    await send(ANSWER)
    await send(END)


def main() -> None:
    """Serve on the port that is named, with the settings that the redirector gives uvicorn."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="error",
        backlog=2048,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
