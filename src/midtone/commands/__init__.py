"""The commands, one file each: `add` describes one to argparse, `run` does it.

What a command needs is imported when it runs, so that `midtone COMMAND --help` starts quickly.
"""
