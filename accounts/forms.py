"""Forms about people and their enrolment."""

from __future__ import annotations

from allauth.account import forms as allauth
from allauth.core import context
from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts import services, signing_up
from accounts.models import Circle, User
from accounts.reports import Report

PASSWORD_HELP = _("At least 8 characters: no common password, and nothing like your name or address.")


class SignupForm(allauth.SignupForm):
    """Handle, name, e-mail address and password, in our words. (The adapter makes the handle lowercase.)"""

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
        handle = self.fields["username"]
        handle.label = _("Handle")
        handle.help_text = _("3 to 30 of a–z, 0–9, dot and underscore. Everybody can see it.")
        handle.widget.attrs.update(autocapitalize="none", spellcheck="false")
        self.fields["email"].label = _("E-mail address")
        self.fields["email"].help_text = _("Only you can see it.")
        self.fields["password1"].help_text = PASSWORD_HELP
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)  # the label says it

    def clean_username(self) -> str:
        signing_up.expired_forget()
        signing_up.begin_again(context.request)
        return super().clean_username()

    def clean_display_name(self) -> str:
        return " ".join(self.cleaned_data["display_name"].split())

    def try_save(self, request: HttpRequest):
        """An address in use gets a mail that says so. In the visitor's eyes, and by the clock, all is as always."""
        if self.account_already_exists:
            self._keep_handle(request)
        return super().try_save(request)

    @transaction.atomic
    def save(self, request: HttpRequest) -> User:
        """As one: half of a sign-up would be an account that nobody waits for."""
        return super().save(request)

    @transaction.atomic
    def _keep_handle(self, request: HttpRequest) -> None:
        """What ``save`` leaves, but for the address."""
        user = User(username=self.cleaned_data["username"])
        user.set_password(self.cleaned_data["password1"])
        user.save()
        self.custom_signup(request, user)

    def custom_signup(self, request: HttpRequest, user: User) -> None:
        """allauth calls this with the user it has just saved."""
        user.display_name = self.cleaned_data["display_name"]
        user.save(update_fields=["display_name"])
        services.circle_starters(owner=user)
        signing_up.begin(request, user)


class LoginForm(allauth.LoginForm):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Handle or e-mail address")
        self.fields["login"].widget.attrs.update(autocapitalize="none", spellcheck="false")
        self.fields["password"].help_text = ""  # the page has a link for who forgot it
        self.fields["remember"].label = _("Stay signed in on this device")


class AddEmailForm(allauth.AddEmailForm):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")


class ResetPasswordForm(allauth.ResetPasswordForm):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address")


class ResetPasswordKeyForm(allauth.ResetPasswordKeyForm):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        name_password_fields(self)


class ChangePasswordForm(allauth.ChangePasswordForm):
    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = _("Your password now")
        self.fields["oldpassword"].help_text = ""  # as above
        name_password_fields(self)


def name_password_fields(form: forms.Form) -> None:
    form.fields["password1"].label = _("New password")
    form.fields["password1"].help_text = PASSWORD_HELP
    form.fields["password2"].label = _("The new password once more")
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["display_name", "username", "bio"]
        widgets = {
            "bio": forms.Textarea(attrs={"rows": 3}),
            "username": forms.TextInput(attrs={"autocapitalize": "none", "spellcheck": "false"}),
        }
        help_texts = {
            "display_name": _("What others call you. Leave it empty to go by your handle."),
            "username": _("What people find and mention you by. Links to your page change with it."),
        }

    def clean_username(self) -> str:
        try:
            return services.handle_clean(
                self.cleaned_data["username"], of=User.objects.get(pk=self.instance.pk)
            )
        except ValidationError as error:
            raise ValidationError(error.messages) from error


class AvatarForm(forms.Form):
    picture = forms.FileField(
        label=_("Picture"),
        widget=forms.FileInput(attrs={"accept": "image/*"}),
        error_messages={"required": _("Choose a picture first.")},
        allow_empty_file=True,  # as below
    )


class ReportForm(forms.ModelForm):
    class Meta:
        model = Report
        fields = ["reason", "note"]
        widgets = {"reason": forms.RadioSelect, "note": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = Report.Reason.choices  # without the empty one


class DeleteAccountForm(forms.Form):
    """Asks for the password, so that a browser left open is not enough."""

    password = forms.CharField(
        label=_("Your password"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    sure = forms.BooleanField(
        label=_("Delete my account and everything in it. I know that it cannot be undone.")
    )

    def __init__(self, *args, user: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise ValidationError(_("This is not your password."))
        return password


class CircleForm(forms.ModelForm):
    class Meta:
        model = Circle
        fields = ["name"]


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """One or more files; cleans to a list. An empty one is refused where pictures are decoded, which names the file."""

    widget = SeveralFilesInput

    def __init__(self, **kwargs) -> None:
        super().__init__(allow_empty_file=True, **kwargs)

    def clean(self, data, initial=None) -> list:
        clean_one = super().clean
        files = data if isinstance(data, list | tuple) else [data]
        return [clean_one(one, initial) for one in files or [None]]


class EnrolForm(forms.Form):
    uploads = SeveralFilesField(
        label=_("Pictures of your face"),
        widget=SeveralFilesInput(attrs={"accept": "image/*"}),
        error_messages={"required": _("Choose at least one picture.")},
    )
    consent = forms.BooleanField(
        label=_("I agree. I am the person in these pictures."),
        error_messages={"required": _("Without your agreement nothing is stored. Tick the box to go on.")},
    )
