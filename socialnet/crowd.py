"""A crowd of made-up people, rows only, for measuring: all enrolled, with friends, circles, rules and photos."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Block, Circle, CircleMembership, FaceCapture, Friendship, User
from community.models import Comment, Like
from faceaccess.models import AccessModel, Authorization, FacePreference, FaceRegion, PhotoOverride, Rule, Tag
from photos.models import Audience, Photo, Post

FRIENDS = 20  # friendships per person, so that everybody has about 40 friends
FACES = 10  # face regions per person
FACES_A_PHOTO = 10
RULES = 20  # of every person, whatever model they chose
CIRCLES = 3
MEMBERS = 8  # of a circle
NEIGHBOURS = 150  # friends come from so many people around one, as in a town: friends of friends are common
BATCH = 5000


@dataclass
class Crowd:
    """``people`` members, 20 times as many friendships, 10 times as many faces. The same numbers for the same seed."""

    people: int
    seed: int = 1
    random: random.Random = field(init=False)
    ids: list[int] = field(init=False, default_factory=list)
    friends: list[set[int]] = field(init=False, default_factory=list)  # by place in ids

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311  made-up people

    @transaction.atomic
    def build(self) -> dict[str, int]:
        """Fill the (empty) database; returns how many rows of what there are now."""
        store(User, (User(username=f"p{n}") for n in range(self.people)))
        self.ids = list(User.objects.order_by("pk").values_list("pk", flat=True))
        self._relations()
        self._rules()
        self._photos()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        counted = {"people": User, "friendships": Friendship, "faces": FaceRegion, "rules": Rule}
        return {name: model.objects.count() for name, model in counted.items()}

    def viewers(self, number: int) -> list[int]:
        return self.random.sample(self.ids, number)

    def _near(self, n: int) -> int:
        return (n + self.random.choice((-1, 1)) * self.random.randint(1, NEIGHBOURS)) % self.people

    def _relations(self) -> None:
        now = timezone.now()
        self.friends = [set() for _ in self.ids]
        pairs: set[tuple[int, int]] = set()
        while len(pairs) < FRIENDS * self.people:
            one = self.random.randrange(self.people)
            other = self._near(one)
            if one != other:
                pairs.add((min(one, other), max(one, other)))
        for one, other in pairs:
            self.friends[one].add(other)
            self.friends[other].add(one)
        rows = (
            Friendship(requester_id=low, addressee_id=high, low_id=low, high_id=high, accepted_at=now)
            for low, high in sorted((self.ids[a], self.ids[b]) for a, b in pairs)
        )
        store(Friendship, rows)
        strangers = {(n, self._near(n)) for n in range(0, self.people, 2)}
        store(
            Block,
            (Block(blocker_id=self.ids[a], blocked_id=self.ids[b]) for a, b in strangers - pairs if a != b),
        )
        store(
            FaceCapture,
            (
                FaceCapture(user_id=pk, pack=settings.ENGINE_PACK, template=b"", consented_at=now)
                for pk in self.ids
            ),
        )
        chosen = list(AccessModel)
        store(FacePreference, (FacePreference(owner_id=pk, model=chosen[pk % 3]) for pk in self.ids))
        store(Circle, (Circle(owner_id=pk, name=f"circle {c}") for pk in self.ids for c in range(CIRCLES)))

    def _rules(self) -> None:
        circles: dict[int, list[int]] = {}
        for pk, owner in Circle.objects.values_list("pk", "owner"):
            circles.setdefault(owner, []).append(pk)
        members = (
            CircleMembership(circle_id=circle, person_id=self.ids[friend])
            for n, owner in enumerate(self.ids)
            for circle in circles[owner]
            for friend in self.random.sample(sorted(self.friends[n]), min(MEMBERS, len(self.friends[n])))
        )
        store(CircleMembership, members)
        store(
            Rule,
            (
                self._rule(n, owner, circles[owner], position)
                for n, owner in enumerate(self.ids)
                for position in range(RULES)
            ),
        )

    def _rule(self, n: int, owner: int, circles: list[int], position: int) -> Rule:
        """Particular rules first and general ones last, as people write them; one in ten is switched off."""
        last = position >= RULES - 4
        subject = self.random.choice(list(Rule.Subject)[:3] if last else list(Rule.Subject)[3:])
        uploader = self.random.choice(list(Rule.Uploader))
        rule = Rule(
            owner_id=owner,
            position=position,
            enabled=self.random.random() < 0.9,
            effect=self.random.choice(("show", "hide")),
            subject=subject,
            uploader=uploader,
        )
        for who, kind in (("subject", subject), ("uploader", uploader)):
            if kind == "circle":
                setattr(rule, f"{who}_circle_id", self.random.choice(circles))
            elif kind == "person":
                setattr(rule, f"{who}_person_id", self.ids[self._near(n)])
        return rule

    def _photos(self) -> None:
        """Everybody's friends are in their photos; one statement of the owner or a friend on most faces."""
        now = timezone.now()
        number = self.people * FACES // FACES_A_PHOTO
        posts, photos, regions = [], [], []
        for n in range(number):
            author = n % self.people
            around = sorted(self.friends[author] | {self._near(author) for _ in range(FACES_A_PHOTO)})
            posts.append(
                Post(
                    author_id=self.ids[author],
                    audience=self.random.choice((Audience.MEMBERS, Audience.FRIENDS)),
                    caption=f"With @p{self._near(author)}. #day{n % 50}",
                    created_at=now - timedelta(seconds=self.random.randrange(10**7)),
                )
            )
            photos.append(
                Photo(post=posts[-1], original="none.png", width=640, height=480, state=Photo.State.READY)
            )
            for index, person in enumerate(self.random.sample(around, FACES_A_PHOTO)):
                regions.append(self._region(photos[-1], index, self.ids[person]))
        store(Post, posts)
        store(Photo, photos)
        store(FaceRegion, regions)
        self._statements()
        self._talk(posts)

    @staticmethod
    def _region(photo: Photo, index: int, owner: int) -> FaceRegion:
        return FaceRegion(
            photo=photo, index=index, box=[0, 0, 1, 1], score=1, quality=1, pack=settings.ENGINE_PACK,
            match=FaceRegion.Match.MATCHED, owner_id=owner, embedding=b"", landmarks=b"",
        )  # fmt: skip

    def _talk(self, posts: list[Post]) -> None:
        """A comment and three likes for every post, by people around its author."""
        place = {pk: n for n, pk in enumerate(self.ids)}
        fans = [self.random.sample(sorted(self.friends[place[post.author_id]]), 3) for post in posts]
        likes = (
            Like(post=post, person_id=self.ids[fan])
            for post, three in zip(posts, fans, strict=True)
            for fan in three
        )
        store(Like, likes)
        rows = zip(posts, fans, strict=True)
        store(
            Comment,
            (Comment(post=post, author_id=self.ids[three[0]], body="What a day") for post, three in rows),
        )

    def _statements(self) -> None:
        place = {pk: n for n, pk in enumerate(self.ids)}
        rows = list(FaceRegion.objects.values_list("pk", "owner"))
        store(Tag, (self._tag(region, owner, place[owner]) for region, owner in rows if region % 3))
        store(
            Authorization,
            (
                Authorization(region_id=r, owner_id=o, answer="approved" if r % 2 else "denied")
                for r, o in rows
                if r % 4
            ),
        )
        store(
            PhotoOverride,
            (PhotoOverride(region_id=r, owner_id=o, effect="show") for r, o in rows if not r % 9),
        )

    def _tag(self, region: int, owner: int, n: int) -> Tag:
        friends = sorted(self.friends[n])
        tagger = self.ids[self.random.choice(friends)] if friends and region % 5 else owner
        withdrawn = timezone.now() if region % 7 == 0 else None
        return Tag(region_id=region, owner_id=owner, tagger_id=tagger, withdrawn_at=withdrawn)


def store(model: type, rows: Iterable) -> None:
    model.objects.bulk_create(rows, batch_size=BATCH)
