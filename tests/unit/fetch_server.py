"""A site on this machine that behaves as badly as told: each request takes the next fault."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Fault:
    """What goes wrong with one answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = -1
    """Bytes of the body after which the connection ends."""
    stall: float = 0.0
    """Seconds of silence at that place, instead of its end."""
    lie: int = 0
    """What is added to Content-Length."""
    body: bytes | None = None
    """Sent instead of the right bytes."""
    no_ranges: bool = False
    no_length: bool = False


@dataclass
class Request:
    """What was asked."""

    path: str
    headers: dict[str, str]


@dataclass
class Site:
    """The files, the faults to come, and what was asked so far."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    asked: list[Request] = field(default_factory=list)
    address: str = ""
    sent: int = 0

    def ranges(self, path: str) -> list[str]:
        """The Range of every request for a path."""
        return [r.headers.get("Range", "") for r in self.asked if r.path == path]


@contextmanager
def running(site: Site) -> Iterator[Site]:
    """The site at an address of this machine."""
    handler = type("Handler", (Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    site.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers with ranges, ETag and If-Range, as the real sites do, where no fault is due."""

    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_GET(self) -> None:
        site, path = self.site, self.path.partition("?")[0]
        site.asked.append(Request(path, dict(self.headers.items())))
        fault = site.faults[path].pop(0) if site.faults[path] else Fault()
        if fault.status or path not in site.files:
            self._answer(fault.status or 404, b"an error page", fault, **fault.headers)
            return
        body, start = site.files[path], 0
        etag = site.etags.get(path, f'"{hash(body)}"')
        asked = self.headers.get("Range", "")
        same = self.headers.get("If-Range", etag) == etag
        headers = {"ETag": etag} if etag else {}
        if asked and same and not fault.no_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self._answer(416, b"", fault, **{"Content-Range": f"bytes */{len(body)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        status = 206 if "Content-Range" in headers else 200
        right = body[start:] if fault.body is None else fault.body
        self._answer(status, right, fault, **(headers | fault.headers))

    def _answer(self, status: int, body: bytes, fault: Fault, **headers: str) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not fault.no_length:
            self.send_header("Content-Length", str(len(body) + fault.lie))
        self.send_header("Connection", "close")
        self.end_headers()
        sent = body if fault.cut < 0 else body[: fault.cut]
        try:
            self.wfile.write(sent)
            self.wfile.flush()
            self.site.sent += len(sent)
            time.sleep(fault.stall)
        except OSError:  # the other side went away
            pass
