"""``python -m hdfstream_vol SCRIPT [ARGUMENTS]``: run it as python does, able to open remote files.

What follows is what python itself takes: a script, ``-m MODULE`` or ``-c CODE``, and its arguments.
"""

import os
import subprocess
import sys


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: python -m hdfstream_vol SCRIPT [ARGUMENTS]  (or -m MODULE, or -c CODE)")
    # A new interpreter: only it sees the script exactly as without us. The variables are set by now.
    flags = subprocess._args_from_interpreter_flags()
    os.execv(sys.executable, [sys.executable] + flags + sys.argv[1:])


main()
