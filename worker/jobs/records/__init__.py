"""What jobs leave behind in SQL: a module per topic, each with `add` and its readers.

Attempts write inside worker.jobs.leases.fenced, so that nothing is accepted from one that has lost its lease.
"""
