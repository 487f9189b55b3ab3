"""Where an app keeps its specification."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType
from typing import Any

from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html

from benchmark.discover.source import linked, read_operations


def test_pages_that_link_to_a_specification() -> None:
    assert linked(str(get_swagger_ui_html(openapi_url="/spec", title="x").body, "utf-8")) == ["/spec"]
    assert linked(str(get_redoc_html(openapi_url="/spec", title="x").body, "utf-8")) == ["/spec"]
    assert linked('<link href="a.css" rel="stylesheet"><link rel="service-desc" href="api">') == ["api"]
    assert linked('{"links": [{"rel": "self", "href": "/"}, {"rel": "service-desc", "href": "/api"}, 3]}') == ["/api"]
    assert linked("[]") == linked("") == linked("{}") == linked("[" * 100_000) == []


class Answers(BaseHTTPRequestHandler):
    """An app with its specification at a place of its own."""

    pages = MappingProxyType(
        {
            "/docs": str(get_swagger_ui_html(openapi_url="/else.json", title="x").body, "utf-8"),
            "/else.json": json.dumps({"openapi": "3.1.0", "paths": {"/rows": {"get": {}}}}),
        }
    )

    def do_GET(self) -> None:
        text = self.pages.get(self.path, "")
        self.send_response(200 if text else 404)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None: ...


def test_a_specification_is_read_from_where_a_page_says() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert [one.path for one in read_operations(url)] == ["/rows"]
        assert read_operations(url, places=("/openapi.json",)) == ()
        server.shutdown()
