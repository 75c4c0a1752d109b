"""The errors that people see, each a sentence that says what happened and what to do, and the map to them.

PlaygroundError
  x BadRequest        a field's value cannot be used; names the field
  x Busy              too much is waiting already
  x NotInstalled      the model must be downloaded first, or a package is missing
  x ModelBroken       the model's files cannot be read
  x OutOfMemory       it does not fit into the memory that is there
  x NoNetwork         the hub cannot be reached
  x Unexpected        everything else; the details are in the log, never on the page
"""

from __future__ import annotations


class PlaygroundError(Exception):
    """An error for people: `str(error)` is the sentence to show."""


class BadRequest(PlaygroundError):
    """A value that cannot be used. field: the request's field, or "" where no single one is to blame."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Busy(PlaygroundError):
    """More runs are waiting than this machine takes."""


class NotInstalled(PlaygroundError):
    """The model's files or a package that it needs are not on this machine."""


class ModelBroken(PlaygroundError):
    """The model's files are there but cannot be read."""


class OutOfMemory(PlaygroundError):
    """The run or the model does not fit."""


class NoNetwork(PlaygroundError):
    """The hub cannot be reached."""


class Unexpected(PlaygroundError):
    """Something that nobody foresaw."""


FOREIGN: dict[str, tuple[type[PlaygroundError], str]] = {
    "OutOfMemoryError": (OutOfMemory, "{model} ran out of memory. Choose a smaller size or fewer results and try again."),
    "MemoryError": (OutOfMemory, "{model} ran out of memory. Choose a smaller size or fewer results and try again."),
    "GatedRepoError": (
        NotInstalled, "{model} must be unlocked by its maker first. Open its page on the hub and accept the terms."
    ),
    "RepositoryNotFoundError": (NotInstalled, "{model} was not found on the hub. Choose another model."),
    "LocalEntryNotFoundError": (
        NotInstalled,
        "{model} is not on this machine and the model hub cannot be reached."
        " Connect to a network, or choose another model.",
    ),
    "OfflineModeIsEnabled": (NotInstalled, "{model} is not on this machine and downloads are off. Choose a starter model."),
    "ConnectError": (NoNetwork, "The model hub cannot be reached. Check the network, or choose a starter model."),
    "ConnectTimeout": (NoNetwork, "The model hub does not answer. Check the network, or choose a starter model."),
    "TransportError": (NoNetwork, "The link to the model hub broke. Check the network, or choose a starter model."),
    "ConnectionError": (NoNetwork, "The model hub cannot be reached. Check the network, or choose a starter model."),
    "SafetensorError": (ModelBroken, "{model} has a damaged file. Delete its folder and get it again."),
    "JSONDecodeError": (ModelBroken, "{model} has a damaged file. Delete its folder and get it again."),
    "DecompressionBombError": (BadRequest, "This picture is too large to open. Use one of at most 25 megapixels."),
    "UnidentifiedImageError": (BadRequest, "This file is not a picture that can be read. Use a PNG, JPEG or WebP file."),
    "ImportError": (NotInstalled, "{model} needs a package that is not installed. Choose another model."),
    "ModuleNotFoundError": (NotInstalled, "{model} needs a package that is not installed. Choose another model."),
}


def explain(error: BaseException, *, model: str = "The model") -> PlaygroundError:
    """The sentence for any exception, found by class name so that no library must be imported to know it.

    A foreign error's own text is looked at only for out-of-memory and missing-file signs and is never shown: it may
    hold paths. A PlaygroundError comes back as it is.
    """
    if isinstance(error, PlaygroundError):
        return error
    for kind in type(error).__mro__:
        if kind.__name__ in FOREIGN:
            made, sentence = FOREIGN[kind.__name__]
            return made(sentence.format(model=model))
    text = str(error).lower()
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
    if any(sign in text for sign in signs):
        made, sentence = FOREIGN["OutOfMemoryError"]
        return made(sentence.format(model=model))
    if isinstance(error, OSError) and ("no space left" in text or getattr(error, "errno", None) == 28):
        return Unexpected("The disk is full. Free some space and try again.")
    if isinstance(error, OSError) and ("cached" in text or "local_files_only" in text or "offline" in text):
        made, sentence = FOREIGN["LocalEntryNotFoundError"]
        return made(sentence.format(model=model))
    if isinstance(error, OSError) and "file named" in text:
        return NotInstalled(f"{model} is incomplete on this machine. Delete its folder and get it again.")
    return Unexpected(f"{model} stopped because of a fault that was not foreseen. Try again, or choose another model.")
