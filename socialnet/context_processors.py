"""What every page's frame needs."""

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, object]:
    """Counts for the navigation are lazy: pages that do not draw it pay nothing."""
    return {}
