"""What an error says of its cause: a damaged file, the machine, or the program."""

import logging
import re
import sys

# Words that begin the messages of TensorStore and XLA.
STATUS = re.compile("([A-Z_]+): ")
DAMAGE = (
    "DATA_LOSS",
    "FAILED_PRECONDITION",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "OUT_OF_RANGE",
)
MACHINE = (
    "ABORTED",
    "DEADLINE_EXCEEDED",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED",
    "UNAVAILABLE",
    "UNKNOWN",
)
# How JAX words an error of a function that a compiled program calls on the host.
CALLED = re.compile(
    r"callback.*^UserError: (.+?)(?=\n-{5}|\Z)", re.DOTALL | re.MULTILINE
)
BESIDE = ("Encountered error while reading array", "Event loop is closed")


def root(error: BaseException) -> BaseException:
    """What an error was raised from, at the very first."""
    return root(error.__cause__) if error.__cause__ else error


def damaged(error: BaseException) -> bool:
    """Whether reading failed because of what a file holds, or because it is missing;
    not because memory, rights or a network were."""
    error = root(error)
    if isinstance(error, OSError):
        missing = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
        return isinstance(error, missing)
    if status := STATUS.match(str(error)):
        return status[1] in DAMAGE
    return isinstance(error, ValueError | LookupError | TypeError | AttributeError)


def of_the_machine(error: BaseException) -> str:
    """One line on what the machine did not give: room, memory, a right. "": the error
    is the program's, and its traceback is wanted."""
    first = root(error)
    status = STATUS.match(str(first))
    if not isinstance(first, OSError | MemoryError) and (
        not status or status[1] not in MACHINE
    ):
        return ""
    what = str(first).split("\n")[0][:300] or type(first).__name__
    return "; ".join([what, *getattr(error, "__notes__", [])])


def of_the_user(error: BaseException) -> str:
    """The words of a `UserError` that a compiled program met when it called the host,
    and of which JAX keeps the text alone; "": it met none."""
    met = CALLED.search(str(root(error)))
    return met[1] if met else ""


def tell_once() -> None:
    """Silences what libraries print of an error that they also raise. Orbax and JAX log
    it. TensorStore prints a traceback of each read and write that it cut short."""
    for name in ("absl", "asyncio", "jax._src.callback"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    show = sys.unraisablehook

    def other(found):
        error = found.exc_value or found.exc_type()
        beside = str(error).startswith(BESIDE)
        if not (beside or of_the_machine(error)):
            show(found)

    sys.unraisablehook = other
