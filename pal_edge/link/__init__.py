"""The link to a board: lines that carry bytes, and the connection that asks requests over them."""

from .connection import Connection, Response
from .transport import Transport, open_transport

__all__ = ["Connection", "Response", "Transport", "open_transport"]
