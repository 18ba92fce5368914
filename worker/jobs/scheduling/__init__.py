"""Which queued job starts, and when: chains of jobs, priority, times, pauses and limits."""
