"""The errors that a user sees: one clear message, never a traceback."""


class SamplehouseError(Exception):
    """Something that the person at the keyboard can put right; the message says how."""


class ConfigurationError(SamplehouseError):
    """A YAML or CSV that the project reads as configuration is wrong."""


class DeliveryError(SamplehouseError):
    """A delivered file cannot be read; it is kept and marked, the rest of the night goes on."""


class BlockedError(SamplehouseError):
    """A blocking check failed; the last good release stays."""


def printable(name: str) -> str:
    """A name on one line for messages, whatever characters it holds."""
    return name if name.isprintable() else repr(name)[1:-1]
