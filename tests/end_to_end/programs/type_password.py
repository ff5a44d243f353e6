"""Runs a command on a terminal of its own and types a password when it is asked for one.

    type_password.py PASSWORD COMMAND...

Prints what stood on the terminal, and ends as the command did.
"""

import os
import pty
import sys

password, command = sys.argv[1], sys.argv[2:]
process, terminal = pty.fork()
if process == 0:
    os.execv(command[0], command)

shown = b""
typed = False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:  # The command has ended.
        break
    if not piece:
        break
    shown += piece
    if not typed and b"password" in shown and shown.endswith(b": "):
        os.write(terminal, password.encode() + b"\n")
        typed = True
_, status = os.waitpid(process, 0)
sys.stdout.write(shown.decode().replace("\r\n", "\n"))
sys.exit(os.waitstatus_to_exitcode(status))
