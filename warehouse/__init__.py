"""The data model and its storage: contracts, sources, reference lists, the lake, the release."""

from warehouse.machine import return_memory_where_it_is_short

# Here, since it must be said before DuckDB is loaded, and whatever loads it lies in this package
# or above it.
return_memory_where_it_is_short()
