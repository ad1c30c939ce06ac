"""What a page costs does not grow with what is on it."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse

from community import albums, services
from photos.services import post_update
from tests.faceaccess.conftest import client_of, engine  # noqa: F401  a fixture
from tests.faceaccess.test_queries import populate
from tests.factories import UserFactory, befriend

pytestmark = pytest.mark.django_db


def network(photos: int, people: int):
    """Posts by one author with faces under two models, talked about and liked; and somebody who looks."""
    made, viewer = populate(photos, people)
    author = made[0].post.author
    for number in range(people):
        fan = UserFactory()
        befriend(author, fan)
        for photo in made:
            services.like_set(post=photo.post, by=fan)
            services.comment_create(post=photo.post, author=fan, body=f"#so @{viewer.username} {number}")
    album = albums.album_create(owner=author, title="All")
    for photo in made:
        post_update(post=photo.post, by=author, caption=f"With @{viewer.username} #day")
        services.bookmark_set(post=photo.post, by=viewer)
        albums.album_add(album=album, by=author, photo=photo)
    client = client_of(viewer)
    client.get("/")
    return client, made, album


@pytest.mark.parametrize("size", [(2, 2), (6, 4)], ids=["few", "many"])
def test_no_page_costs_more_for_more_posts_people_faces_or_comments(
    engine,  # noqa: F811
    django_assert_max_num_queries,
    size,
):
    client, made, album = network(*size)
    photo = made[0]
    lists = [reverse("feed"), reverse("bookmarks"), reverse("tag", args=["day"])]
    for address in lists:
        with django_assert_max_num_queries(12):
            page = client.get(address)
        assert len(page.context["posts"]) == len(made)
    with django_assert_max_num_queries(13):
        page = client.get(reverse("post", args=[photo.post_id]))
    assert len(page.context["comments"]) == size[1]
    with django_assert_max_num_queries(20):
        page = client.get(reverse("photo", args=[photo.pk]))
    assert len(page.context["comments"]) == size[1]
    with django_assert_max_num_queries(12):
        page = client.get(reverse("album", args=[album.pk]))
    assert len(page.context["photos"]) == len(made)
    with django_assert_max_num_queries(8):
        client.get(reverse("albums"), {"of": album.owner.username})
    with django_assert_max_num_queries(12):
        assert len(client.get("/api/v1/posts/").json()["results"]) == len(made)
    with django_assert_max_num_queries(6):
        assert client.get(f"/api/v1/posts/{photo.post_id}/comments/").json()["results"]


FIRST_VIEW = 150_000  # bytes, without images
FILES = re.compile(rb'(?:href|src)="/static/([^"]+\.(?:css|js|svg))"')


def test_the_first_view_of_a_feed_of_twenty_photos_is_small_and_takes_twelve_queries_at_most(
    engine,  # noqa: F811
    django_assert_max_num_queries,
):
    client, made, _ = network(20, 2)
    with django_assert_max_num_queries(12):
        page = client.get(reverse("feed"))
    assert page.content.count(b"<article") == len(made) == 20
    files = [Path(finders.find(name.decode())) for name in set(FILES.findall(page.content))]
    assert len(files) > 15
    sent = [
        len(gzip.compress(file.read_bytes())) for file in files
    ]  # as WhiteNoise sends them; pages are not
    assert len(page.content) + sum(sent) <= FIRST_VIEW
    print(f"feed: {len(page.content)} + {sum(sent)} bytes")
