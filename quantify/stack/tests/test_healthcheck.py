"""What the container asks its web server."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from quantify.stack import healthcheck


class Web(BaseHTTPRequestHandler):
    """Answers only on the host it is configured for, as Django does."""

    def do_GET(self) -> None:
        self.send_response(200 if self.headers["Host"] == "quantify.example" else 400)
        self.end_headers()


@pytest.fixture(autouse=True)
def _web(monkeypatch: pytest.MonkeyPatch):
    with HTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        monkeypatch.setattr(healthcheck, "ADDRESS", f"http://127.0.0.1:{server.server_port}/")
        yield
        server.shutdown()
        thread.join()


class TestMain:
    @pytest.mark.parametrize("allowed", ["quantify.example", ".quantify.example,other"])
    def test_asks_for_a_host_the_settings_allow(
        self, allowed: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setenv("ALLOWED_HOSTS", allowed)

        healthcheck.main()

    def test_fails_on_another_answer(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("ALLOWED_HOSTS", "elsewhere.example")

        with pytest.raises(OSError, match="400"):
            healthcheck.main()
