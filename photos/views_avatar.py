"""One's profile picture. How it is shown to whom is the image gate's business (faceaccess)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from accounts.forms import AvatarForm
from photos import avatars
from photos.models import Photo
from socialnet.answers import action, done, signed_in
from socialnet.limits import limited


@limited("upload")
@signed_in()
def avatar(request: HttpRequest) -> HttpResponse:
    """The present picture, and a form for another one."""
    form = AvatarForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            avatars.avatar_set(user=request.user, upload=form.cleaned_data["picture"])
        except ValidationError as error:
            form.add_error("picture", error.messages)
        else:
            done(
                request,
                _("Your picture is being protected. Whose face it shows decides who sees it, as always."),
            )
            return redirect("avatar-edit")
    photo = Photo.objects.filter(pk=request.user.avatar).first()
    page = {"form": form, "photo": photo}
    return render(request, "photos/avatar.html", page, status=422 if form.errors else 200)


@action("avatar-edit")
def avatar_remove(request: HttpRequest) -> HttpResponse:
    avatars.avatar_remove(user=request.user)
    done(request, _("The picture is deleted. Your initials stand in its place."))
    return redirect("avatar-edit")
