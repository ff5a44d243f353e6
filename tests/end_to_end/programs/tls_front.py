"""Speaks TLS in front of a server: tls_front.py UPSTREAM_PORT CERTIFICATE_AND_KEY [CLIENTS_AUTHORITY]

With an authority, only clients with a certificate of it get through. Prints its port."""

import socket
import ssl
import sys
import threading

upstream, identity, *authority = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(identity)
if authority:
    context.load_verify_locations(authority[0])
    context.verify_mode = ssl.CERT_REQUIRED


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(plain):
    try:
        client = context.wrap_socket(plain, server_side=True)
        server = socket.create_connection(("127.0.0.1", int(upstream)))
    except OSError:
        plain.close()
        return
    threading.Thread(target=copy, args=(client, server), daemon=True).start()
    copy(server, client)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
