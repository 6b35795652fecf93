"""A wish to stop, from the terminal or the machine."""

import os
import signal
import time
from typing import Any

SAME_NOTICE_SECONDS = 5.0
HEARD = (
    "launch: this process leaves as soon as the others do; a second signal ends it at "
    "once, and they lose it\n"
)


class StopRequest:
    """Catches SIGTERM (a TPU VM's preemption notice) and SIGINT (Ctrl-C).

    At the first signal the loop finishes its step and saves. A second one ends the
    process at once, by a KeyboardInterrupt, unless it follows so soon that it is the
    same notice: a host that shuts down tells parent and child.
    """

    def __init__(self) -> None:
        self.requested = False
        self.ends_at_once = False  # the first signal does too
        self._needed = False  # by other processes
        self._since = 0.0

    def __enter__(self) -> "StopRequest":
        self._old = {
            signum: signal.signal(signum, self._on_signal)
            for signum in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(self, *exception: object) -> None:
        for signum, handler in self._old.items():
            signal.signal(signum, handler)

    def _on_signal(self, signum: int, frame: Any) -> None:
        now = time.monotonic()
        if not self.requested:
            self.requested = True
            self._since = now
            ends = self.ends_at_once
            if self._needed:  # written past Python's buffers, which may be in use
                os.write(2, HEARD.encode())
        else:
            later = now - self._since > SAME_NOTICE_SECONDS
            ends = later or signum == signal.SIGINT
        if ends:
            raise KeyboardInterrupt

    def nothing_to_save(self) -> None:
        """From here on a signal ends the process, one that came before too."""
        self.ends_at_once = True
        if self.requested:
            raise KeyboardInterrupt

    def others_need_us(self) -> None:
        """From here on a first signal is heard, answered in a line, and changes
        nothing."""
        self.ends_at_once = False
        self._needed = True
