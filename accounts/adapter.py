"""How allauth and axes see our people: lowercase handles, and one name for every way of signing in."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import SignupForm as AllauthSignupForm
from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User


class AccountAdapter(DefaultAccountAdapter):
    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Whatever the case it is typed in, a handle is lowercase."""
        return super().clean_username(username.strip().lower(), shallow)


class SignupForm(AllauthSignupForm):
    """Handle, name, e-mail, password."""

    field_order = ["username", "display_name", "email", "password1"]

    display_name = forms.CharField(
        label=_("Name"),
        max_length=User._meta.get_field("display_name").max_length,
        required=False,
        help_text=_("What others call you. Leave it empty to go by your handle."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Handle")
        self.fields["username"].help_text = _(
            "3 to 30 of a–z, 0–9, dot and underscore. Everybody can see it."
        )
        self.fields["email"].label = _("E-mail")
        self.fields["email"].help_text = _("Only you can see it.")
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)  # the label says it

    def clean_display_name(self) -> str:
        return " ".join(self.cleaned_data["display_name"].split())

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """allauth calls this with the user it has just saved."""
        user.display_name = self.cleaned_data["display_name"]
        user.save(update_fields=["display_name"])


def attempted_handle(request: HttpRequest, credentials: dict | None = None) -> str:
    """Whom a sign-in is about, for axes: handle and e-mail address, in any case, count as the same person."""
    given = credentials or {}
    login = (
        given.get("username")
        or given.get("email")
        or request.POST.get("login")
        or request.POST.get("username")
    )
    login = str(login or "").strip().lower()
    if "@" in login:
        return User.objects.filter(email__iexact=login).values_list("username", flat=True).first() or login
    return login
