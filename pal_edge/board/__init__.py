"""A board as the host sees it: what it is, its models, its firmware."""

from .client import Board, connect
from .records import Crash, Identity, LogEntry, Slot, StoredModel, StoreRoom

__all__ = ["Board", "Crash", "Identity", "LogEntry", "Slot", "StoreRoom", "StoredModel", "connect"]
