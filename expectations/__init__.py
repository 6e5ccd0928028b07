"""Contracts compiled to Great Expectations and to quarantine predicates."""
