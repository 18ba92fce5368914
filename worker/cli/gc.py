"""`deeplab gc`."""

from collections import Counter

import click

from deeplab.formats import plural, size
from worker.cli.output import json_option, print_json, print_table
from worker.cli.store import require_store


@click.command(epilog="Example: deeplab gc --yes")
@click.option("--yes", is_flag=True, help="Delete it. Without this, only say what would be deleted.")
@json_option
def gc(yes: bool, as_json: bool) -> None:
    """Delete files that nothing refers to: what killed attempts left, drafts, files of deleted jobs, full caches.

    Nothing of a job that is queued or running goes, nor what an attempt left less than an hour ago; workers may be at
    work meanwhile.
    """
    from worker.jobs.cleaning.leftovers import find_leftovers, remove
    from worker.jobs.settings import load_settings

    settings = load_settings()
    require_store(settings)
    found = find_leftovers(settings)
    freed = remove(settings, found) if yes else 0
    if as_json:
        print_json({"leftovers": found, "deleted": yes, "n_bytes": sum(each.n_bytes for each in found), "freed": freed})
        return
    rows = [("" if each.job_id is None else each.job_id, size(each.n_bytes), each.why, each.path) for each in found]
    print_table(("JOB", "SIZE", "WHAT", "PATH"), rows, "Nothing to delete.")
    if not found:
        return
    total = f"{plural(len(found), 'leftover')}, {size(sum(each.n_bytes for each in found))}"
    by_sort = Counter[str]()
    for each in found:
        by_sort[each.why] += each.n_bytes
    click.echo("\n" + "\n".join(f"{size(n_bytes)} of {why}" for why, n_bytes in by_sort.most_common()))
    click.echo(f"Deleted {total}." if yes else f"This would delete {total}; `deeplab gc --yes` does.")
