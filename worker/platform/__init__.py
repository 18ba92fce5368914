"""The whole platform on one machine: its processes, the embedded broker and the web server."""
