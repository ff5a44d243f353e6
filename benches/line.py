"""A TCP proxy that behaves like a long line.

Delay is per direction and pipelined: any number of bytes may be on the way, none is held back longer than the
delay. Establishing a connection costs a round trip, although the kernel on loopback does it in no time. There
is no limit of bandwidth, and no slow start.
"""

import queue
import socket
import threading
import time

PIECE = 1 << 18
# Pieces on the way in one direction of one connection.
WINDOW = 4096


class Line:
    def __init__(self, upstream):
        self.upstream = upstream
        self.one_way = 0.0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "%s:%d" % self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def set_round_trip(self, seconds):
        self.one_way = seconds / 2

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            server = reach(self.upstream)
            for end in (client, server):
                if end.family != socket.AF_UNIX:
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            established = time.monotonic() + 2 * self.one_way
            self._carry(client, server, established)
            self._carry(server, client, 0.0)

    def _carry(self, source, sink, established):
        pieces = queue.Queue(WINDOW)
        threading.Thread(target=self._take, args=(source, pieces, established), daemon=True).start()
        threading.Thread(target=give, args=(pieces, sink), daemon=True).start()

    def _take(self, source, pieces, established):
        while True:
            try:
                piece = source.recv(PIECE)
            except OSError:
                piece = b""
            pieces.put((max(time.monotonic(), established) + self.one_way, piece))
            if not piece:
                return


def reach(upstream):
    """A host and a port, or the path of a socket."""
    if not isinstance(upstream, str):
        return socket.create_connection(upstream)
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(upstream)
    return connection


def give(pieces, sink):
    while True:
        due, piece = pieces.get()
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            if not piece:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(piece)
        except OSError:
            # Whoever reads here has left; what still comes is dropped.
            sink.close()
            while piece:
                _, piece = pieces.get()
            return
