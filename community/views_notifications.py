"""What happened, and what one wants to hear of."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from community import notifications as told
from community.kinds import KINDS
from socialnet.answers import action, back, done, signed_in


@login_required
@require_safe
@never_cache
def notifications(request: HttpRequest) -> HttpResponse:
    """Looking at the list is what makes them seen; the page still marks those that were new."""
    batches = told.batches(request.user)
    told.mark_seen(recipient=request.user)
    return render(request, "community/notifications.html", {"batches": batches})


@signed_in()
def preferences(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        return _preferences_set(request)
    off = told.switched_off(request.user)
    kinds = [(kind, kind.key not in off) for kind in KINDS.values()]
    return render(request, "community/preferences.html", {"kinds": kinds})


@action("notification-preferences")
def _preferences_set(request: HttpRequest) -> HttpResponse:
    """The form sends the kinds that are on; what it did not offer stays as it is."""
    on = set(request.POST.getlist("on"))
    told.preferences_set(owner=request.user, by=request.user, off=KINDS.keys() - on)
    done(request, _("Saved. You hear of what is ticked."))
    return back(request, "notification-preferences")
