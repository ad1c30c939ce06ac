"""@mentions and #tags in what people write: found, and turned into links for one viewer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User

# Not inside a word or an address: "me@home.example" mentions nobody, "page#3" tags nothing.
MARK = re.compile(r"(?<![\w@#./&])(?:@(?P<handle>[A-Za-z0-9_.]{3,30})|#(?P<tag>\w{1,50}))(?!\w)", re.UNICODE)
MENTIONS_AT_MOST = 20  # of one text; the rest stay words
TAG_LENGTH = 50  # characters


def fold(tag: str) -> str:
    """How a tag is stored and compared: #Café, #CAFÉ and its decomposed spelling are the same one."""
    return unicodedata.normalize("NFKC", tag).casefold()[:TAG_LENGTH]


def tags_in(text: str) -> set[str]:
    """Folded tags. A number alone ("#3") is none."""
    return {fold(m["tag"]) for m in MARK.finditer(_composed(text)) if m["tag"] and _is_tag(m["tag"])}


def handles_in(text: str) -> set[str]:
    """Handles that may be meant: "@mara." names mara, or who is really called "mara."."""
    found: dict[str, None] = {}
    for mark in MARK.finditer(_composed(text)):
        if mark["handle"]:
            found |= dict.fromkeys(_readings(mark["handle"]))
    return set(list(found)[: 2 * MENTIONS_AT_MOST])


def linked(text: str, people: Mapping[str, User]) -> SafeString:
    """The text as HTML, with links for tags and for mentions of ``people`` (by handle); all else stays words."""
    text = _composed(text)
    parts, last = [], 0
    for mark in MARK.finditer(text):
        link = _tag_link(mark["tag"]) if mark["tag"] else _mention_link(mark["handle"], people)
        if link:
            parts += [escape(text[last : mark.start()]), link]
            last = mark.end()
    parts.append(escape(text[last:]))
    return mark_safe("".join(parts))  # noqa: S308  every part is escaped or comes from format_html


def _composed(text: str) -> str:
    """An accent that follows its letter as a character of its own would end a word."""
    return unicodedata.normalize("NFC", text)


def _is_tag(word: str) -> bool:
    return any(character.isalpha() for character in word)


def _readings(handle: str) -> Iterable[str]:
    handle = handle.lower()
    return dict.fromkeys((handle, handle.rstrip(".")))


def _tag_link(tag: str) -> SafeString | None:
    if not _is_tag(tag):
        return None
    return format_html('<a class="hashtag" href="{}">#{}</a>', reverse("tag", args=[fold(tag)]), tag)


def _mention_link(handle: str, people: Mapping[str, User]) -> SafeString | None:
    for reading in _readings(handle):
        if person := people.get(reading):
            name, rest = handle[: len(reading)], handle[len(reading) :]
            address = reverse("person", args=[person.username])
            return format_html(
                '<a class="mention" href="{}" title="{}">@{}</a>{}', address, person.name, name, rest
            )
    return None
