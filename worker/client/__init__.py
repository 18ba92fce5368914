"""What can be asked of the jobs of a platform: by its store on this machine, or over its API from any other."""

from worker.client.http import Client, RefusedError, UnreachableError

__all__ = ["Client", "RefusedError", "UnreachableError"]
