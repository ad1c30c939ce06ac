"""The small parts every page draws: icons, form controls, initials, the Undo of a message."""

from __future__ import annotations

from functools import cache
from urllib.parse import parse_qsl, urlsplit

from django import template
from django.conf import settings
from django.forms import BoundField
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

register = template.Library()
TONES = 6  # as many as tokens.css has


@cache
def _drawn(path: str) -> SafeString:
    return mark_safe(render_to_string(path).strip())  # noqa: S308  our own file, no variable in it


@register.simple_tag
def icon(name: str, size: int = 24) -> SafeString:
    """One icon of templates/icons, inline, hidden from screen readers: the words beside it speak."""
    frame = (
        f'<svg class="icon" width="{int(size)}" height="{int(size)}" viewBox="0 0 24 24" fill="none" '
        'stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" '
        'aria-hidden="true" focusable="false">'
    )
    return mark_safe(frame + _drawn(f"icons/{name}.svg") + "</svg>")  # noqa: S308


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """A form control without the placeholder that would only repeat its label."""
    shown = field.as_hidden(only_initial=True) if field.field.show_hidden_initial else SafeString()
    return field.as_widget(attrs={"placeholder": ""}) + shown


@register.inclusion_tag("parts/choosing.html")
def choosing(where: str) -> dict[str, int | None]:
    """The place where js/choose.js says what is wrong with files; ``where`` they go: "post", "enrol" or "try"."""
    limit = settings.TRY_MAX_BYTES if where == "try" else settings.PHOTO_MAX_BYTES
    most = settings.PHOTOS_PER_POST if where == "post" else None
    return {"bytes": limit, "megabytes": limit // 2**20, "most": most}


@register.filter
def initials(person) -> str:
    """At most two letters of a person's name."""
    words = person.name.replace(".", " ").replace("_", " ").split()
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.filter
def tone(thing) -> int:
    """One of the muted hues, always the same for the same row."""
    return thing.pk % TONES


@register.simple_tag
def undo_of(message) -> dict[str, object] | None:
    """Where a message's Undo posts to: ``extra_tags`` holds ``undo:/address?name=value`` (socialnet.answers)."""
    mark, _, address = (message.extra_tags or "").partition("undo:")
    if mark or not address:
        return None
    parts = urlsplit(address)
    return {"action": parts.path, "fields": parse_qsl(parts.query)}


# What a browser calls itself, told apart in this order: most of them also claim to be the later ones.
BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
    *(("Mac OS X", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux")),
)


@register.filter
def browser(user_agent: str) -> str:
    """ "Firefox, Linux" out of a User-Agent header; its beginning where nothing in it is known."""
    found = [next((name for mark, name in known if mark in user_agent), "") for known in (BROWSERS, SYSTEMS)]
    return ", ".join(filter(None, found)) or user_agent[:60] or "—"
