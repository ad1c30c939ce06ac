"""How fast photos go through a device: against how many at once, against the CPU, and against the arithmetic alone.

The floor is what the networks' multiplications would take at the rate of large matrix products on the same device:
nothing that runs these networks in this precision can be faster. Floating-point operations are counted by torch's
FlopCounterMode, a multiplication and an addition as two.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from mfmc_engine import parameters as P
from mfmc_engine.batching.launching import LAUNCHES
from mfmc_engine.detection.centerface import CenterFaceOn
from mfmc_engine.detection.turned import EveryWayUp
from mfmc_engine.engine import Engine
from mfmc_engine.fallback import release_memory
from mfmc_engine.recognition.dlib_resnet import DlibRecognizer
from mfmc_engine.types import Analysis, DecoyRequest, Image


@dataclass(frozen=True, slots=True)
class Throughput:
    """What ``batch`` photos at once come to. Seconds are of the whole batch, best of the repeats."""

    batch: int
    faces: int
    analyse_s: float
    decoys_s: float

    @property
    def photos_per_second(self) -> float:
        return self.batch / (self.analyse_s + self.decoys_s)

    @property
    def faces_per_second(self) -> float:
        """Swapped and verified, detection aside."""
        return self.faces / self.decoys_s


def report(photo: Image, engine: Engine, batches: Sequence[int], repeats: int) -> dict[str, Any]:
    """Everything ``benchmark speed`` says about a device, ready for JSON; the CPU is measured beside a card."""
    device = torch.device(engine.pack.device)
    curve = [throughput(photo, engine, batch, repeats) for batch in batches]
    best = max(curve, key=lambda point: point.photos_per_second)
    work, rates = operations(photo, engine), matmul_rates(device)
    floor = (work["analyse"] + work["decoys"]) / rates["float32"]
    found: dict[str, Any] = {
        "device": name(device),
        "precision": engine.pack.precision,
        "launch": engine.pack.launch,
        "stages_s": stages(photo, engine, repeats),
        "batches": [
            {
                **asdict(point),
                "photos_per_s": point.photos_per_second,
                "faces_per_s": point.faces_per_second,
            }
            for point in curve
        ],
        "operations": work,
        "matmul_operations_per_s": rates,
        "floor_s_per_photo": floor,
        "share_of_floor": floor * best.photos_per_second,
    }
    if device.type == "cuda":
        found["peak_device_memory_mb"] = torch.cuda.max_memory_allocated(device) / 2**20
        beside = throughput(photo, Engine(engine.pack.name, "cpu", 2), 1, max(1, repeats // 2))
        found["launches"] = launches(photo, engine, sorted({1, best.batch}), repeats)
        found["cpu_photos_per_s"] = beside.photos_per_second
        found["faster_than_cpu"] = best.photos_per_second / beside.photos_per_second
    return found


def launches(
    photo: Image, engine: Engine, batches: Sequence[int], repeats: int, ways: Sequence[str] = LAUNCHES
) -> list[dict[str, Any]]:
    """Photos a second for every way of launching the builtin networks (batching/launching.py), eager first; ``pays``
    where it is LAUNCH_PAYS times eager's. The first run, which captures or compiles, is not in it.
    """
    rates: dict[tuple[str, int], float] = {}
    for way in ways:
        pack = engine.pack
        other = Engine(pack.name, pack.device, pack.threads, pack.precision, way)
        for batch in batches:
            rates[way, batch] = throughput(photo, other, batch, repeats).photos_per_second
        del other
        release_memory()
    return [
        {
            "launch": way,
            "batch": batch,
            "photos_per_s": rate,
            "times_eager": rate / rates["eager", batch],
            "pays": way != "eager" and rate >= P.LAUNCH_PAYS * rates["eager", batch],
        }
        for (way, batch), rate in rates.items()
    ]


def bars(found: dict[str, Any]) -> list[tuple[str, float, float, bool]]:
    """(what, figure, bar, met) of a card's report, see parameters.DEVICE_BARS."""
    figures = {
        "photos a second, analyse and decoys": max(b["photos_per_s"] for b in found["batches"]),
        "faces a second, swap and verify": max(b["faces_per_s"] for b in found["batches"]),
        "times the CPU": found.get("faster_than_cpu", 0.0),
    }
    return [(what, figures[what], bar, figures[what] >= bar) for what, bar in P.DEVICE_BARS.items()]


def throughput(photo: Image, engine: Engine, batch: int, repeats: int) -> Throughput:
    """``batch`` photos like this one through ``engine``, in lockstep, on its device from the start."""
    photos = [engine.pack.upload(picture) for picture in variants(photo, batch)]
    before, engine.runner.at_once = engine.runner.at_once, batch
    try:
        analyses = engine.analyze_many(photos)  # also warms up
        engine.make_decoys_many(photos, _requests(analyses, 0))
        analyse = min(seconds(engine, lambda: engine.analyze_many(photos)) for _ in range(repeats))
        decoys = min(
            seconds(engine, lambda r=run: engine.make_decoys_many(photos, _requests(analyses, r)))  # type: ignore[misc]
            for run in range(1, repeats + 1)
        )
    finally:
        engine.runner.at_once = before
    return Throughput(batch, sum(len(analysis.faces) for analysis in analyses), analyse, decoys)


def variants(photo: Image, count: int) -> list[Image]:
    """Photos of the same people that no two are alike: cut a little differently, every other one mirrored."""
    cuts = [photo[2 * (i % 8) :, 2 * (i // 8) :] for i in range(count)]
    return [np.ascontiguousarray(cut[:, ::-1] if i % 2 else cut) for i, cut in enumerate(cuts)]


def stages(photo: Image, engine: Engine, repeats: int) -> dict[str, float]:
    """Seconds of the steps of one photo alone, median; each waits for the device to finish."""
    pack, pixels = engine.pack, engine.pack.upload(photo)
    detections = pack.detector.detect(pixels)
    points = np.stack([detection.points for detection in detections])
    marks = pack.landmarker.mark(pixels, points)
    chips = pack.recognizer.chips(pixels, marks)
    analysis = engine.analyze(pixels)
    jobs: dict[str, Callable[[int], object]] = {
        "upload": lambda run: pack.upload(photo),
        "detect": lambda run: pack.detector.detect(pixels),
        "landmarks": lambda run: pack.landmarker.mark(pixels, points),
        "chips": lambda run: pack.recognizer.chips(pixels, marks),
        "embed": lambda run: pack.recognizer.embed_chips(chips),
        "decoys": lambda run: engine.make_decoys(pixels, _requests([analysis], run)[0]),
    }
    return {
        stage: float(np.median([seconds(engine, lambda j=job, r=run: j(r)) for run in range(repeats)]))  # type: ignore[misc]
        for stage, job in jobs.items()
    }


def operations(photo: Image, engine: Engine) -> dict[str, float]:
    """Floating-point operations of the convolutions and matrix products for one photo alone."""
    pixels = engine.pack.upload(photo)  # alone it runs in this thread, the only one that the counter sees
    with _all_in_torch(engine):
        with FlopCounterMode(display=False) as analysing:
            analysis = engine.analyze(pixels)
        with FlopCounterMode(display=False) as replacing:
            engine.make_decoys(pixels, _requests([analysis], 1)[0])
    return {
        "analyse": float(analysing.get_total_flops()),
        "decoys": float(replacing.get_total_flops()),
        "faces": float(len(analysis.faces)),
    }


@contextmanager
def _all_in_torch(engine: Engine) -> Iterator[None]:
    """The counter sees what torch does, so nothing that has its network in torch, too, must run in ONNX Runtime."""
    detector, recognizer = engine.pack.detector, engine.pack.recognizer
    networks = [detector.search.centerface.network] if isinstance(detector, EveryWayUp) else []
    both = [one for one in (*networks, recognizer) if isinstance(one, CenterFaceOn | DlibRecognizer)]
    before = [one.graph for one in both]
    for one in both:
        one.graph = None
    try:
        yield
    finally:
        for one, graph in zip(both, before, strict=True):
            one.graph = graph


def matmul_rates(device: torch.device) -> dict[str, float]:
    """Operations a second of large square matrix products, by precision, best of a few."""
    side = P.MATMUL_SIDE if device.type == "cuda" else P.MATMUL_SIDE_CPU
    rates = {}
    for label, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        a = torch.randn(side, side, device=device).to(dtype)
        taken = []
        for _ in range(P.MATMUL_REPEATS):
            _wait(device)
            start = time.perf_counter()
            torch.mm(a, a)
            _wait(device)
            taken.append(time.perf_counter() - start)
        rates[label] = 2 * side**3 / min(taken[1:])
    return rates


def seconds(engine: Engine, job: Callable[[], object]) -> float:
    """Wall time of a job until the device has finished it."""
    device = torch.device(engine.pack.device)
    _wait(device)
    start = time.perf_counter()
    job()
    _wait(device)
    return time.perf_counter() - start


def name(device: torch.device) -> str:
    """What the device is called, for the record."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    models = [line for line in _cpu_info() if line.startswith("model name")]
    model = models[0].partition(":")[2].strip() if models else platform.processor() or platform.machine()
    return f"{model}, {torch.get_num_threads()} threads"


def _cpu_info() -> list[str]:
    info = Path("/proc/cpuinfo")
    return info.read_text("utf-8").splitlines() if info.exists() else []


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _requests(analyses: Sequence[Analysis], run: int) -> list[list[DecoyRequest]]:
    """A fresh seed a run: a lucky draw of donors that pass at once must not stand for all."""
    return [
        [DecoyRequest(face, b"%d-%d-%d" % (run, n, i)) for i, face in enumerate(analysis.faces)]
        for n, analysis in enumerate(analyses)
    ]
