"""What exists: thin Dagster assets over the pure code of `ingest` and `statistics`."""
