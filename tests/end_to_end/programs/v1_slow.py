"""Stalls several downloads, then reads as another client: `python v1_slow.py SERVER COUNT`.

Prints what the other client took, in seconds.
"""
import socket
import sys
import time
from urllib.parse import urlsplit

import hdfstream
import msgpack


def stall(server):
    """Asks for everything and takes the beginning."""
    where = urlsplit(server)
    body = msgpack.packb({"object": "/x", "slice": [[0, 64 << 20]]})
    head = f"POST {where.path}/msgpack/large.h5 HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-msgpack\r\n"
    connection = socket.create_connection((where.hostname, where.port))
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    start = connection.recv(64)
    assert start.startswith(b"HTTP/1.1 200"), start
    return connection


def main(server, count):
    stalled = [stall(server) for _ in range(int(count))]
    begin = time.monotonic()
    other = hdfstream.open(server, "large.h5", data_size_limit=0)["x"]
    for start in range(0, 64 << 20, 8 << 20):
        assert other[start : start + 3].tolist() == [0, 0, 0]
    print(time.monotonic() - begin)
    assert len(stalled) == int(count)


main(*sys.argv[1:])
