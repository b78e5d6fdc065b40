"""The security headers of every response, the content policy above all."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path

_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@lru_cache(maxsize=1)
def _inline_script_hashes() -> tuple[str, ...]:
    """Hash the inline scripts of the installed Streamlit's page, so no other one may run."""
    import streamlit

    page = Path(streamlit.__file__).parent / "static" / "index.html"
    scripts = _INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    digests = (hashlib.sha256(script.encode("utf-8")).digest() for script in scripts)
    return tuple(f"'sha256-{base64.b64encode(digest).decode('ascii')}'" for digest in digests)


@lru_cache(maxsize=64)
def content_policy(host: str) -> str:
    """Return the Content-Security-Policy for pages served under ``host``.

    Everything comes from this server. Beyond that Streamlit 1.67 needs: ``blob:`` scripts, because
    components v2 import theirs from a blob address; inline styles, because it writes them as it
    draws; ``data:`` and ``blob:`` pictures; fetching ``data:`` (the camera's photo). Some browsers do
    not take 'self' for websockets, so the address is named.

    NOTE: without 'unsafe-eval' st.graphviz_chart (WebAssembly) does not draw; nothing else that
    was tried needs it: Plotly with WebGL, Vega, ECharts, data frames and components v2 all work.

    Args:
        host: A Host header that was checked before.
    """
    rules = {
        "default-src": "'self'",
        "script-src": " ".join(("'self'", "blob:", *_inline_script_hashes())),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": f"'self' data: blob: ws://{host} wss://{host}",
        "worker-src": "'self' blob:",
        "frame-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


@lru_cache(maxsize=64)
def security_headers(host: str) -> tuple[tuple[bytes, bytes], ...]:
    """Return the headers that every response under ``host`` carries, as ASGI wants them."""
    headers = {
        "content-security-policy": content_policy(host),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "permissions-policy": (
            "camera=(self), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()"
        ),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    return tuple((name.encode("ascii"), value.encode("ascii")) for name, value in headers.items())
