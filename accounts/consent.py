"""What people agree to when they enrol their face. A change of meaning is a new VERSION; old ones stay on record."""

from django.utils.translation import gettext_lazy as _

VERSION = "2026-11"

TEXT = _(
    "I agree that this site keeps a small picture of my face and a numeric description computed from it, so that it "
    "can recognise me in photos posted here and hide my face from everyone I have not chosen to show it to. It is "
    "used for nothing else. Both are stored on this site only, the description encrypted; nobody else can see them, "
    "and they are not passed on. I can delete them at any time: they are then removed at once, and my face "
    "stays hidden in every photo. This picture shows my own face."
)
