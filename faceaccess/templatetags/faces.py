"""Pictures through the gate: the only way a template names a photo's pixels."""

from __future__ import annotations

import secrets

from django import template
from django.template import Context
from django.urls import reverse

from faceaccess.models import FaceRegion
from faceaccess.renditions import SIZES, crop_dimensions, dimensions
from faceaccess.wording import rule_sentence
from photos.models import Photo

register = template.Library()
register.filter(rule_sentence)

CROP_MARGIN = 0.35  # of the face's longer side, so that a crop shows a head and not a mask


@register.simple_tag(takes_context=True)
def gate(context: Context, name: str, *arguments: object, of: Photo | None = None) -> str:
    """The address of a picture at the gate, with ``?v=``: another one as soon as the picture may be another.

    The gate does not read it. It is there because browsers that go back show what lies under an address without
    asking, whatever Cache-Control says. It is the look of the photo (faceaccess.renditions) where the page knows it,
    else a number drawn for this page: which faces a photo shows is never asked for the sake of an address.
    """
    look = getattr(of, "look", "") or context.get("page_number") or secrets.token_hex(4)
    return f"{reverse(name, args=arguments)}?v={look}"


@register.inclusion_tag("photos/parts/image.html", takes_context=True)
def photo_image(context: Context, photo: Photo, sizes: str, *, eager: bool = False) -> dict[str, object]:
    """An img with reserved ratio; ``sizes`` is the HTML attribute (how wide the picture will be drawn)."""
    addresses = {size: gate(context, "photo-image", photo.pk, size, of=photo) for size in SIZES}
    return _image(photo, addresses, sizes, eager=eager)


@register.inclusion_tag("photos/parts/image.html", takes_context=True)
def photo_image_as(context: Context, photo: Photo, who: str, sizes: str) -> dict[str, object]:
    """The same picture with one's own face as ``who`` (faceaccess.seeing) gets it."""
    addresses = {size: gate(context, "photo-image-as", photo.pk, who, size) for size in SIZES}
    return _image(photo, addresses, sizes, eager=True)


def _image(photo: Photo, addresses: dict[str, str], sizes: str, *, eager: bool) -> dict[str, object]:
    sources = {dimensions(photo, size)[0]: address for size, address in addresses.items()}
    return {
        "photo": photo,
        "sizes": sizes,
        "eager": eager,
        "source": addresses["feed"],
        "srcset": ", ".join(f"{address} {width}w" for width, address in sorted(sources.items())),
    }


@register.simple_tag
def square_round(box: list[float], photo: Photo) -> dict[str, float]:
    """The square round a face box, px of the original, inside the photo where it fits: x, y, side."""
    x0, y0, x1, y1 = box
    longer = max(x1 - x0, y1 - y0)
    side = min(longer * (1 + 2 * CROP_MARGIN), photo.width, photo.height)
    x = min(max((x0 + x1 - side) / 2, 0), photo.width - side)
    y = min(max((y0 + y1 - side) / 2, 0), photo.height - side)
    return {"x": round(x, 1), "y": round(y, 1), "side": round(side, 1)}


@register.simple_tag
def box_size(box: list[float]) -> dict[str, float]:
    x0, y0, x1, y1 = box
    return {"x": round(x0, 1), "y": round(y0, 1), "width": round(x1 - x0, 1), "height": round(y1 - y0, 1)}


@register.simple_tag
def crop_size(region: FaceRegion) -> dict[str, int]:
    width, height = crop_dimensions(region)
    return {"width": width, "height": height}


@register.simple_tag(takes_context=True)
def full_image(context: Context, photo: Photo) -> dict[str, object]:
    """The largest picture there is of the photo, for the lightbox: address and size in px."""
    width, height = dimensions(photo, "full")
    address = gate(context, "photo-image", photo.pk, "full", of=photo)
    return {"address": address, "width": width, "height": height}
