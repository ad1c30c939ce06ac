"""Photos as they come: turned and tilted faces by gated extra passes, large photos in tiles.

One search finds upright faces (roughly +-30 degrees). Other orientations cost a pass each, so they are first looked for
coarsely, among large faces; only an orientation in which that finds something sure and new, or more sure faces than
there were, gets a full pass. Where hardly anybody is sure, they are looked for less coarsely, and by closer looks: who
is behind something is nowhere sure. Where most faces of a photo share a tilt, the photo is searched once more turned by
just that, twice if the second look shows it to be larger; where hardly anybody is sure, halfway between the quarter
turns, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from mfmc_engine.detection import Detection
from mfmc_engine.detection.candidates import Candidates
from mfmc_engine.detection.looks import log_odds
from mfmc_engine.detection.pyramid import Pyramid
from mfmc_engine.detection.search import Effort, Search
from mfmc_engine.detection.tiles import search_tiles
from mfmc_engine.geometry import invert, overlap
from mfmc_engine.parameters import (
    APART_OVERLAP,
    COLD_HEAT,
    DIAGONAL_ROLL,
    DOUBTFUL_SCALE,
    DUPLICATE_OVERLAP,
    FACE_SCORE,
    LOCATE_MARGIN,
    SEARCH_SCALE,
    SETTLED_SCORE,
    SURE_SCORE,
    TILT_KEPT,
    TILT_PASSES,
    TILT_SMALLEST,
    TILT_SMALLEST_DOUBTFUL,
    TILT_SPREAD,
    TURNED_LOG_ODDS,
    TURNED_SCALE,
    TURNED_SCORE,
    TURNED_SIDE,
    UNCLEAR_SHARE,
    UNCLEAR_SURE,
    WORKING_PIXELS,
)
from mfmc_engine.resampling import Picture, shrink_to_pixels
from mfmc_engine.types import FloatArray

FULL: Final = Effort(least_heat=COLD_HEAT, hidden=True)
QUARTERS: Final = (90.0, 180.0, 270.0)  # degrees, counter-clockwise turns of the picture
DIAGONALS: Final = (45.0, 315.0)


class EveryWayUp:
    """The detector of the builtin pack."""

    def __init__(self, folder: Path, device: str = "cpu", launch: str = "eager") -> None:
        self.search = Search(folder, device, launch)

    def detect(self, image: Picture) -> list[Detection]:
        """The faces of an (H, W, 3) uint8 RGB picture in every orientation, best score first.

        Boxes end at the picture's border; scores are the share of faces among windows like this one (see ``fit``).
        """
        pyramid = self._pyramid(image)
        found = self._in(pyramid)
        scale = _scale(image, pyramid)
        found = Candidates(found.boxes * np.tile(scale, 2), found.scores, found.points * scale)
        if len(pyramid.images[0]) < len(image):
            for degrees in ways_up(found):
                found = search_tiles(self.search, image, found, float(scale.max()), degrees)
        size = np.array(image.shape[1::-1], np.float32)
        boxes = np.clip(found.boxes, 0, np.tile(size, 2)).astype(np.float32)
        faces = zip(boxes, found.scores, found.points, strict=True)
        return [Detection(box, float(score), points) for box, score, points in faces]

    def locate(self, image: Picture, boxes: FloatArray) -> list[Detection]:
        """The five points of faces known to be in (N, 4) boxes, whatever their orientation."""
        return [Detection(box, 1.0, self._points_in(image, box)) for box in boxes]

    def _points_in(self, image: Picture, box: FloatArray) -> FloatArray:
        """(5, 2) points of the face in one (4,) box, looked for around it at the photo's own resolution."""
        margin = float((box[2:] - box[:2]).max()) * LOCATE_MARGIN
        height, width = image.shape[:2]
        x0, y0 = (max(0, int(edge - margin)) for edge in box[:2])
        x1, y1 = (
            min(end, int(np.ceil(edge + margin))) for edge, end in zip(box[2:], (width, height), strict=True)
        )
        around = image[y0:y1, x0:x1]
        pyramid = self._pyramid(around)
        scale, corner = _scale(around, pyramid), np.array([x0, y0], np.float32)
        inside = (box - np.tile(corner, 2)) / np.tile(scale, 2)
        points = self.search.points_in(pyramid, np.asarray(inside[None], np.float32))[0]
        return np.asarray(points * scale + corner, np.float32)

    def _pyramid(self, image: Picture) -> Pyramid:
        return Pyramid.of(shrink_to_pixels(image, WORKING_PIXELS), self.search.device)

    def _in(self, pyramid: Pyramid) -> Candidates:
        """The faces of a pyramid, in its px."""
        turned = [pyramid.turned(degrees) for degrees in QUARTERS]
        # all at once, so that cores can share them out
        looks = [(pyramid, FULL), *((quarter, _coarse(pyramid)) for quarter in turned)]
        upright, *proposed = self.search.propose(looks)
        evidence = self.search.evidence(pyramid, upright)
        found = evidence.judged()
        for quarter, coarse in zip(turned, proposed, strict=True):
            found = self._with_turned(quarter, coarse, found)
        finer = _coarse(pyramid, DOUBTFUL_SCALE)
        if _hardly_sure(found) and finer != _coarse(pyramid):  # somebody small, or behind something
            proposed = self.search.propose([(quarter, finer) for quarter in turned])
            for quarter, half in zip(turned, proposed, strict=True):
                found = self._with_turned(quarter, half, found)
        searched = [0.0, *QUARTERS]
        if _is_unclear(found, searched):  # nobody, or everybody stands between the quarter turns
            for degrees in DIAGONALS:
                diagonal = pyramid.turned(degrees)
                again = self._run(diagonal, finer, found)
                # whoever is behind something is never sure, and stays
                found = _weighed(found, again, TURNED_SCORE if _any_sure(found) else FACE_SCORE)
            searched += DIAGONALS
        if _hardly_sure(found):
            found = self._with_warmest([(pyramid, upright), *zip(turned, proposed, strict=True)], found)
        tilted = self._tilted(pyramid, found, searched)
        if tilted is not None:
            return tilted
        for degrees in _between(found):
            found = _with(found, self._run(pyramid.turned(degrees), _coarse(pyramid), found))
        if _upright(found):  # else the pass in which most stand upright has looked closer
            found = found.joined(self.search.hidden(pyramid, evidence, found.boxes))
        return found

    def _tilted(self, pyramid: Pyramid, found: Candidates, searched: list[float]) -> Candidates | None:
        """The faces read anew, turned upright by what most of them share; nothing if they share no tilt.

        ``searched``: degrees by which the picture was turned to find the faces so far.
        """
        read = None
        for _ in range(TILT_PASSES):
            degrees, is_main = tilt(found, searched)
            if not is_main:
                break
            again = self._run(pyramid.turned(degrees), FULL, found)
            if _mostly_sure(found):
                read = found = _replacing(found, again)
            else:  # what doubtful faces say of the tilt has to prove true, and costs fewer of them
                read = found = _weighed(found, again, TILT_KEPT)
            searched = [*searched, degrees]
        return read

    def _with_turned(self, turned: Pyramid, coarse: Candidates, known: Candidates) -> Candidates:
        """The known faces and those of one more orientation: what a coarse look proposed, then a full pass if there are
        new ones that are sure, or more sure ones than were known."""
        found = self.search.evidence(turned, coarse, _settled(known, turned)).judged()
        found = found.moved(invert(turned.transform))
        found = found.take(found.scores >= TURNED_SCORE)
        if not _has_new(found, known) and len(found) <= (known.scores >= TURNED_SCORE).sum():
            return _with(known, found)
        return _weighed(known, self._run(turned, FULL, known))

    def _with_warmest(self, ways: Sequence[tuple[Pyramid, Candidates]], known: Candidates) -> Candidates:
        """The known faces, most of which are in doubt, and those of a quarter turn in which closer looks see more.

        Who is behind something is nowhere sure, and still the right way up is told from the wrong ones. ``ways``: the
        picture as it is and what a full pass proposed, then each turn of it and what a coarse pass did.
        """
        upright, *turned = ways
        warm = [way for way, coarse in turned if self.search.warmth(way, coarse)]
        if not warm:
            return known
        proposed = self.search.propose([(way, FULL) for way in warm])
        full = [upright, *zip(warm, proposed, strict=True)]
        way, windows = max(full, key=lambda one: self.search.warmth(*one))
        if way is upright[0]:
            return known
        found = self.search.judged(way, windows, FULL, _settled(known, way))
        return _replacing(known, found.moved(invert(way.transform)), TILT_KEPT)

    def _run(self, turned: Pyramid, effort: Effort, known: Candidates) -> Candidates:
        """What one orientation shows beside settled faces, in px of the upright pyramid."""
        return self.search.run(turned, effort, _settled(known, turned)).moved(invert(turned.transform))


def tilt(found: Candidates, searched: Sequence[float] = (0.0, *QUARTERS)) -> tuple[float, bool]:
    """Degrees by which the picture must be turned counter-clockwise for most faces to stand upright.

    And whether there are such: most of the faces, alike, and so far off the orientations ``searched`` (degrees) that
    some are missed there. With ``False`` the degrees mean nothing. Doubtful faces count by their scores: of people
    who lean too far only those are sure who lean least.
    """
    if not len(found):
        return 0.0, False
    roll, weights = _rolls(found), found.scores.astype(np.float64)
    apart = _apart(roll[:, None], roll)
    middle = (weights @ apart).argmin()  # the circular median
    alike = apart[middle] <= TILT_SPREAD
    smallest = TILT_SMALLEST if _mostly_sure(found) else TILT_SMALLEST_DOUBTFUL
    off = _apart(roll[middle], np.array(searched)).min()
    return float(roll[middle]), bool(weights[alike].sum() > weights.sum() / 2 and off >= smallest)


def _settled(known: Candidates, turned: Pyramid) -> FloatArray:
    """(M, 4) boxes of the faces that are not looked at again, in px of one orientation."""
    return known.take(known.scores >= SETTLED_SCORE).moved(turned.transform).boxes


def _upright(found: Candidates) -> bool:
    """Whether most faces, by their scores, stand more upright than otherwise, or there are none."""
    upright = _apart(_rolls(found), np.zeros(1)) <= 45
    return bool(2 * found.scores[upright].sum() >= found.scores.sum())


def ways_up(found: Candidates) -> list[float]:
    """Degrees by which a photo is turned to be searched in tiles: as most people stand, or any way where hardly
    anybody is sure."""
    if _hardly_sure(found):
        return [0.0, *QUARTERS]
    degrees, is_main = tilt(found, (0.0,))
    quarter = 90.0 * round(degrees / 90)
    return [quarter % 360 if abs(degrees - quarter) < TILT_SMALLEST else degrees] if is_main else [0.0]


def _mostly_sure(found: Candidates) -> bool:
    return bool(2 * (found.scores >= SURE_SCORE).sum() > len(found))


def _hardly_sure(found: Candidates) -> bool:
    """Whether few are sure or nobody is; of some people who stand on their heads the networks are sure."""
    sure = (found.scores >= SURE_SCORE).sum()
    return bool(sure <= UNCLEAR_SHARE * len(found) or (sure <= UNCLEAR_SURE and 2 * sure <= len(found)))


def _any_sure(found: Candidates) -> bool:
    return bool((found.scores >= SURE_SCORE).any())


def _is_unclear(found: Candidates, searched: Sequence[float]) -> bool:
    """Whether nobody is sure, or few are and no tilt explains that: a face between two passes is misread by both."""
    if not _any_sure(found):
        return True
    return _hardly_sure(found) and not tilt(found, searched)[1]


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smaller angle between two directions, degrees."""
    return np.asarray(np.abs((a - b + 180) % 360 - 180))


def _between(found: Candidates) -> list[float]:
    """Orientations between the quarter turns in which some sure faces stand, in degrees.

    A face there is found by the passes on both sides, or one, or none: where one was found others may be missed.
    """
    roll = _rolls(found.take(found.scores >= SURE_SCORE))
    nearest = (roll // 90) * 90 + 45
    return [float(degrees) for degrees in np.unique(nearest[np.abs(roll - nearest) <= 45 - DIAGONAL_ROLL])]


def _rolls(found: Candidates) -> np.ndarray:
    """(N,) clockwise turn of each face, degrees in [0, 360)."""
    eyes = found.points[:, 1] - found.points[:, 0]
    return np.asarray(np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0])) % 360)


def _coarse(pyramid: Pyramid, scale: float = TURNED_SCALE) -> Effort:
    """A look at large faces, those of a small picture included."""
    return Effort(min(SEARCH_SCALE, max(scale, TURNED_SIDE / float(pyramid.size.min()))))


def _scale(image: Picture, pyramid: Pyramid) -> FloatArray:
    """Pixels of the picture per pixel of its pyramid, x and y."""
    return np.asarray(np.array(image.shape[1::-1], np.float32) / pyramid.size, np.float32)


def _has_new(found: Candidates, known: Candidates) -> bool:
    common = overlap(found.boxes, known.boxes, smaller=True)
    return bool((common.max(1, initial=0) < DUPLICATE_OVERLAP).any())


def _weighed(known: Candidates, found: Candidates, least: float = TURNED_SCORE) -> Candidates:
    """Both; which of them need to be sure (the known ones at ``least``) is decided by where more faces are."""
    if found.scores.sum() > known.scores.sum():
        return _replacing(known, found, least)
    return _with(known, found)


def _replacing(known: Candidates, found: Candidates, least: float = TURNED_SCORE) -> Candidates:
    """Both, where most faces stand as in ``found``: now it is the earlier readings that need to be sure.

    Those of a score of ``least`` stay as well where nobody was found anew: near a face they are misreadings of it.
    """
    near = overlap(known.boxes, found.boxes, smaller=True).max(1, initial=0) > APART_OVERLAP
    kept = (known.scores >= TURNED_SCORE) | ((known.scores >= least) & ~near)
    return found.merged(known.take(kept), DUPLICATE_OVERLAP)


def _with(known: Candidates, found: Candidates) -> Candidates:
    """The known faces and the sure ones among a turned pass's."""
    found = found.take(found.scores >= TURNED_SCORE)
    return known.merged(found.take(_surer(found, known)), DUPLICATE_OVERLAP)


def _surer(turned: Candidates, known: Candidates) -> np.ndarray:
    """Which turned readings stand, as a mask: of new faces, or of clearly better odds than the known reading.

    The networks read some upright faces upside down as well, with a slightly better score and its points all wrong.
    """
    same = overlap(turned.boxes, known.boxes, smaller=True) > DUPLICATE_OVERLAP
    rival = np.where(same, log_odds(known.scores), -np.inf).max(1, initial=-np.inf)
    return np.asarray(log_odds(turned.scores) > rival + TURNED_LOG_ODDS, bool)
