"""What people wrote, as HTML."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from community import text

register = template.Library()


@register.simple_tag(takes_context=True)
def linked(context: template.Context, words: str, writer: int) -> SafeString:
    """Words of ``writer`` (a key) with links for #tags, and for the @mentions in selectors.mentioned_in."""
    return text.linked(words, (context.get("mentioned") or {}).get(writer, {}))
