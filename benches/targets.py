"""What is wanted of each workload: seconds at each distance, and requests. Native is h5py on the local file."""

from collections.abc import Callable
from dataclasses import dataclass

from workloads import AGAIN


@dataclass(frozen=True)
class Limit:
    # As it is shown.
    words: str
    # From native's seconds to the most that it may take.
    seconds: Callable


def times(factor):
    return Limit(f"{factor:g} x native", lambda native: factor * native)


def within(seconds):
    return Limit(f"{seconds:g} s", lambda native: seconds)


def beyond(seconds):
    return Limit(f"native + {seconds:g} s", lambda native: native + seconds)


# By workload: limits of seconds by round trip in ms, and the most requests, where a number was set.
TARGETS = {
    "open": ({0: within(0.005), 20: within(0.06), 100: within(0.25)}, 1),
    "walk-c": ({0: times(1.1), 20: beyond(0.06), 100: beyond(0.3)}, 2),
    "walk-d": ({0: times(1.05), 20: beyond(0.1), 100: beyond(0.4)}, 2),
    "walk-e": ({0: times(1.0), 20: beyond(0.1), 100: beyond(0.4)}, 2),
    "read-a": ({0: times(1.2), 20: within(0.3), 100: within(0.5)}, None),
    "read-b": ({0: times(0.6), 20: within(0.6), 100: within(1.0)}, None),
    "read-c": ({0: times(1.3), 20: within(1.2), 100: within(2.0)}, 99),
    "rows": ({0: times(2), 20: within(0.3), 100: within(0.9)}, 29),
    "windows": ({0: times(1.0), 20: within(0.4), 100: within(1.5)}, 39),
    "strided": ({0: times(1.2), 20: within(0.06), 100: within(0.3)}, 1),
    "read-f": ({0: times(0.9), 20: within(0.6), 100: within(0.8)}, None),
    "four-b": ({0: times(0.7)}, None),
    "write-whole": ({0: times(1.5)}, None),
    "write-gzip": ({0: times(1.1)}, None),
    "create-many": ({0: times(1.3), 100: within(0.7)}, 4),
    "append": ({0: times(1.3), 100: within(0.7)}, 4),
    # 300 commits in a second.
    "eight-flush": ({0: within(8_000 / 300)}, None),
}
# One exchange more than native; the first on a connection takes two round trips.
TARGETS |= {name: ({0: times(1.05), 20: beyond(0.05), 100: beyond(0.22)}, 1) for name in AGAIN}
TARGETS["open-again"] = ({0: within(0.003), 20: within(0.05), 100: within(0.22)}, 1)
# Of a client's memory: two budgets of its block cache, and 64 MiB; in MiB.
CLIENT_BEYOND_NATIVE = 2 * 256 + 64
