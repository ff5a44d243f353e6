"""Runs a command on a terminal of its own, answers what it asks, and shows what a person would have seen.

    terminal.py SECONDS QUESTION ANSWER [QUESTION ANSWER ...] -- COMMAND...
"""

import os
import pty
import select
import sys
import time

limit, *rest = sys.argv[1:]
split = rest.index("--")
talk, command = rest[:split], rest[split + 1 :]
pairs = list(zip(talk[::2], talk[1::2]))
child, terminal = pty.fork()
if child == 0:
    os.execv(command[0], command)
seen = b""
asked = 0
end = time.monotonic() + float(limit)
while time.monotonic() < end:
    if not select.select([terminal], [], [], 0.1)[0]:
        continue
    try:
        now = os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody holds the other side any more
        break
    if not now:
        break
    seen += now
    if pairs and pairs[0][0].encode() in seen[asked:]:
        asked = len(seen)
        os.write(terminal, pairs.pop(0)[1].encode() + b"\n")
sys.stdout.buffer.write(seen)
sys.stdout.flush()
if pairs:
    sys.exit(f"never asked: {pairs[0][0]}")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
