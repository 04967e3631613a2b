"""Which thread goes first where several want one core; the event loop's does."""

from __future__ import annotations

import os
import sys
import threading

_NICER = 4  # than the event loop: two fifths of its weight where both want one core
_NICEST = 19


def let_the_loop_go_first() -> None:
    """Give the calling thread a lower priority than the event loop's, where the system knows priorities of threads.

    What is cheap then comes before what is dear: new calls are taken in, and under overload refused, before the
    engine gets the rest. At equal priority half of the core would go to the engine whatever comes in, and calls
    would wait unread until their deadlines had passed.
    """
    if sys.platform == "linux":  # elsewhere a nice value is a whole process's
        thread, loop = threading.get_native_id(), threading.main_thread().native_id
        nice = os.getpriority(os.PRIO_PROCESS, loop or thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(_NICEST, nice + _NICER))
