"""Pure statistics of pass rates: small tables in, small tables out, no files and no Dagster."""
