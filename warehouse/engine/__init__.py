"""SQL models: loading, lint, running and testing."""
