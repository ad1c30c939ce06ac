"""Posting and editing a post."""

from __future__ import annotations

from uuid import uuid4

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import SeveralFilesField, SeveralFilesInput
from accounts.models import Circle, User
from accounts.selectors import circles_of
from photos.models import Audience, Post

CIRCLE_PREFIX = "circle:"


class PostForm(forms.ModelForm):
    """Caption and audience. The audience is one list in which each of the author's circles is a line of its own."""

    audience = forms.ChoiceField(label=_("Who can see it"))

    class Meta:
        model = Post
        fields = ["caption", "audience"]
        widgets = {"caption": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args, author: User, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.circles: dict[str, Circle] = {
            f"{CIRCLE_PREFIX}{circle.pk}": circle for circle in circles_of(author)
        }
        plain = [choice for choice in Audience.choices if choice[0] != Audience.CIRCLE]
        named = [(key, _("Circle: %(name)s") % {"name": circle.name}) for key, circle in self.circles.items()]
        self.fields["audience"].choices = plain[:2] + named + plain[2:]
        self.initial.setdefault("audience", self.instance.audience)
        # What the page showed goes with it: who saves a page that lay open means only what they changed on it.
        self.fields["audience"].show_hidden_initial = not self.instance._state.adding
        if self.instance.audience == Audience.CIRCLE:
            self.initial["audience"] = f"{CIRCLE_PREFIX}{self.instance.circle_id}"

    def clean(self) -> dict[str, object]:
        """``audience`` and ``circle`` as the services want them. The model is checked there, once."""
        data = self.cleaned_data
        data["circle"] = self.circles.get(data.get("audience", ""))
        if data["circle"] is not None:
            data["audience"] = Audience.CIRCLE
        return data

    def _post_clean(self) -> None:
        """Leaves the instance alone: photos.services writes it, from ``cleaned_data``."""


class NewPostForm(PostForm):
    photos = SeveralFilesField(
        label=_("Photos"),
        widget=SeveralFilesInput(attrs={"accept": "image/*,.heic,.heif,.avif"}),
        error_messages={"required": _("Choose at least one photo.")},
    )
    # Sent along unchanged. No autocomplete: a browser that fills in a page anew would send an old one.
    token = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"autocomplete": "off"}))
    field_order = ["photos", "caption", "audience"]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.initial["token"] = uuid4().hex
