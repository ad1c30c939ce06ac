"""One pack on one device: every network loads when it is first asked for, and stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor

from mfmc_engine.attributes.genderage import GenderAge
from mfmc_engine.batching.launching import LAUNCHES
from mfmc_engine.detection import Detector
from mfmc_engine.errors import EngineError
from mfmc_engine.landmarks import Landmarker
from mfmc_engine.landmarks.facemesh import FaceMesh
from mfmc_engine.packs import store
from mfmc_engine.packs.catalogue import DRAWN, MESH, NEURAL, SOURCES, Task
from mfmc_engine.recognition import Recognizer
from mfmc_engine.recognition.space import Space, space_of
from mfmc_engine.resampling import Picture
from mfmc_engine.swapping.inswapper import InSwapper
from mfmc_engine.swapping.swappers import NetworkSwapper, Swapper, mesh_swapper

T = TypeVar("T")
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
IN_TORCH = {"centerface", "dlib-68", "dlib-resnet", MESH}  # what works on a picture on the device


class Pack:
    """The networks of one recipe (see ``packs.RECIPES``): detector, landmarker, recogniser, attributes, swapper."""

    def __init__(
        self,
        name: str,
        recipe: Mapping[str, str],
        device: str = "cpu",
        threads: int = 2,
        precision: str = "float32",
        launch: str = "eager",
    ) -> None:
        """``precision``: of the builtin recogniser's convolutions (PRECISIONS); ``launch``: how the builtin networks'
        kernels are launched (LAUNCHES)."""
        if precision not in PRECISIONS:
            raise EngineError(f"unknown precision {precision!r}: use {', '.join(PRECISIONS)}")
        if launch not in LAUNCHES:
            raise EngineError(f"unknown way to launch networks {launch!r}: use {', '.join(LAUNCHES)}")
        if device != "cpu" and not device.startswith("cuda"):
            raise EngineError(f"unknown device {device!r}: use cpu or cuda")
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise EngineError(f"device {device!r} asked for, but this PyTorch sees no CUDA device")
        self.name = name
        self.recipe = dict(recipe)
        self.device = device
        self.threads = threads
        self.precision = precision
        self.launch = launch
        self._lock = RLock()
        self._loaded: dict[str, Any] = {}

    def upload(self, image: Picture) -> Picture:
        """The picture where this pack works on it: on an accelerator as a tensor, if its networks take one.

        ONNX graphs and what OpenCV prepares for them want pixels in main memory.
        """
        if self.device == "cpu" or not IN_TORCH.issuperset(self.recipe.values()):
            return image
        pixels = image if isinstance(image, Tensor) else torch.from_numpy(np.require(image, None, ["C", "W"]))
        return pixels.to(self.device)

    @property
    def detector(self) -> Detector:
        return self._once("detector", self._load_detector)

    @property
    def landmarker(self) -> Landmarker:
        return self._once("landmarker", self._load_landmarker)

    @property
    def face_mesh(self) -> FaceMesh:
        """A second opinion where landmarks are guesses, the same in every pack."""
        return self._once("face mesh", FaceMesh)

    @property
    def recognizer(self) -> Recognizer:
        return self._once("recognizer", lambda: self._load_recognizer(self.recipe["recognizer"]))

    @property
    def chooser(self) -> Recognizer:
        """What donors are chosen by: the bank's embeddings and the estimators are dlib's, whatever recognises."""
        if self.recipe["recognizer"] == "dlib-resnet":
            return self.recognizer
        return self._once("chooser", lambda: self._load_recognizer("dlib-resnet"))

    @property
    def gender_age(self) -> GenderAge | None:
        """A network for gender and age; None where they are read off the chooser's embedding."""
        source = self.recipe["attributes"]
        if source == "dlib-resnet":
            return None
        return self._once(
            "attributes", lambda: GenderAge(self._file("attributes"), self.device, self.threads)
        )

    @property
    def space(self) -> Space:
        """What distances between this pack's embeddings mean."""
        return space_of(self.recipe["recognizer"])

    @property
    def swapper(self) -> Swapper:
        """What puts a donor on a face."""
        if self.recipe["swapper"] == MESH:
            return mesh_swapper
        return self._once("swapper", self._load_swapper)

    @property
    def draws_identities(self) -> bool:
        """Whether decoys show identities drawn from the donors' distribution, instead of donors."""
        return self.recipe["swapper"] == DRAWN

    @property
    def identifier(self) -> Recognizer:
        """What gives inswapper a donor's identity: buffalo_l's recogniser, the only one it was trained with."""
        if self.recipe["recognizer"] == "buffalo_l":
            return self.recognizer
        return self._once("identifier", lambda: self._load_recognizer("buffalo_l"))

    def _once(self, name: str, load: Callable[[], T]) -> T:
        """The network of that name; two threads that ask at once get the same one."""
        with self._lock:
            if name not in self._loaded:
                # a worker shares its machine with others, so cap the pools before the first network runs
                torch.set_num_threads(self.threads)
                # OpenCV wakes its threads for pictures of 200 px, too, which takes a tenth of a swap
                cv2.setNumThreads(1)
                self._loaded[name] = load()
            found: T = self._loaded[name]
            return found

    def _file(self, task: Task) -> Path:
        source = SOURCES[self.recipe[task]]
        return store.find(source, source.of(task))

    def _load_detector(self) -> Detector:
        if self.recipe["detector"] == "centerface":
            from mfmc_engine.detection.turned import EveryWayUp

            return EveryWayUp(self._file("detector").parent, self.device, self.launch)
        from mfmc_engine.detection.scrfd import SCRFD

        return SCRFD(self._file("detector"), self.device, self.threads)

    def _load_landmarker(self) -> Landmarker:
        if self.recipe["landmarker"] == "dlib-68":
            if self.device != "cpu":
                from mfmc_engine.landmarks.torch68 import Torch68

                return Torch68(self._file("landmarker"), self.device)
            from mfmc_engine.landmarks.dlib68 import Dlib68

            return Dlib68(self._file("landmarker"))
        from mfmc_engine.landmarks.onnx68 import Onnx68

        return Onnx68(self._file("landmarker"), self.device, self.threads)

    def _load_swapper(self) -> Swapper:
        if self.recipe["swapper"] in (NEURAL.name, DRAWN):
            from mfmc_engine.swapping.neural import NeuralSwapper

            return NeuralSwapper(store.find(NEURAL, NEURAL.of("swapper")), self.device)
        network = InSwapper(self._file("swapper"), self.device, self.threads)
        return NetworkSwapper(network, self.identifier)

    def _load_recognizer(self, name: str) -> Recognizer:
        path = store.find(SOURCES[name], SOURCES[name].of("recognizer"))
        if name == "dlib-resnet":
            from mfmc_engine.recognition.dlib_resnet import DlibRecognizer

            return DlibRecognizer(path, self.device, PRECISIONS[self.precision], launch=self.launch)
        from mfmc_engine.recognition.arcface import ArcFace

        return ArcFace(path, self.device, self.threads)
