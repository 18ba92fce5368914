"""A fork server with some modules loaded, whose children run a script."""

import runpy
import socket
import sys

from deeplab.processes import die_with_parent
from worker.execution.starting.fork_server import serve

script, modules, link, parent, *_ = sys.argv[1:]
die_with_parent(int(parent))
serve(
    socket.socket(fileno=int(link)),
    int(parent),
    lambda _arguments: runpy.run_path(script, run_name="__main__"),
    needed=[name for name in modules.split(",") if name],
)
