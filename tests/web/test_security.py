from __future__ import annotations

from typing import Any

import pytest
from asgi_calls import HOST, TOKEN, call, own
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from pages.web import browser
from pages.web.routes import ERROR_ANSWERS, routes
from pages.web.security import SecurityMiddleware

HEADERS = ("content-security-policy", "x-content-type-options", "x-frame-options",
           "referrer-policy", "permissions-policy", "cross-origin-opener-policy",
           "cross-origin-resource-policy")


def _page(_request: Request) -> Response:
    return HTMLResponse("<p>page</p>")


def _broken(_request: Request) -> Response:
    raise ValueError("secret /path")


def _streamlit_upload(_request: Request) -> Response:
    return PlainTextResponse("taken")


async def _stream(socket: WebSocket) -> None:
    await socket.accept()


@pytest.fixture(scope="module")
def app() -> Starlette:
    return Starlette(
        routes=[Route("/", _page), Route("/broken", _broken), *routes(),
                Route("/_stcore/upload_file/a", _streamlit_upload, methods=["PUT"]),
                WebSocketRoute("/_stcore/stream", _stream)],
        middleware=[Middleware(SecurityMiddleware)], exception_handlers=ERROR_ANSWERS)


@pytest.mark.parametrize("host", [
    "127.0.0.1", "127.0.0.1:8501", "localhost:9", "LOCALHOST:8501", "[::1]:8501", "[::1]"])
def test_this_machine_is_answered(app: Starlette, host: str) -> None:
    assert call(app, "GET", "/", headers=[("host", host)]).status == 200


@pytest.mark.parametrize("headers", [
    [], [("host", "")], [("host", "evil.example")], [("host", "evil.example:8501")],
    [("host", "127.0.0.1.evil.example")], [("host", "localhost@evil.example")],
    [("host", "localhost:8501; script-src *")], [("host", "localhost:")],
    [("host", "0.0.0.0:8501")], [("host", "192.168.0.2")], [("host", HOST), ("host", "evil.x")],
    [("host", "localhost."), ("x-forwarded-host", HOST)]])
@pytest.mark.parametrize("path", ["/", "/thaw/plotly.min.js", "/_stcore/health"])
def test_any_other_host_is_refused_everywhere(
    app: Starlette, headers: list[tuple[str, str]], path: str
) -> None:
    answer = call(app, "GET", path, headers=headers)
    assert answer.status == 400
    assert set(answer.json()) == {"what", "fix"}
    assert "evil" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("origin", [
    "https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8501", "",
    "http://127.0.0.1:8501.evil.example", "file://"])
@pytest.mark.parametrize("path", ["/thaw/upload", "/_stcore/upload_file/a"])
def test_another_origin_may_change_nothing(app: Starlette, origin: str, path: str) -> None:
    headers = [("host", HOST), ("origin", origin), ("cookie", f"_streamlit_xsrf={TOKEN}"),
               ("x-xsrftoken", TOKEN)]
    assert call(app, "PUT", path, headers=headers).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(("method", "path"), [
    ("PUT", "/_stcore/upload_file/a"), ("POST", "/thaw/upload"), ("GET", "/thaw/plotly.min.js"),
    ("GET", "/thaw/datasets/x/thumb/0"), ("DELETE", "/thaw/upload/x")])
def test_a_request_from_another_site_is_refused(
    app: Starlette, site: str, method: str, path: str
) -> None:
    headers = [("host", HOST), ("sec-fetch-site", site), ("cookie", f"_streamlit_xsrf={TOKEN}"),
               ("x-xsrftoken", TOKEN)]
    assert call(app, method, path, headers=headers).status == 403


def test_a_link_on_another_site_may_open_the_page(app: Starlette) -> None:
    headers = [("host", HOST), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
    assert call(app, "GET", "/", headers=headers).status == 200


@pytest.mark.parametrize(("cookie", "header"), [
    (TOKEN, None), (None, TOKEN), (None, None), (TOKEN, "2|00000000|ffffffff|1"), ("", ""),
    ("x", "x"), (TOKEN, "not|a|token")])
@pytest.mark.parametrize(("method", "path"), [
    ("POST", "/thaw/upload"), ("PUT", "/thaw/upload/a"), ("DELETE", "/thaw/upload/a"),
    ("POST", "/thaw/upload/a/finish"), ("POST", "/thaw/anything")])
def test_our_own_routes_demand_the_token(
    app: Starlette, cookie: str | None, header: str | None, method: str, path: str
) -> None:
    headers = [("host", HOST), ("origin", f"http://{HOST}")]
    headers += [("cookie", f"_streamlit_xsrf={cookie}")] if cookie is not None else []
    headers += [("x-xsrftoken", header)] if header is not None else []
    assert call(app, method, path, headers=headers).status == 403


def test_a_token_masked_differently_is_the_same_token(app: Starlette) -> None:
    masked = "2|ffffffff|fedcba9876543210fedcba9876543210|1700000000"
    headers = [("host", HOST), ("cookie", f"_streamlit_xsrf={TOKEN}"), ("x-xsrftoken", masked)]
    assert call(app, "POST", "/thaw/nothing", headers=headers).status == 404


@pytest.mark.parametrize(("headers", "accepted"), [
    ([("host", HOST)], True),
    ([("host", HOST), ("origin", f"http://{HOST}")], True),
    ([("host", HOST), ("origin", "http://127.0.0.1:9999")], False),
    ([("host", HOST), ("origin", "https://evil.example")], False),
    ([("host", "evil.example"), ("origin", "http://evil.example")], False)])
def test_the_websocket_is_for_our_own_pages(
    app: Starlette, headers: list[tuple[str, str]], accepted: bool
) -> None:
    answer = call(app, "GET", "/_stcore/stream", headers=headers, scope_type="websocket")
    assert answer.body == (b"websocket.accept" if accepted else b"websocket.close")


@pytest.mark.parametrize(("path", "status"), [
    ("/", 200), ("/nowhere", 404), ("/thaw/nowhere", 404), ("/thaw/runs/x/model.keras", 404)])
def test_every_answer_carries_the_headers(
    app: Starlette, path: str, status: int, service: Any
) -> None:
    answer = call(app, "GET", path)
    assert answer.status == status
    assert [name for name in HEADERS if name not in answer.headers] == []


def test_the_policy_lets_nothing_leave_and_nobody_frame(app: Starlette) -> None:
    policy = call(app, "GET", "/").headers["content-security-policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert "http:" not in policy
    assert "https:" not in policy
    assert "*" not in policy
    assert "unsafe" not in rules["script-src"]
    assert "'sha256-" in rules["script-src"]
    assert f"ws://{HOST}" in rules["connect-src"]
    assert rules["frame-ancestors"] == rules["object-src"] == "'none'"


def test_an_unexpected_error_shows_no_trace_and_is_in_the_log(
    app: Starlette, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="secret"):
        call(app, "GET", "/broken")
    assert "Reference " in caplog.text
    assert "secret /path" in caplog.text


def test_the_answer_to_an_unexpected_error_names_a_reference_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = ERROR_ANSWERS[Exception](Request({"type": "http"}), ValueError("secret /path"))
    text = bytes(answer.body).decode()
    assert answer.status_code == 500
    assert "secret" not in text
    assert caplog.records[-1].getMessage().removeprefix("Reference ") in text
    assert [name for name in HEADERS if name not in answer.headers] == []


def test_a_browser_gets_its_cookie_with_the_first_page(app: Starlette) -> None:
    cookies = call(app, "GET", "/", headers=[("host", HOST), ("accept", "text/html,*/*")]).cookies
    (cookie,) = cookies
    name, value = cookie.split(";")[0].split("=")
    assert name == browser.COOKIE
    assert browser.valid(value) == value
    assert "HttpOnly" in cookie
    assert "SameSite" in cookie


def test_a_known_browser_keeps_its_cookie(app: Starlette) -> None:
    known = ("cookie", f"{browser.COOKIE}={'a' * 32}")
    answer = call(app, "GET", "/", headers=[("host", HOST), ("accept", "text/html"), known])
    assert answer.cookies == ()


@pytest.mark.parametrize("value", ["", "../../etc", "A" * 32, "a" * 31, "a" * 33, "a" * 32 + "\n"])
def test_a_cookie_that_is_not_ours_is_replaced_and_never_used(app: Starlette, value: str) -> None:
    assert browser.valid(value) is None
    sent = ("cookie", f"{browser.COOKIE}={value.strip()}")
    headers = [("host", HOST), ("accept", "text/html"), sent]
    expected = 0 if browser.valid(value.strip()) else 1
    assert len(call(app, "GET", "/", headers=headers).cookies) == expected


def test_data_requests_set_no_cookie(app: Starlette) -> None:
    assert call(app, "GET", "/thaw/plotly.min.js").cookies == ()
    assert call(app, "POST", "/thaw/x", headers=own(("accept", "text/html"))).cookies == ()
