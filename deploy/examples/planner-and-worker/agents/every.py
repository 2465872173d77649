"""Runs a command, waits and runs it again, until SIGTERM: every.py SECONDS COMMAND...

SIGTERM is passed on, and this ends when the command has ended: whatever it cleans up is cleaned up by then.
A command that fails ends this with the same code, so that whoever started it sees that and decides.
"""

import signal
import subprocess
import sys
import time

LOOK = 0.1  # seconds between two looks at whether it is over
BY_SIGTERM = (-signal.SIGTERM, 128 + signal.SIGTERM)


def main(pause, command):
    stopping = False
    running = None

    def stop(_signal, _frame):
        nonlocal stopping
        stopping = True
        if running is not None:
            running.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    while not stopping:
        running = subprocess.Popen(command)
        if stopping:  # the signal came while it was started, and nobody has told it
            running.terminate()
        code = running.wait()
        if stopping:
            return 0 if code in BY_SIGTERM else code
        if code != 0:
            return code
        until = time.monotonic() + pause
        while not stopping and time.monotonic() < until:
            time.sleep(LOOK)
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or not sys.argv[1].isdigit():
        sys.exit("every: say how many seconds to wait and what to run: every.py SECONDS COMMAND...")
    try:
        sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
    except OSError as problem:
        sys.exit(f"every: {sys.argv[2]} cannot be run: {problem}")
