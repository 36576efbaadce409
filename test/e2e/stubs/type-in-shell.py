"""Types lines into an interactive shell on a terminal. Arguments: the command of the shell; input: the lines as JSON."""

import json
import os
import pty
import select
import sys
import time

lines = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])


def wait_until_quiet(quiet=1.0, limit=20):
    """Waits until the shell has printed nothing for `quiet` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if not select.select([terminal], [], [], quiet)[0]:
            return
        try:
            sys.stderr.buffer.write(os.read(terminal, 65536))
        except OSError:
            return


wait_until_quiet()
for line in lines:
    for part in line.replace("\t", "\t\n").split("\n"):
        os.write(terminal, part.encode())
        wait_until_quiet()
    os.write(terminal, b"\r")
    wait_until_quiet()
os.write(terminal, b"exit\r")
os.waitpid(pid, 0)
