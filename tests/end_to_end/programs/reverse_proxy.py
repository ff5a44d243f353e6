"""Serve another server's base URL below a path of its own, as a web server in front of it does.

    reverse_proxy.py UPSTREAM BASE

UPSTREAM is the base URL of the server, BASE the path that stands for it. Everything else is answered by a page
of the web server's own. Prints the port and serves until killed.
"""

import http.server
import sys
import urllib.error
import urllib.request

UPSTREAM, BASE = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self.path.startswith(BASE + "/"):
            return self.reply(404, {"Content-Type": "text/html"}, b"<h1>Nothing here</h1>")
        request = urllib.request.Request(UPSTREAM + self.path[len(BASE) :], body, dict(self.headers))
        try:
            answer = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            answer = error
        self.reply(answer.status, answer.headers, answer.read())

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
