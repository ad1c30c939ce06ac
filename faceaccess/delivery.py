"""A finished picture as an HTTP answer: whole, in part, or the word that the asker has it already.

Called after the permission check only, so nobody learns from a validator what they may not see. RFC 9110: conditions
(13) come before ranges (14); a range is for GET, one at a time, and void when If-Range names another picture.
"""

from __future__ import annotations

import re

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response

from faceaccess.renditions import Rendition

# One range, from and to: "0-99", "100-" or the last bytes, "-50".
RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


def deliver(request: HttpRequest, made: Rendition) -> HttpResponse:
    """200, 206, 304, 412 or 416. Raises OSError if the file is not there any more."""
    size = made.path.stat().st_size
    response = HttpResponse(content_type=made.content_type)
    response["Content-Length"] = size
    response["ETag"] = made.etag
    response["Accept-Ranges"] = "bytes"
    # no-cache: a browser may keep it, but asks here before it shows it again. It does not ask when somebody goes back:
    # there the page, which is not kept, names what was changed since under another address (templatetags.faces.gate).
    response["Cache-Control"] = "private, no-cache"
    conditional = get_conditional_response(request, etag=made.etag, response=response)
    if conditional is not response or request.method == "HEAD":
        return conditional
    data = made.read()
    part = _part(request, made.etag, len(data))
    if part is None:
        response.content, response["Content-Length"] = data, len(data)
    elif len(part) == 0:
        response.status_code = 416
        response["Content-Range"], response["Content-Length"] = f"bytes */{len(data)}", 0
    else:
        response.status_code = 206
        response.content, response["Content-Length"] = data[part.start : part.stop], len(part)
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(data)}"
    return response


def _part(request: HttpRequest, etag: str, size: int) -> range | None:
    """The bytes asked for; an empty range if there are none such, None if the whole is to be sent."""
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or request.headers.get("If-Range", etag) != etag:
        return None
    first, last = asked.groups()
    if first:
        stop = min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None  # not a range at all
        return range(int(first), stop) if int(first) < size else range(0)
    if not last:
        return None
    return range(max(0, size - int(last)), size)
