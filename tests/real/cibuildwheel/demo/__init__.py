"""What the extension gives."""

from demo._ext import root

__all__ = ["root"]
