"""Reproducible draws (双随机) of objects and inspectors, and files with which to redo them."""
