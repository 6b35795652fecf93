"""How one process of many ends when it fails, and whether the failure is its own or
that of a process or a network that was lost."""

import contextlib
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from typing import NoReturn

from common.contract import UserError
from launch.distributed import LOST, is_many
from launch.failure import of_the_machine

# What Gloo, NCCL, gRPC, sockets and JAX's own service say. The type of the error is
# that of whoever was waiting: Gloo's comes as a ValueError too.
NETWORK = re.compile(
    r"(?i:\bgloo\b|\bnccl|by peer|socket closed|broken pipe|barrier failed|heartbeat|"
    r"timed out|coordination (service|agent)|connection (closed|reset|refused|aborted)|"
    r"cannot connect|connect call failed|unreachable|no route to host|name resolution)|"
    r"\b(UNAVAILABLE|DEADLINE_EXCEEDED|ABORTED|CANCELLED): "
)


@contextlib.contextmanager
def no_waiting_for_the_dead() -> Iterator[None]:
    """An error in one process of several ends it at once: leaving in good order would
    wait for the others, and they for it."""
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if not is_many():
            raise
        leave_alone(tell(error))


def leave_alone(code: int) -> NoReturn:
    """Ends this process with an exit code, and waits for no other: they lose it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def tell(error: BaseException) -> int:
    """Prints the error; returns the exit code."""
    if isinstance(error, UserError):
        print(f"launch: {error}", file=sys.stderr)
        return 2
    if isinstance(error, KeyboardInterrupt):
        print("launch: ended by a signal", file=sys.stderr)
        return 128 + signal.SIGINT
    if why := _of_the_network(error):
        print(f"launch: {why}", file=sys.stderr)
        return LOST
    if line := of_the_machine(error):
        print(f"launch: stopped: {line}", file=sys.stderr)
    else:
        traceback.print_exception(error)
    return 1


def _of_the_network(error: BaseException | None) -> str:
    """What the network said, where `error` or one that led to it is its own; or ""."""
    while error is not None:
        if isinstance(error, ConnectionError) or NETWORK.search(str(error)):
            return (str(error).splitlines() or [type(error).__name__])[0]
        shown = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ or shown
    return ""
