"""Debian's Chromium, and the site served to it out of the test's own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.faceaccess.conftest import engine  # noqa: F401  a fixture
from tests.pages.conftest import Network, make_network

PATIENCE = 60_000  # ms, on a busy machine
expect.set_options(timeout=PATIENCE)
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": QUIET}


@pytest.fixture(scope="session")
def keeping_browser(launch_browser: Callable[..., Browser]) -> Iterator[Browser]:
    """As people have it: pages that were left are kept as they stood, for going back. Playwright switches that off."""
    kept = "--enable-features=CacheControlNoStoreEnterBackForwardCache:level/restore-unless-http-only-cookie-change"
    browser = launch_browser(args=[*QUIET, kept], ignore_default_args=["--disable-back-forward-cache"])
    yield browser
    browser.close()


@pytest.fixture
def network(db, engine) -> Network:  # noqa: F811
    """Made anew: no snapshot outlives the transactions that a server's tests commit."""
    return make_network()


@pytest.fixture
def new_page(browser: Browser, live_server, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """A function: a page of a browser of its own, relative to the site, signed in as ``user``.

    Other keywords go to Playwright's new_context. A script error, or anything the security policy refused, fails
    the test at its end; ``may_complain`` is for a test that breaks the connection, of which htmx writes there.
    ``keeps_pages``: see keeping_browser.
    """
    complaints: list[str] = []
    contexts = []

    def note(message) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def open_page(
        user: User | None = None, *, may_complain: bool = False, keeps_pages: bool = False, **options: object
    ) -> Page:
        opened = request.getfixturevalue("keeping_browser") if keeps_pages else browser
        context = opened.new_context(**{"base_url": live_server.url, **options})
        contexts.append(context)
        if user is not None:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        if not may_complain:
            page.on("console", note)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
