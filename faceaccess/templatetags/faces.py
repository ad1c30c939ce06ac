"""Pictures through the gate: the only way a template names a photo's pixels."""

from __future__ import annotations

from django import template
from django.urls import reverse

from faceaccess.models import FaceRegion
from faceaccess.renditions import SIZES, crop_dimensions, dimensions
from faceaccess.wording import rule_sentence
from photos.models import Photo

register = template.Library()
register.filter(rule_sentence)

CROP_MARGIN = 0.35  # of the face's longer side, so that a crop shows a head and not a mask


@register.inclusion_tag("photos/parts/image.html")
def photo_image(photo: Photo, sizes: str, *, eager: bool = False) -> dict[str, object]:
    """An img with reserved ratio; ``sizes`` is the HTML attribute (how wide the picture will be drawn)."""
    sources = {dimensions(photo, size)[0]: reverse("photo-image", args=[photo.pk, size]) for size in SIZES}
    return {
        "photo": photo,
        "sizes": sizes,
        "eager": eager,
        "source": reverse("photo-image", args=[photo.pk, "feed"]),
        "srcset": ", ".join(f"{address} {width}w" for width, address in sorted(sources.items())),
    }


@register.inclusion_tag("photos/parts/image.html")
def photo_image_as(photo: Photo, who: str, sizes: str) -> dict[str, object]:
    """The same picture with one's own face as ``who`` (faceaccess.seeing) gets it."""

    def address(size: str) -> str:
        return reverse("photo-image-as", args=[photo.pk, who, size])

    sources = {dimensions(photo, size)[0]: address(size) for size in SIZES}
    return {
        "photo": photo,
        "sizes": sizes,
        "eager": True,
        "source": address("feed"),
        "srcset": ", ".join(f"{source} {width}w" for width, source in sorted(sources.items())),
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


@register.simple_tag
def full_image(photo: Photo) -> dict[str, object]:
    """The largest picture there is of the photo, for the lightbox: address and size in px."""
    width, height = dimensions(photo, "full")
    return {"address": reverse("photo-image", args=[photo.pk, "full"]), "width": width, "height": height}
