"""`python -m worker.platform.launch PARENT_PID COMMAND ...` becomes COMMAND, which the kernel kills with its parent.

This is a step of its own because the wish has to be made by the child: Popen's preexec_fn would run our code in a
forked copy of a process that may have threads.
"""

import os
import sys

from deeplab.processes import die_with_parent


def command_line(command: list[str]) -> list[str]:
    """The command that starts `command` as a child that does not outlive this process."""
    return [sys.executable, "-P", "-m", "worker.platform.launch", str(os.getpid()), *command]


if __name__ == "__main__":
    parent_pid, *command = sys.argv[1:]
    die_with_parent(int(parent_pid))
    os.execvp(command[0], command)  # noqa: S606  (no shell is wanted)
