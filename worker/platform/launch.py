"""`python -m worker.platform.launch PARENT_PID COMMAND ...` becomes COMMAND, which the kernel kills with its parent.

The child itself has to ask the kernel for this, in a step of its own: Popen's preexec_fn would run our code in a forked
copy of a process that may have threads.
"""

import os
import sys

from deeplab.processes import die_with_parent


def command_line(command: list[str]) -> list[str]:
    """Wrap a command so that its process does not outlive this one."""
    return [sys.executable, "-P", "-m", "worker.platform.launch", str(os.getpid()), *command]


if __name__ == "__main__":
    parent_pid, *command = sys.argv[1:]
    die_with_parent(int(parent_pid))
    os.execvp(command[0], command)  # noqa: S606  (no shell is wanted)
