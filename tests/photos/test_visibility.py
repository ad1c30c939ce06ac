"""Which posts and photos exist for whom."""

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts import services as accounts
from photos.models import Audience, Photo, Post
from photos.selectors import feed, posts_of
from tests.factories import BlockFactory, CircleFactory, PhotoFactory, PostFactory, UserFactory, befriend

pytestmark = pytest.mark.django_db

VIEWERS = (
    "author",
    "friend",
    "in circle",
    "stranger",
    "blocked",
    "blocking",
    "asked",
    "staff",
    "closed",
    "anonymous",
)
FRIENDLY = {"author", "friend", "in circle"}
SEEN_BY = {
    Audience.MEMBERS: FRIENDLY | {"stranger", "asked", "staff"},
    Audience.FRIENDS: FRIENDLY,
    Audience.CIRCLE: {"author", "in circle"},
    Audience.ONLY_ME: {"author"},
}


@pytest.fixture
def people():
    people = {name: UserFactory() for name in VIEWERS if name != "anonymous"} | {"anonymous": AnonymousUser()}
    author = people["author"]
    for friend in ("friend", "in circle", "closed"):
        befriend(people[friend], author)
    accounts.friendship_request(requester=people["asked"], addressee=author)
    BlockFactory(blocker=author, blocked=people["blocked"])
    BlockFactory(blocker=people["blocking"], blocked=author)
    people["staff"].is_staff = people["staff"].is_superuser = True
    people["staff"].save()
    people["closed"].is_active = False
    people["closed"].save()
    people["circle"] = CircleFactory(owner=author, members=[people["in circle"]])
    return people


@pytest.mark.parametrize("audience", list(Audience))
def test_a_post_and_its_photos_are_seen_by_exactly_whom_the_audience_names(people, audience) -> None:
    circle = people["circle"] if audience == Audience.CIRCLE else None
    post = PostFactory(author=people["author"], audience=audience, circle=circle)
    photo = PhotoFactory(post=post)
    seen_post = {name for name in VIEWERS if post in Post.objects.visible_to(people[name])}
    seen_photo = {name for name in VIEWERS if photo in Photo.objects.visible_to(people[name])}
    assert seen_post == SEEN_BY[audience]
    assert seen_photo == SEEN_BY[audience]


@pytest.mark.parametrize("audience", [Audience.MEMBERS, Audience.FRIENDS, Audience.CIRCLE])
def test_a_block_hides_even_from_a_friend_in_the_circle_whoever_made_it(people, audience) -> None:
    author, friend = people["author"], people["in circle"]
    circle = people["circle"] if audience == Audience.CIRCLE else None
    photo = PhotoFactory(post=PostFactory(author=author, audience=audience, circle=circle))
    assert photo in Photo.objects.visible_to(friend)
    BlockFactory(blocker=friend, blocked=author)  # the row alone: friendship and circle are still there
    assert photo not in Photo.objects.visible_to(friend)


def test_a_circle_post_is_seen_by_members_only_while_they_are_friends(people) -> None:
    author, friend = people["author"], people["in circle"]
    post = PostFactory(author=author, audience=Audience.CIRCLE, circle=people["circle"])
    accounts.friendship_end(one=friend, other=author)
    assert post not in Post.objects.visible_to(friend)
    befriend(author, friend)
    assert post in Post.objects.visible_to(friend), "who was put into the circle stays in it"


def test_when_the_circle_is_deleted_its_posts_are_the_authors_alone(people) -> None:
    post = PostFactory(author=people["author"], audience=Audience.CIRCLE, circle=people["circle"])
    accounts.circle_delete(circle=people["circle"], by=people["author"])
    post.refresh_from_db()
    assert {name for name in VIEWERS if post in Post.objects.visible_to(people[name])} == {"author"}


def test_posts_of_a_closed_account_are_gone_for_others(people) -> None:
    post = PostFactory(author=people["author"], audience=Audience.MEMBERS)
    people["author"].is_active = False
    people["author"].save()
    assert post not in Post.objects.visible_to(people["friend"])


def test_visible_sets_can_be_narrowed_further(people) -> None:
    author, viewer = people["author"], people["friend"]
    ready = PhotoFactory(post=PostFactory(author=author))
    PhotoFactory(post=ready.post, state=Photo.State.PROTECTING)
    PhotoFactory(post__author=viewer)
    assert list(Photo.objects.visible_to(viewer).ready().filter(post__author=author)) == [ready]


def test_the_feed_is_newest_first_and_costs_two_queries_whatever_its_length(
    people, django_assert_num_queries
) -> None:
    posts = [PhotoFactory(author=people["author"]).post for _ in range(6)]
    with django_assert_num_queries(2):
        shown = [(post.author.name, list(post.photos.all())) for post in feed(people["friend"])]
    assert len(shown) == len(posts)
    assert list(feed(people["friend"])) == posts[::-1]
    assert list(posts_of(people["author"], people["stranger"])) == []
