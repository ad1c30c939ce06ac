"""What people wrote, as HTML."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from community import text

register = template.Library()


@register.simple_tag(takes_context=True)
def linked(context: template.Context, words: str) -> SafeString:
    """Words with links for #tags, and for @mentions of whom the page's ``mentioned`` knows (selectors.mentioned_in)."""
    return text.linked(words, context.get("mentioned") or {})
