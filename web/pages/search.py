"""The search in everything."""

from flask import render_template, request

from web.context import reading
from worker.jobs.database import read_clock
from worker.jobs.watching.search import search


def find() -> str:
    """Show what the text of ?q= was found in."""
    text = request.args.get("q", "").strip()
    with reading() as session:
        found, now = search(session, text), read_clock(session)
    return render_template("search.html", text=text, found=found, now=now)
