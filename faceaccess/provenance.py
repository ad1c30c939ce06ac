"""What a served file says about itself: that some faces in it were replaced. Never which, whose or how many.

The IPTC digital source type stands in an XMP packet, where viewers and search engines look for it. With
settings.C2PA_CERTIFICATE and C2PA_KEY a signed C2PA manifest says the same, so that it cannot be taken off unnoticed.
A picture in which nothing is hidden from its viewers carries neither, and no file carries any other metadata. Like
the line under a photo, this tells what the viewer is told anyway: all who are shown the same pixels get one file.
"""

from __future__ import annotations

import hashlib
import io
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

# IPTC NewsCodes, digital source type: "a composite that includes elements made by a trained model"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

# XMP (ISO 16684-1) with one property of the IPTC extension schema, 2008-02-29.
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    f' Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
).encode()

MANIFEST = {
    "claim_generator_info": [{"name": "My Face My Choice"}],
    "title": "photo",
    "assertions": [
        {
            "label": "c2pa.actions.v2",
            "data": {
                "actions": [
                    {
                        "action": "c2pa.created",
                        "digitalSourceType": SOURCE_TYPE,
                        "description": "Some faces were replaced by synthetic stand-ins.",
                    }
                ]
            },
        }
    ],
}
# No thumbnail: one picture more to protect. No look at the network for certificates' status.
C2PA_SETTINGS = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"ocsp_fetch": False}}


def embedded(image: bytes, content_type: str, *, replaced: bool) -> bytes:
    """The finished file, JPEG or WebP, with a C2PA manifest if that is set up and faces were ``replaced`` in it."""
    return _signed(image, content_type) if replaced and signs() else image


def signs() -> bool:
    return bool(settings.C2PA_CERTIFICATE)


def edition() -> str:
    """What distinguishes files made under other settings, for their keys: which certificate signs them."""
    return hashlib.sha256(_pem(settings.C2PA_CERTIFICATE)).hexdigest()[:16] if signs() else "unsigned"


def _signed(image: bytes, content_type: str) -> bytes:
    made = io.BytesIO()
    c2pa = _c2pa()
    context = c2pa.Context(c2pa.Settings.from_dict(C2PA_SETTINGS))
    builder = c2pa.Builder(MANIFEST, context)
    builder.sign(_signer(), content_type, io.BytesIO(image), made)
    return made.getvalue()


def _c2pa() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise ImproperlyConfigured(
            "C2PA_CERTIFICATE needs pip install my-face-my-choice[provenance]"
        ) from error
    return c2pa


def _signer() -> Any:
    c2pa = _c2pa()
    chain, key = _pem(settings.C2PA_CERTIFICATE), _pem(settings.C2PA_KEY)
    # No time stamp: its authority would learn of every picture that is looked at.
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(settings.C2PA_ALGORITHM, chain, key, None))


@lru_cache(maxsize=4)
def _pem(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImproperlyConfigured(f"C2PA: {error}") from error
