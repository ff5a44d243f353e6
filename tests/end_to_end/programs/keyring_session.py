"""A session with a keyring, or with a locked one, or with none: keyring_session.py MODE SCRIPT [ARGUMENT...]

The script is run when the keyring is ready. To be run by dbus-run-session."""

import subprocess
import sys
import time

import keyring
import secretstorage


def start():
    """Starts the real daemon, unlocked, and waits until it is on the bus."""
    daemon = ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"]
    process = subprocess.Popen(
        daemon, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    process.stdin.write(b"of the keyring")
    process.stdin.close()
    bus = secretstorage.dbus_init()
    for _ in range(600):
        if secretstorage.check_service_availability(bus):
            return bus
        time.sleep(0.05)
    sys.exit("the keyring does not start")


mode, script = sys.argv[1:3]
del sys.argv[1:3]
bus = None if mode == "none" else start()


def lock():
    secretstorage.get_default_collection(bus).lock()


exec(script)
