from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit import config

from core.errors import BadInput
from pages.web import hosts


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    hosts.allow([])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST:1"])
def test_this_machine_is_always_answered(host: str) -> None:
    assert hosts.checked(host) == host.lower()


@pytest.mark.parametrize("host", ["class.local", "10.0.0.7:8501", "evil.example", "localhost.evil.example"])
def test_no_other_name_is_answered_unless_it_was_given(host: str) -> None:
    assert hosts.checked(host) is None


def test_names_that_were_given_are_answered_by_us_and_by_streamlit() -> None:
    from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

    hosts.allow(["Class.local", "10.0.0.7"])
    assert hosts.checked("class.LOCAL:8501") == "class.local:8501"
    assert hosts.checked("10.0.0.7") == "10.0.0.7"
    assert is_host_allowed("class.local:8501")
    assert is_host_allowed("localhost:8501")
    assert not is_host_allowed("evil.example")
    for host in ("xclass.local", "class.local.evil", "10.0.0.70", "class.local@evil", "class.local:port"):
        assert hosts.checked(host) is None


@pytest.mark.parametrize("name", ["*", "", "http://a", "a:80", "a b", "*.local", "-a", "a/b", "ä"])
def test_what_is_no_name_is_refused_and_nothing_changes(name: str) -> None:
    hosts.allow(["class.local"])
    with pytest.raises(BadInput):
        hosts.allow([name])
    assert hosts.checked("class.local")
    assert "class.local" in config.get_option("server.allowedHosts")
