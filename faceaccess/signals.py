"""What other apps may listen to about faces. Sent after commit, with send_robust; says what its receiver may know."""

from __future__ import annotations

from django.dispatch import Signal

# tag=: a friend named tag.owner on a face of a photo that tag.owner may see. Whether the face is theirs is not said.
# Not sent for one's own tag, nor where the tag was withdrawn before: a second try does not knock again.
face_tagged = Signal()

# region=, owner=: a face recognised as the owner's was named as somebody else's; the owner is asked in the inbox.
owner_asked = Signal()

# owner=, waiting= (int): photos have waited for the owner's answer for long enough to say so once.
reminder_due = Signal()
