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

from playground.wording import say


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


FOREIGN: dict[str, tuple[type[PlaygroundError], str]] = {  # the class name: what it becomes, and its sentence's key
    "OutOfMemoryError": (OutOfMemory, "errors.out_of_memory"),
    "MemoryError": (OutOfMemory, "errors.out_of_memory"),
    "GatedRepoError": (NotInstalled, "errors.gated"),
    "RepositoryNotFoundError": (NotInstalled, "errors.not_on_hub"),
    "LocalEntryNotFoundError": (NotInstalled, "errors.not_here"),
    "HfHubHTTPError": (NoNetwork, "errors.hub_refused"),
    "OfflineModeIsEnabled": (NotInstalled, "errors.downloads_off"),
    "ConnectError": (NoNetwork, "errors.no_connection"),
    "ConnectTimeout": (NoNetwork, "errors.no_answer"),
    "TransportError": (NoNetwork, "errors.link_broke"),
    "ConnectionError": (NoNetwork, "errors.no_connection"),
    "SafetensorError": (ModelBroken, "errors.damaged"),
    "JSONDecodeError": (ModelBroken, "errors.damaged"),
    "DecompressionBombError": (BadRequest, "errors.picture_too_large"),
    "UnidentifiedImageError": (BadRequest, "images.unreadable"),
    "ImportError": (NotInstalled, "errors.no_package"),
    "ModuleNotFoundError": (NotInstalled, "errors.no_package"),
}


def explain(error: BaseException, *, model: str = "") -> PlaygroundError:
    """The sentence for any exception, found by class name so that no library must be imported to know it.

    model: its title, where it is known. A foreign error's own text is looked at only for out-of-memory and missing-file
    signs and is never shown: it may hold paths. A PlaygroundError comes back as it is.
    """
    if isinstance(error, PlaygroundError):
        return error
    model = model or say("errors.the_model")
    for kind in type(error).__mro__:
        if kind.__name__ in FOREIGN:
            made, key = FOREIGN[kind.__name__]
            return made(say(key, model=model))
    text = str(error).lower()
    signs = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")
    if any(sign in text for sign in signs):
        return OutOfMemory(say("errors.out_of_memory", model=model))
    if isinstance(error, OSError) and ("no space left" in text or getattr(error, "errno", None) == 28):
        return Unexpected(say("errors.disk_full"))
    if isinstance(error, OSError) and ("cached" in text or "local_files_only" in text or "offline" in text):
        return NotInstalled(say("errors.not_here", model=model))
    if isinstance(error, OSError) and "file named" in text:
        return NotInstalled(say("errors.incomplete", model=model))
    return Unexpected(say("errors.unforeseen", model=model))
