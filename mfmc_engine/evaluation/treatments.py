"""What is done to a face before it is judged: nothing, what platforms do by hand, or a decoy."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Literal

import cv2
import numpy as np

from mfmc_engine import parameters as P
from mfmc_engine import replacement
from mfmc_engine.donors.candidates import candidates
from mfmc_engine.engine import Engine
from mfmc_engine.errors import EngineError
from mfmc_engine.evaluation.cache import file_version
from mfmc_engine.evaluation.structure import mask_of
from mfmc_engine.guarantee import Thresholds
from mfmc_engine.packs import missing, sources, store
from mfmc_engine.types import Decoy, DecoyRequest, Face, FloatArray, Gallery, Image, Selection

BASELINES = ("none", "blur", "pixelate", "blackbox")
SWAPPERS = ("mesh", "neural", "neural-sampled", "inswapper_128")  # what ablations try; some need weights
Kind = Literal["none", "blur", "pixelate", "blackbox", "context", "decoy"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One treatment of every probe. ``context`` blanks what ``of`` replaces, and leaves all around it."""

    name: str
    kind: Kind
    swapper: str = "mesh"
    selection: Selection = "random"
    preferred: float | None = None  # Euclidean; None: the engine's own
    apart: bool = True  # as the site does: a person's next decoy is drawn unlike those in earlier photos
    draw: int = 0  # another decoy of the same face under another seed

    def key(self) -> str:
        """All that matters, as text."""
        return repr({k: v for k, v in sorted(asdict(self).items()) if k != "name"})


def baseline(name: str) -> Arm:
    """A baseline by name. Raises EngineError for an unknown one."""
    if name not in BASELINES:
        raise EngineError(f"--baselines: {name!r} is none of {', '.join(BASELINES)}")
    return Arm(name, name)  # type: ignore[arg-type]


def decoy_seed(seed: int, name: str, draw: int) -> bytes:
    """The seed of one face's decoy: unrelated from picture to picture."""
    return hashlib.sha256(f"{seed}\n{name}\n{draw}".encode()).digest()


def make_engine(swapper: str, device: str) -> Engine:
    """An engine of builtin parts with that swapper. Raises EngineError if there is none, or its weights are missing."""
    absent = missing(pack_name(swapper))
    if absent:
        how = store.how_to_get(absent[0].source)
        raise EngineError(f"--swapper {swapper}: weights missing ({absent[0].weights.file}): {how}")
    return Engine(pack_name(swapper), device=device, threads=1)


def pack_name(swapper: str) -> str:
    """The pack that differs from the builtin one in its swapper only."""
    return "builtin" if swapper == "mesh" else f"builtin+swapper={swapper}"


def weights_version(swapper: str) -> str:
    """A digest of weights that are made here and so may change; what is downloaded never does."""
    made = [source for source in sources(pack_name(swapper)) if source.made]
    paths = [check.path for source in made for check in store.check(source, thorough=False) if check.path]
    return file_version(*paths) if paths else ""


def swappers(device: str) -> tuple[dict[str, Engine], dict[str, str]]:
    """Every swapper that can run here, and of the others why not."""
    usable, skipped = {}, {}
    for name in SWAPPERS:
        try:
            usable[name] = make_engine(name, device)
        except EngineError as error:
            skipped[f"swapper {name}"] = str(error)
    return usable, skipped


def make_decoy(engine: Engine, image: Image, face: Face, arm: Arm, seed: bytes, earlier: FloatArray) -> Decoy:
    """The decoy that ``arm`` asks for; ``earlier`` (N, D) are views of the person's decoys in other photos."""
    requests = [DecoyRequest(face, seed, earlier)]
    if arm.preferred is None:
        return engine.make_decoys(image, requests, selection=arm.selection)[0]
    # Ablations only: the engine's own promise is not an option of its public interface.
    thresholds = Thresholds(original=arm.preferred - P.EVAL_MARGIN, preferred=arm.preferred)
    donors = candidates(image, Gallery(), thresholds, arm.selection, engine.pack)
    return replacement.make_decoys(engine.pack, image, requests, Gallery(), donors, thresholds)[0]


def hide_by_hand(image: Image, box: np.ndarray, kind: Kind) -> Image:
    """A copy of ``image`` with the ``box`` (x0, y0, x1, y1 px) blurred, pixelated or blackened."""
    height, width = image.shape[:2]
    x0, y0, x1, y1 = np.round(np.clip(box, 0, [width, height, width, height])).astype(int)
    result = image.copy()
    region = image[y0:y1, x0:x1]
    side = max(region.shape[:2])
    if kind == "blur":
        # blurred before it is cut out, as tools do: the surroundings bleed in
        blurred = cv2.GaussianBlur(image, (0, 0), P.EVAL_BLUR_SIGMA * side)
        result[y0:y1, x0:x1] = blurred[y0:y1, x0:x1]
    elif kind == "pixelate":
        cells = [max(1, round(P.EVAL_PIXELS * length / side)) for length in region.shape[1::-1]]
        coarse = cv2.resize(region, cells, interpolation=cv2.INTER_AREA)
        result[y0:y1, x0:x1] = cv2.resize(coarse, region.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    elif kind == "blackbox":
        result[y0:y1, x0:x1] = 0
    return result


def blank(image: Image, decoy: Decoy) -> Image:
    """A copy of ``image`` with every pixel that ``decoy`` touches grey: all that is left is context."""
    result = image.copy()
    result[mask_of(decoy, image.shape) > 0] = image.mean((0, 1)).astype(np.uint8)
    return result
