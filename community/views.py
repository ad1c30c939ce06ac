"""Comments, likes, bookmarks and tag pages. The pages of a post and of a photo themselves are in faceaccess."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from community import pages, selectors, services
from community.models import Comment
from community.text import fold
from faceaccess.views_photos import answer_posts, posts_page
from photos.models import Post
from photos.selectors import posts_visible_to
from socialnet.answers import action, back, done, in_parts, signed_in
from socialnet.limits import limited

LIKERS_AT_MOST = 200


def _post(request: HttpRequest, pk: UUID) -> Post:
    return get_object_or_404(selectors.counted(posts_visible_to(request.user), request.user), pk=pk)


# --- comments ---


@limited("comment")
@signed_in("post", "pk")
@require_POST
def comment_create(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Answers with the conversation anew (htmx), or goes back to where it was written."""
    post = _post(request, pk)
    body, error = request.POST.get("body", ""), ""
    try:
        comment = services.comment_create(post=post, author=request.user, body=body)
    except ValidationError as refused:
        error = " ".join(refused.messages)
    if request.htmx:
        page = pages.conversation(_post(request, pk), request.user) | {"error": error}
        page |= {"draft": body, "said": ""} if error else {"said": _("Your comment is there.")}
        return render(request, "community/parts/conversation.html", page)  # htmx swaps no error status in
    if error:
        page = pages.conversation(post, request.user) | {"error": error, "draft": body}
        return render(request, "community/comment.html", page, status=422)
    return back(request, f"/posts/{pk}/#comment-{comment.pk}")


def _comment(request: HttpRequest, pk: UUID) -> Comment:
    return get_object_or_404(selectors.own_or_visible_comments(request.user), pk=pk)


@limited("comment")
@signed_in()
def comment_edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    comment = _comment(request, pk)
    if comment.author_id != request.user.pk:
        raise Http404
    error, body = "", comment.body
    if request.method == "POST":
        body = request.POST.get("body", "")
        try:
            services.comment_edit(comment=comment, by=request.user, body=body)
        except ValidationError as refused:
            error = " ".join(refused.messages)
        else:
            done(request, _("Your comment is changed."))
            return back(request, f"/posts/{comment.post_id}/#comment-{pk}")
    page = {"comment": comment, "post": comment.post, "error": error, "draft": body}
    return render(request, "community/comment_edit.html", page, status=422 if error else 200)


@action("feed")
def comment_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    comment = _comment(request, pk)
    services.comment_delete(comment=comment, by=request.user)
    if comment.author_id == request.user.pk:
        done(request, _("Your comment is deleted."))
    else:
        done(request, _("The comment by %(name)s is deleted.") % {"name": comment.author.name})
    if not Post.objects.visible_to(request.user).filter(pk=comment.post_id).exists():
        return back(request, "feed")
    return back(request, f"/posts/{comment.post_id}/#comments")


# --- likes and bookmarks ---


@limited("reaction")
@signed_in("post", "pk")
@require_POST
def like(request: HttpRequest, pk: UUID) -> HttpResponse:
    post = _post(request, pk)
    change = services.like_remove if request.POST.get("set") == "no" else services.like_set
    change(post=post, by=request.user)
    return _reactions(request, pk)


@limited("reaction")
@signed_in("post", "pk")
@require_POST
def bookmark(request: HttpRequest, pk: UUID) -> HttpResponse:
    post = _post(request, pk)
    keep = request.POST.get("set") != "no"
    (services.bookmark_set if keep else services.bookmark_remove)(post=post, by=request.user)
    return _reactions(request, pk)


def _reactions(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The row of buttons anew (htmx), or back to where it was pressed."""
    if request.htmx:
        return render(request, "community/parts/reactions.html", {"post": _post(request, pk)})
    return back(request, "post", pk)


@login_required
def likes(request: HttpRequest, pk: UUID) -> HttpResponse:
    post = _post(request, pk)
    found = selectors.likers_of(post, request.user)[:LIKERS_AT_MOST]
    return render(request, "community/likes.html", {"post": post, "likes": found})


# --- lists of posts ---


@login_required
@in_parts
def bookmarks(request: HttpRequest) -> HttpResponse:
    page = posts_page(request, selectors.bookmarked(request.user), by="kept_at")
    return answer_posts(request, "community/bookmarks.html", page)


@login_required
@in_parts
def tag(request: HttpRequest, name: str) -> HttpResponse:
    page = posts_page(request, selectors.tagged(name, request.user))
    return answer_posts(request, "community/tag.html", page | {"tag": fold(name)})
