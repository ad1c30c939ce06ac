"""Errors of the engine. Every message is one line, written for the person who gave the input."""


class EngineError(Exception):
    """Base of everything the engine raises on purpose."""


class InvalidInputError(EngineError, ValueError):
    """What was handed in is not what the engine works with: a picture of another shape, a box outside it, ..."""


class InvalidTypeError(EngineError, TypeError):
    """The same, where already the type is wrong: a file name for a picture, floating-point pixels, ..."""


class ImageRejectedError(EngineError):
    """The file is not an image the engine is willing to open (unknown format, truncated, too many pixels, ...)."""


class WeightsMissingError(EngineError):
    """A network's weights are not installed; the message says how to get them."""


class MissingDecoyError(EngineError):
    """A face must be hidden but has no decoy. Composing stops: the original is never the fallback."""


class DonorBankError(EngineError):
    """The donor bank is missing, incomplete or not what its checksums say."""
