"""How jobs, numbers and times read on a page."""
