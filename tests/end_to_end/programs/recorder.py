"""A web server that is no hdfstream server: recorder.py FILE [LOCATION]

Writes a line into FILE for every request, with the login that came along, and answers "not found", or sends
the client on to LOCATION. Prints its port."""

import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        with open(sys.argv[1], "a") as seen:
            print(self.command, self.path, self.headers.get("Authorization", "no login"), file=seen)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if len(sys.argv) > 2:
            self.send_response(307)
            self.send_header("Location", sys.argv[2])
        else:
            self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = do_CONNECT = answer

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
