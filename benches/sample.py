"""One sample, in a process of its own: SYSTEM WORKLOAD PLACE.

Says `ready` when everything is imported, starts at the next line of input, and prints as JSON what it took.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

from systems import SYSTEMS
from workloads import WORKLOADS


def processor_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_kib():
    # Not `ru_maxrss`, in which the program that started this one counts as well.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


system, workload, place = sys.argv[1:]
open_file = SYSTEMS[system].prepare()
workload = WORKLOADS[workload]
print("ready", flush=True)
sys.stdin.readline()

before = processor_seconds()
begin = time.perf_counter()
file = open_file(place, "w") if workload.writes else open_file(place)
seen = workload.action(file)
if hasattr(file, "close"):
    file.close()
if workload.writes and os.path.exists(place):
    # As durable as ours at its close.
    with open(place, "rb") as written:
        os.fsync(written.fileno())
end = time.perf_counter()
after = processor_seconds()

peak = peak_kib() / 1024
print(json.dumps({"seconds": end - begin, "client_cpu": after - before, "peak_mib": peak, "seen": seen}))
