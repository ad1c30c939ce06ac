"""Likes and bookmarks: once each, counted for who may know, taken back at any time."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from accounts.services import friendship_end
from community import selectors, services
from community.models import Bookmark, Like
from photos.models import Audience, Post
from tests.faceaccess.conftest import client_of
from tests.factories import BlockFactory, PhotoFactory, UserFactory, befriend
from tests.pages.html import Page

pytestmark = pytest.mark.django_db


@pytest.fixture
def author():
    return UserFactory()


@pytest.fixture
def fan(author):
    fan = UserFactory(display_name="Fay Fan")
    befriend(author, fan)
    return fan


@pytest.fixture
def post(author):
    return PhotoFactory(author=author).post


def counts(post, viewer) -> tuple[int, bool, bool]:
    post = selectors.counted(Post.objects.all(), viewer).get(pk=post.pk)
    return post.like_count, post.liked, post.kept


def test_twice_is_once(post, author, fan):
    for _ in range(2):
        services.like_set(post=post, by=fan)
        services.bookmark_set(post=post, by=fan)
    assert counts(post, fan) == (1, True, True)
    assert counts(post, author) == (1, False, False)
    for _ in range(2):
        services.like_remove(post=post, by=fan)
        services.bookmark_remove(post=post, by=fan)
    assert counts(post, fan) == (0, False, False)


def test_comments_do_not_multiply_likes(post, author, fan):
    for _ in range(3):
        services.comment_create(post=post, author=fan, body="x")
    services.like_set(post=post, by=fan)
    services.like_set(post=post, by=author)
    counted = selectors.counted(Post.objects.all(), author).get()
    assert (counted.like_count, counted.comment_count) == (2, 3)


@pytest.mark.parametrize("service", [services.like_set, services.bookmark_set])
def test_what_one_may_not_see_one_cannot_like_or_keep(post, service):
    with pytest.raises(PermissionDenied):
        service(post=post, by=UserFactory())
    assert not Like.objects.exists()
    assert not Bookmark.objects.exists()


def test_a_like_can_be_taken_back_where_the_post_is_out_of_sight(post, author, fan):
    services.like_set(post=post, by=fan)
    friendship_end(one=author, other=fan)
    services.like_remove(post=post, by=fan)
    assert counts(post, author)[0] == 0


def test_people_across_a_block_are_neither_counted_nor_listed(author):
    post = PhotoFactory(author=author, audience=Audience.MEMBERS).post
    one, other = UserFactory(), UserFactory()
    for person in (one, other):
        services.like_set(post=post, by=person)
    BlockFactory(blocker=one, blocked=other)
    assert [counts(post, viewer)[0] for viewer in (one, other, author)] == [1, 1, 2]
    for viewer, hidden in ((one, other), (other, one)):
        page = Page.of(client_of(viewer).get(reverse("likes", args=[post.pk])))
        assert viewer.name in page.words
        assert f"@{hidden.username}" not in page.words


def test_the_buttons_work_without_a_script_and_lead_back(post, fan):
    client = client_of(fan)
    back = f"/?before=1#post-{post.pk.hex}"
    for name in ("like", "bookmark"):
        response = client.post(reverse(name, args=[post.pk]), {"set": "yes", "next": back})
        assert response.url == back
    assert counts(post, fan) == (1, True, True)
    page = Page.of(client.get(reverse("post", args=[post.pk])))
    pressed = [tag for tag in page.all("button") if tag.get("aria-pressed") == "true"]
    assert len(pressed) == 2
    client.post(reverse("like", args=[post.pk]), {"set": "no"})
    assert counts(post, fan) == (0, False, True)


def test_htmx_gets_the_row_of_buttons_anew(post, fan):
    response = client_of(fan).post(
        reverse("like", args=[post.pk]), {"set": "yes"}, headers={"HX-Request": "true"}
    )
    page = Page.of(response)
    assert page.all("html", "article") == []
    assert "1" in page.words
    assert [tag["id"] for tag in page.tags if tag.get("aria-pressed") == "true"] == [f"like-{post.pk}"]


class TestTheListOfBookmarks:
    def test_it_is_in_the_order_of_keeping_and_only_ones_own(self, author, fan):
        posts = [PhotoFactory(author=author).post for _ in range(3)]
        for post in (posts[2], posts[0]):
            services.bookmark_set(post=post, by=fan)
        services.bookmark_set(post=posts[1], by=author)
        assert list(selectors.bookmarked(fan).order_by("-kept_at")) == [posts[0], posts[2]]
        page = Page.of(client_of(fan).get(reverse("bookmarks")))
        shown = [tag["id"] for tag in page.all("article")]
        assert shown == [f"post-{posts[0].pk.hex}", f"post-{posts[2].pk.hex}"]

    def test_what_went_out_of_sight_is_not_listed(self, post, author, fan):
        services.bookmark_set(post=post, by=fan)
        friendship_end(one=author, other=fan)
        page = Page.of(client_of(fan).get(reverse("bookmarks")))
        assert "Nothing kept yet" in page.words

    def test_nobody_else_can_tell(self, post, author, fan):
        address = f"/api/v1/posts/{post.pk}/"
        before, told = client_of(author).get(address).json(), author.notifications.count()
        services.bookmark_set(post=post, by=fan)
        assert client_of(author).get(address).json() == before
        assert author.notifications.count() == told


def test_the_list_goes_on_where_the_last_page_ended(author, fan, monkeypatch):
    """Also when the post it ended with was deleted meanwhile."""
    monkeypatch.setattr("faceaccess.views_photos.POSTS_A_PAGE", 2)
    posts = [PhotoFactory(author=author).post for _ in range(5)][::-1]
    client = client_of(fan)

    def page(address: str) -> tuple[list[str], str | None]:
        found = Page.of(client.get(address))
        older = [tag["href"] for tag in found.all("a") if (tag.get("href") or "").startswith("?before=")]
        return [tag["id"] for tag in found.all("article")], older[0] if older else None

    first, older = page("/")
    assert first == [f"post-{post.pk.hex}" for post in posts[:2]]
    posts[1].delete()
    second, older = page(f"/{older}")
    assert second == [f"post-{post.pk.hex}" for post in posts[2:4]]
    third, older = page(f"/{older}")
    assert (third, older) == ([f"post-{posts[4].pk.hex}"], None)


@pytest.mark.parametrize("cursor", ["nonsense", "9" * 30 + "-" + "0" * 32, "1-zz", "-", "1-"])
def test_a_cursor_that_was_tampered_with_is_none(post, fan, cursor):
    assert client_of(fan).get("/", {"before": cursor}).status_code == 200


def test_a_page_that_is_scrolled_asks_for_posts_alone(post, fan):
    response = client_of(fan).get("/", headers={"HX-Request": "true"})
    page = Page.of(response)
    assert page.all("html") == []
    assert len(page.all("article")) == 1
    assert "HX-Request" in response.headers["Vary"]
