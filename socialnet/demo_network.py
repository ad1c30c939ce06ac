"""The demo network as data: who there is, who knows whom, what was posted, and what everybody said about their face.

The six faces are those of the group photo ``t1.jpg`` that the ``insightface`` package carries, numbered from left
to right. Names and relations are invented. ``manage.py demo_seed`` builds it through the same services as the site.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

PASSWORD = "my-face-my-choice"  # noqa: S105  of demo accounts only, printed at every start


def bundled_photo() -> Path:
    """``t1.jpg`` of the installed insightface package, found without importing it (that would load onnxruntime)."""
    spec = importlib.util.find_spec("insightface")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the insightface package, which carries the demo's group photo, is not installed"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "images" / "t1.jpg"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    handle: str
    name: str
    face: int | None  # place in the group photo, from the left
    model: str  # access model, "" = the site's default
    about: str
    bio: str = ""
    is_staff: bool = False


@dataclass(frozen=True, slots=True)
class DemoRule:
    owner: str
    effect: str
    subject: str  # everyone | friends | friends_of_friends | circle:NAME | person:HANDLE
    uploader: str = "anyone"  # anyone | me | friends | circle:NAME | person:HANDLE


@dataclass(frozen=True, slots=True)
class DemoPost:
    key: str
    author: str
    faces: tuple[int, ...]  # which faces the crop shows; all six: the whole photo
    caption: str
    audience: str = "members"
    alt: str = ""
    tags: tuple[tuple[str, str], ...] = ()  # (tagger, owner)
    withdrawn: tuple[str, ...] = ()  # owners who took their tag back
    approved: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    overrides: dict[str, str] = field(default_factory=dict)  # owner -> show | hide
    likes: tuple[str, ...] = ()  # in this order
    comments: tuple[tuple[str, str], ...] = ()  # (author, words), in this order


PEOPLE = (
    DemoPerson(
        "mara",
        "Mara Lind",
        0,
        "proxy",
        "by proxy: shown where a friend or she herself tagged her",
        "Paper, film, long walks.",
    ),
    DemoPerson(
        "ines",
        "Ines Duarte",
        1,
        "authorization",
        "by her approval, photo by photo",
        "Stage design. Says no first.",
    ),
    DemoPerson(
        "jonas",
        "Jonas Falk",
        2,
        "proxy",
        "by proxy: shown where a friend or he himself tagged him",
        "Geologist. Hosts poker night.",
    ),
    DemoPerson(
        "theo",
        "Theo Brandt",
        3,
        "authorization",
        "by his approval: one answer still to give",
        "Always laughing, rarely winning.",
    ),
    DemoPerson(
        "milan",
        "Milan Petrov",
        4,
        "rules",
        "by his rules: friends yes, Theo never",
        "Actor between two jobs.",
    ),
    DemoPerson(
        "clara", "Clara Voss", 5, "rules", "by her rules: her circle “Family” only", "Runs a small bakery."
    ),
    DemoPerson("sam", "Sam Okafor", None, "", "a stranger: nobody's friend, no face enrolled", "New here."),
    DemoPerson(
        "vera",
        "Vera Holm",
        None,
        "",
        "looks after the site: the page Moderation, in her account menu",
        "Write to me if something is wrong.",
        is_staff=True,
    ),
    DemoPerson("rolf", "Rolf Stein", None, "", "blocked by Mara and Milan", "Collects things."),
)

FRIENDS = (
    ("mara", "ines"),
    ("mara", "jonas"),
    ("mara", "clara"),
    ("ines", "jonas"),
    ("jonas", "theo"),
    ("jonas", "milan"),
    ("theo", "milan"),
    ("milan", "clara"),
)
REQUESTS = (("sam", "jonas"),)  # asked, not answered
BLOCKS = (("mara", "rolf"), ("milan", "rolf"))
REPORTS = (("mara", "rolf", "harassment", "Writes to me although I said no."),)  # by, about, reason, note
CIRCLES = (
    ("clara", "Family", ("mara",)),
    ("milan", "Close friends", ("jonas",)),
    ("mara", "Film club", ("ines", "jonas")),
)
RULES = (
    DemoRule("milan", "hide", "person:theo"),
    DemoRule("milan", "show", "friends"),
    DemoRule("clara", "show", "circle:Family"),
    DemoRule("clara", "show", "friends", uploader="me"),
)
POSTS = (
    DemoPost(
        "cards",
        "clara",
        (4, 5),
        "Milan explains the rules. Nobody asked. #pokernight",
        audience="friends",
        alt="A tall man leaning on a table and a woman holding playing cards",
        likes=("mara",),
        comments=(("milan", "Somebody had to."), ("mara", "He explained them to me twice, @clara.")),
    ),
    DemoPost(
        "left",
        "ines",
        (0, 1, 2),
        "Before it got serious.",
        alt="Three people at one end of a card table",
        tags=(("jonas", "mara"),),
        withdrawn=("mara",),
        denied=("ines",),
        likes=("jonas", "clara"),
    ),
    DemoPost(
        "laugh",
        "theo",
        (2, 3),
        "He was bluffing. I was not.",
        audience="friends",
        alt="Two men at a card table, one of them laughing",
        tags=(("jonas", "jonas"),),
        approved=("theo",),
        likes=("milan",),
        comments=(("jonas", "I was not. Ask anybody but Theo."),),
    ),
    DemoPost(
        "all",
        "jonas",
        (0, 1, 2, 3, 4, 5),
        "Poker night, the whole table. Tag yourselves, or don't. #pokernight",
        alt="Six people playing cards around a table under a hanging lamp",
        tags=(("jonas", "mara"), ("mara", "jonas")),
        approved=("ines",),
        likes=("theo", "sam", "ines", "mara"),
        comments=(
            ("theo", "Rematch on Friday? I bring the lamp. #pokernight"),
            ("ines", "@theo Bring money this time."),
            ("mara", "I keep the cards until @jonas gives my pen back."),
        ),
    ),
)
ALBUMS = (("jonas", "Card games", ("all",)),)  # owner, title, posts by key
BOOKMARKS = (("mara", "all"), ("theo", "laugh"))  # person, post by key
