"""`weir bench redirector`: the redirector beside a bare uvicorn and nginx, under the same requests on the same core."""
