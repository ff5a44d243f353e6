"""Breaks replies in the middle: a worker dies, or the file changes. A client must never take what then comes for a
whole reply, nor for a part of another one.

    python v1_broken.py SERVER DIRECTORY PROCESS_OF_THE_SERVER
"""
import http.client
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import h5py
import msgpack
import numpy as np

ELEMENTS = 6 << 20
QUESTIONS = [
    {"object": "in a row", "slice": [[0, ELEMENTS]]},
    {"object": "chunked", "slice": [[0, ELEMENTS]]},
    {"object": "text", "slice": [[0, 120_000]]},
    {"object": "many", "max_depth": 0, "data_size_limit": 1 << 30},
]


def write(path, first):
    numbers = np.arange(first, first + ELEMENTS)
    with h5py.File(path, "w") as file:
        file["in a row"] = numbers
        file.create_dataset("chunked", data=numbers, chunks=(1 << 16,), shuffle=True, compression=1)
        file.create_dataset("text", data=[f"{first + line:0>400}" for line in range(120_000)])
        for number in range(24):
            file[f"many/member {number}"] = numbers[: 1 << 18]


def begin(server, question):
    where = urlsplit(server)
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
    headers = {"Content-Type": "application/x-msgpack"}
    connection.request("POST", f"{where.path}/msgpack/file.h5", msgpack.packb(question), headers)
    reply = connection.getresponse()
    assert reply.status == 200, (reply.status, reply.read())
    return connection, reply


def rest(reply):
    """What else comes, and whether that is said to be all."""
    try:
        return reply.read(), True
    except http.client.IncompleteRead as error:
        return error.partial, False
    except ConnectionError:
        return b"", False


def whole(server, question):
    connection, reply = begin(server, question)
    body, complete = rest(reply)
    connection.close()
    assert complete
    return body


def broken(server, question, expected, disturb):
    """A reply that `disturb` befalls when its first bytes are there. Tells whether it is cut."""
    connection, reply = begin(server, question)
    start = reply.read(1000)
    after = disturb()
    more, complete = rest(reply)
    connection.close()
    if after:
        after()
    body = start + more
    assert body == expected[: len(body)], f"{question}: something else after {len(start)} bytes"
    assert complete == (len(body) == len(expected)), f"{question}: {len(body)} of {len(expected)} bytes, {complete}"
    return not complete


def workers(process):
    found = []
    for task in Path(f"/proc/{process}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def kill_all(process):
    for worker in workers(process):
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass


def keep_killing(process):
    ended = threading.Event()

    def work():
        while not ended.is_set():
            kill_all(process)
            time.sleep(0.002)

    thread = threading.Thread(target=work)
    thread.start()

    def end():
        ended.set()
        thread.join()

    return end


def main(server, directory, process):
    served, before, later = (Path(directory) / name for name in ("file.h5", "../before.h5", "../later.h5"))
    write(before, 0)
    write(later, 1 << 40)

    def put(source):
        shutil.copy(source, served.with_suffix(".new"))
        os.rename(served.with_suffix(".new"), served)

    put(before)
    expected = [whole(server, question) for question in QUESTIONS]
    assert all(len(one) > 40 << 20 for one in expected), list(map(len, expected))

    for question, one in zip(QUESTIONS, expected):
        # The next worker does the rest; or else the reply is cut.
        broken(server, question, one, lambda: kill_all(process))
        cut = broken(server, question, one, lambda: keep_killing(process))
        # The front itself sends what lies in a row in the file.
        assert cut or question["object"] in ("in a row", "many"), question
        assert whole(server, question) == one

    def overwrite():
        with open(served, "r+b") as file:
            for offset in range(0, served.stat().st_size, 1 << 20):
                file.seek(offset + 4096)
                file.write(b"\xff" * 4096)

    changes = {
        "overwritten": overwrite,
        "touched": lambda: os.utime(served),
        "cut short": lambda: os.truncate(served, 1 << 20),
        "replaced": lambda: put(later),
        "removed": lambda: os.unlink(served),
    }
    for what, change in changes.items():
        for question, one in zip(QUESTIONS, expected):
            put(before)
            cut = broken(server, question, one, change)
            assert cut, (what, question)
    put(later)
    for question, one in zip(QUESTIONS, expected):
        now = whole(server, question)
        assert now != one and len(now) == len(one), question


main(*sys.argv[1:])
