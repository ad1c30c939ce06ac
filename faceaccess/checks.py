"""System checks of the model pack: does it exist, are its weights here, may they be used, what do its distances mean,
was all embedded with it. And whether pictures can be signed, where they are to be."""

from __future__ import annotations

from typing import Any

import numpy as np
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from accounts.models import PACK_LENGTH
from mfmc_engine.errors import EngineError


@register()
def pack_is_usable(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Unknown pack: an error. Missing weights: a warning with the command. Research-only weights, and thresholds
    nobody measured: a warning."""
    from mfmc_engine.packs import missing, sources, space_name, store

    try:
        needed, lacking = sources(settings.ENGINE_PACK), missing(settings.ENGINE_PACK)
    except EngineError as error:
        return [Error(f"ENGINE_PACK: {error}", id="faceaccess.E001")]
    found: list[CheckMessage] = []
    if len(settings.ENGINE_PACK) > PACK_LENGTH:
        found.append(Error(f"ENGINE_PACK is longer than {PACK_LENGTH} characters.", id="faceaccess.E002"))
    for source in needed:
        bad = [check.weights.file for check in lacking if check.source == source]
        if bad:
            found.append(
                Warning(
                    f"The model pack {settings.ENGINE_PACK} lacks {', '.join(bad)}: new photos stay hidden.",
                    hint=store.how_to_get(source),
                    id="faceaccess.W001",
                )
            )
        elif source.licence.ask:
            accepted = "" if store.accepted(source) else " Their licence was not accepted on this machine."
            found.append(
                Warning(
                    f"The weights {source.name} are for non-commercial research only.{accepted}",
                    hint=f"{source.licence.url} (silence this with SILENCED_SYSTEM_CHECKS)",
                    id="faceaccess.W002",
                )
            )
    return found + _thresholds(space_name(settings.ENGINE_PACK))


def _thresholds(recognizer: str) -> list[CheckMessage]:
    """Whether anybody knows what distances between the pack's embeddings mean."""
    from mfmc_engine.recognition import space

    try:
        assumed = space.is_assumed(recognizer)
    except EngineError as error:
        return [Error(str(error), id="faceaccess.E003")]
    if not assumed:
        return []
    return [
        Warning(
            f"What distances between {recognizer}'s embeddings mean is assumed, not measured.",
            hint=f"python -m mfmc_engine packs calibrate {settings.ENGINE_PACK} FOLDER --write (docs/packs.md)",
            id="faceaccess.W004",
        )
    ]


@register()
def pictures_can_be_signed(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Tried out: a chain or key that does not do is found out by c2pa alone, at the first photo somebody looks at."""
    from faceaccess import provenance
    from mfmc_engine.imaging import encode

    if not provenance.signs():
        return []
    try:
        provenance.embedded(encode(np.zeros((16, 16, 3), np.uint8), ".jpg"), "image/jpeg", replaced=True)
    except Exception as error:  # c2pa's, cryptography's, or ours
        files = f"C2PA_CERTIFICATE={settings.C2PA_CERTIFICATE!r} and C2PA_KEY={settings.C2PA_KEY!r}"
        return [Error(f"{files} cannot sign: {error}", id="faceaccess.E004")]
    return []


@register(Tags.database)
def everything_is_of_this_pack(app_configs: Any, databases: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Asked where checks may read the database (``manage.py check --database default``, ``migrate``)."""
    from faceaccess import reembedding

    if not databases:
        return []
    try:
        status = reembedding.status()
    except DatabaseError:  # not migrated yet
        return []
    if status.is_done:
        return []
    return [
        Warning(
            f"{status.captures_left} enrolled pictures and {status.photos_left} photos are still of another pack than "
            f"{settings.ENGINE_PACK}.",
            hint="The Celery worker embeds them anew by itself; here and now: manage.py reembed",
            id="faceaccess.W003",
        )
    ]
