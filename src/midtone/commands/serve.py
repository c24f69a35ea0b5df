"""`midtone serve`: HTTP API and page."""

from __future__ import annotations

import argparse
import sys

from midtone.commands.corrector import load_corrector
from midtone.commands.flags import model_options
from midtone.errors import Error


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = "Serve an HTTP API and a page on this computer. Needs midtone[web]."
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=8000, help="port to listen on; 0: any free one (8000)"
    )
    parser.add_argument(
        "--workers", type=int, default=2, help="photographs corrected at a time (2)"
    )
    parser.add_argument(
        "--queue", type=int, default=16, help="requests that may wait; further ones get 503 (16)"
    )
    parser.add_argument("--max-megabytes", type=float, default=200.0, help="largest upload (200)")
    parser.add_argument(
        "--max-megapixels", type=float, default=200.0, help="largest photograph (200)"
    )
    parser.add_argument(
        "--cors",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="site whose pages may use the API, such as https://example.org; repeatable",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="host name of the server, such as a reverse proxy's; repeatable",
    )
    model_options(parser)
    parser.set_defaults(verb=run)


def run(options: argparse.Namespace) -> int:
    """Run the server; returns the exit code."""
    try:
        import uvicorn

        from midtone.server.application import create_app
        from midtone.server.limits import Limits
        from midtone.server.security import hosts
    except ImportError as error:
        raise Error(f"serving needs midtone[web] ({error.name} is missing)") from None

    limits = Limits(
        workers=options.workers,
        queue=options.queue,
        max_megabytes=options.max_megabytes,
        max_megapixels=options.max_megapixels,
    )
    app = create_app(
        load_corrector(options),
        limits,
        hosts=hosts(options.host, options.allow_host),
        origins=options.cors,
    )
    config = uvicorn.Config(
        app, options.host, options.port, log_level="warning", server_header=False
    )
    try:
        sock = config.bind_socket()
    except SystemExit:
        raise Error(f"cannot listen on {options.host}:{options.port}") from None
    sock.listen()  # before the address is printed
    host = f"[{options.host}]" if ":" in options.host else options.host
    print(f"midtone: http://{host}:{sock.getsockname()[1]}/  (interrupt to end)", file=sys.stderr)
    uvicorn.Server(config).run(sockets=[sock])
    return 0
