"""Writing a post: new, edit, delete. Pages that show photos are in faceaccess: it knows what each viewer sees."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from photos import services
from photos.forms import NewPostForm, PostForm
from photos.models import Post
from socialnet.answers import done, signed_in
from socialnet.limits import limited


@limited("upload")
@signed_in()
def post_new(request: HttpRequest) -> HttpResponse:
    form = NewPostForm(request.POST or None, request.FILES or None, author=request.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            post = services.post_create(
                author=request.user,
                uploads=data["photos"],
                caption=data["caption"],
                audience=data["audience"],
                circle=data["circle"],
                alt_texts=request.POST.getlist("alt_texts"),
                token=data["token"],
            )
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            done(
                request,
                _(
                    "Posted. You will see it as everybody does: faces that are not shown to you are stand-ins,"
                    " in your own photos too."
                ),
            )
            if _wants_json(request):
                return JsonResponse({"address": post.get_absolute_url()}, status=201)
            return redirect("post", post.pk)
    if form.errors and _wants_json(request):
        errors = [text for texts in form.errors.values() for text in texts]
        return JsonResponse({"errors": errors}, status=422)
    status = 422 if form.errors else 200
    return render(request, "photos/post_new.html", {"form": form}, status=status)


def _wants_json(request: HttpRequest) -> bool:
    """js/upload.js does: it shows how far each photo is, and then leads on by itself."""
    return request.headers.get("Accept") == "application/json"


def _own_post(request: HttpRequest, pk: UUID) -> Post:
    """404 for a post one may not see, 403 for one that is not one's own."""
    post = get_object_or_404(Post.objects.visible_to(request.user).for_display(), pk=pk)
    if post.author_id != request.user.pk:
        raise PermissionDenied(_("This is not your post."))
    return post


@signed_in()
def post_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    post = _own_post(request, pk)
    form = PostForm(request.POST or None, instance=post, author=request.user)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        names = {photo.pk: f"alt-{photo.pk}" for photo in post.photos.all()}
        alt_texts = {pk: request.POST[name] for pk, name in names.items() if name in request.POST}
        chosen = {name: data[name] for name in ("audience", "circle") if "audience" in form.changed_data}
        try:
            services.post_update(
                post=post,
                by=request.user,
                caption=data["caption"],
                alt_texts=alt_texts,
                **chosen,
            )
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            done(request, _("The post is changed, for everybody, from now on."))
            return redirect("post", post.pk)
    return render(request, "photos/post_edit.html", {"form": form, "post": post})


@signed_in()
def post_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Asks on GET, deletes on POST."""
    post = _own_post(request, pk)
    if request.method == "POST":
        services.post_delete(post=post, by=request.user)
        done(request, _("The post, its photos and everything known about them are deleted."))
        return redirect("feed")
    return render(request, "photos/post_delete.html", {"post": post})
