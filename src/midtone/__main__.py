"""The command `midtone`, and `python -m midtone`."""

import signal

# An interruption while Python is imported ends the command at once, without a traceback; from
# ``run`` on it is reported.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from midtone.cli import run

if __name__ == "__main__":
    run()
