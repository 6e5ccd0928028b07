"""The data model and its storage: contracts, sources, reference lists, the lake, the release."""
