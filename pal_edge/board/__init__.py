"""A board as the host sees it: what it is, its models, its firmware."""

from .client import Board, connect
from .flash import FlashResult, flash_image, flash_model
from .image import Image
from .records import Crash, Identity, LogEntry, Slot, StoredModel, StoreRoom

__all__ = [
    "Board",
    "Crash",
    "FlashResult",
    "Identity",
    "Image",
    "LogEntry",
    "Slot",
    "StoreRoom",
    "StoredModel",
    "connect",
    "flash_image",
    "flash_model",
]
