"""Follows every address on every page, as one person: pages, pictures, stylesheets and scripts; and keeps the forms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urljoin, urlsplit

from django.contrib.staticfiles import finders
from django.test import Client

from tests.pages.html import Page, Tag

PAGES_AT_MOST = 400
LOOK = re.compile(r"\?v=[0-9a-f]+$")  # the gate does not read it: one look at each picture is enough
LEFT_OUT = re.compile(r"^/(admin|api)/")  # Django's own, and the schema's viewer


@dataclass(frozen=True)
class Form:
    page: str
    action: str
    method: str
    fields: tuple[tuple[str, str], ...]  # name and value, as the page sends them untouched
    files: tuple[str, ...] = ()

    @property
    def kind(self) -> tuple[str, ...]:
        """The same for all forms of one kind: on an address whatever its ids, with the same fields."""
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "#", self.action), *sorted(
            {name for name, _ in self.fields}
        )


@dataclass
class Crawl:
    """``seen``: address -> (status, page it was found on); ``broken``: what is wrong, in words."""

    client: Client
    seen: dict[str, tuple[int, str]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    forms: dict[tuple[str, ...], Form] = field(default_factory=dict)
    pages: dict[str, Page] = field(default_factory=dict)
    pictures: dict[str, object] = field(default_factory=dict)  # address -> response

    def run(self, start: Iterable[str] = ("/",)) -> Crawl:
        waiting = [(address, "the start") for address in start]
        while waiting:
            address, found_on = waiting.pop()
            if address in self.seen:
                continue
            assert len(self.seen) < PAGES_AT_MOST, "the site does not end"
            waiting += [(onward, address) for onward in self._visit(address, found_on)]
        return self

    def _visit(self, address: str, found_on: str) -> list[str]:
        response = self.client.get(address)
        self.seen[address] = response.status_code, found_on
        kind = response.get("Content-Type", "")
        if response.status_code in (301, 302):
            return [target] if (target := self._own(address, response.url)) else []
        if response.status_code != 200:
            self.broken.append(f"{response.status_code} {address} (on {found_on})")
            return []
        if kind.startswith("image/"):
            self.pictures[address] = response
        if not kind.startswith("text/html"):
            return []
        page = self.pages[address] = Page.of(response)
        self._keep_forms(address, page)
        return [target for target in (self._own(address, found) for found in addresses(page)) if target]

    def _own(self, base: str, address: str) -> str | None:
        """Where it leads on this site; None for what is not to be visited."""
        target = urldefrag(urljoin(base, address)).url
        if urlsplit(target).netloc or LEFT_OUT.match(target):
            return None
        if target.startswith("/static/"):
            if finders.find(target.removeprefix("/static/").partition("?")[0]) is None:
                self.broken.append(f"missing {target} (on {base})")
            return None
        return LOOK.sub("", target)

    def _keep_forms(self, address: str, page: Page) -> None:
        for tag in page.all("form"):
            form = _form(address, page, tag)
            self.forms.setdefault((form.method, *form.kind), form)


def addresses(page: Page) -> Iterator[str]:
    for tag in page.tags:
        for name in ("href", "src", "data-src", "hx-get"):
            if (address := tag.get(name)) and not (tag.name == "a" and tag.get("download") is not None):
                yield address
        for entry in (tag.get("srcset") or "").split(","):
            if entry.strip():
                yield entry.split()[0]


def _form(address: str, page: Page, tag: Tag) -> Form:
    fields, files = [], []
    for inside in (one for one in page.tags if tag in one.parents):
        name = inside.get("name")
        if not name or inside.name not in ("input", "select", "textarea", "button"):
            continue
        if inside.get("type") == "file":
            files.append(name)
        elif name != "csrfmiddlewaretoken":
            fields.append((name, inside.get("value") or ""))
    action = urljoin(address, tag.get("action") or address)
    return Form(address, action, (tag.get("method") or "get").lower(), tuple(fields), tuple(files))
