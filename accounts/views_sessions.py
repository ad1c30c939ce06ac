"""Where one is signed in: browsers, and the programs that use the API."""

from __future__ import annotations

from allauth.usersessions.views import ListUserSessionsView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from accounts import programs
from socialnet.answers import action, done


class SessionsView(ListUserSessionsView):
    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(**kwargs) | {"token": programs.token_of(self.request.user)}

    def form_valid(self, form) -> HttpResponse:
        """Everywhere else, not only in every other browser."""
        programs.token_end(user=self.request.user)
        return super().form_valid(form)


sessions = SessionsView.as_view()


@action("usersessions_list")
def programs_end(request: HttpRequest) -> HttpResponse:
    programs.token_end(user=request.user)
    done(request, _("Ended. Programs have to sign in again."))
    return redirect("usersessions_list")
