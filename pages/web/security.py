"""Who may ask: this machine's own pages, and nobody else's; and the headers that go out.

The server listens on 127.0.0.1, but every website that is open in the same browser can send
requests there too. So each request's Host must be ours (against names that are pointed at
127.0.0.1), and whatever changes something must come from a page of ours.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.i18n import _
from pages.web import browser, hosts
from pages.web.answers import refusal
from pages.web.headers import security_headers

OWN_PREFIX = "/thaw/"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_XSRF_COOKIE = "_streamlit_xsrf"
_XSRF_HEADER = "x-xsrftoken"
_POLICY = "content-security-policy"


class SecurityMiddleware:
    """Checks Host, origin and XSRF token, sets the browser's cookie and the security headers.

    Args:
        app: What answers the requests that pass.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or websocket; everything else passes untouched."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = checked_host(headers)
        # NOTE: Streamlit's own check takes any port of localhost for a friend, and asks a server on
        # the internet for this machine's address when it meets an unknown origin.
        if host is None or not _own_origin(headers, host):
            await send({"type": "websocket.close", "code": 1008})
            return
        await self._app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        host = checked_host(headers)
        cookie = _cookie_to_set(scope, headers)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                outgoing = MutableHeaders(scope=message)
                own_policy = outgoing.get(_POLICY)
                for name, value in security_headers(host or "localhost"):
                    outgoing[name.decode("ascii")] = value.decode("ascii")
                if own_policy is not None:  # a page of ours that may do even less
                    outgoing[_POLICY] = own_policy
                if host is not None and cookie is not None:
                    outgoing.append("set-cookie", cookie)
            await send(message)

        problem = _problem(scope, headers, host)
        app = self._app if problem is None else problem
        await app(scope, receive, send_guarded)


def checked_host(headers: Headers) -> str | None:
    """Return the request's Host when it is one of ours, with any port; see :mod:`pages.web.hosts`."""
    given = headers.getlist("host")
    return hosts.checked(given[0]) if len(given) == 1 else None


def _own_origin(headers: Headers, host: str) -> bool:
    origin = headers.get("origin")
    return origin is None or origin.lower() in {f"http://{host}", f"https://{host}"}


def _problem(scope: Scope, headers: Headers, host: str | None) -> ASGIApp | None:
    """Return the answer that refuses the request, or None when it may pass."""
    if host is None:
        return refusal(400, _("This address is not one that the server answers to."),
                       _("Open the page at http://127.0.0.1 or http://localhost with its port; under "
                         "another name only where the server was started with --host."))
    own_route = scope["path"].startswith(OWN_PREFIX)
    changes = scope["method"] not in _SAFE_METHODS
    if not own_route and not changes:
        return None
    # NOTE: another port of localhost is the same *site*, yet another origin, so it is refused too.
    foreign_site = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
    if foreign_site or not _own_origin(headers, host):
        return refusal(403, _("A page of another website sent this request, so it was refused."))
    if own_route and changes and not _token_matches(headers):
        return refusal(403, _("This request does not carry the page's token, so it was refused."),
                       _("Reload the page and try again."))
    return None


def _token_matches(headers: Headers) -> bool:
    from streamlit.web.server.starlette.starlette_app_utils import validate_xsrf_token

    cookie = cookie_parser(headers.get("cookie", "")).get(_XSRF_COOKIE)
    return validate_xsrf_token(headers.get(_XSRF_HEADER), cookie)


def _cookie_to_set(scope: Scope, headers: Headers) -> str | None:
    """Return a new browser cookie when a page is asked for by a browser that has none."""
    if scope["method"] != "GET" or "text/html" not in headers.get("accept", ""):
        return None
    present = cookie_parser(headers.get("cookie", "")).get(browser.COOKIE)
    return None if browser.valid(present) else browser.new_cookie()
