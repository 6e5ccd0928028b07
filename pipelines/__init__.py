"""When and how the work runs: definitions, jobs, schedules, settings, command line."""
