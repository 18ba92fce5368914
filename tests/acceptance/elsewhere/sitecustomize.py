"""Lets a process of the tests believe that it runs on another machine: by its name, and by its clock.

Python imports this at its start, where PYTHONPATH names the folder.
"""

import os
import socket
import time

_real_time, _real_time_ns = time.time, time.time_ns
_ahead = int(os.environ.get("TEST_CLOCK_AHEAD", "0"))  # seconds

socket.gethostname = lambda: os.environ["TEST_HOST"]
time.time = lambda: _real_time() + _ahead
time.time_ns = lambda: _real_time_ns() + _ahead * 10**9
