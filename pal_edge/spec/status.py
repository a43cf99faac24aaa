# Generated from driver/spec by `make generate`: status. Do not edit.
"""Status codes of the driver and error codes of the engine."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What a driver function returns."""

    OK = 0  # success
    ERR_ARG = -1  # an argument is out of its range; nothing was changed
    ERR_TRUNCATED = -2  # the file ends early
    ERR_MAGIC = -3  # not a PAL model
    ERR_VERSION = -4  # the model's format version is newer than this driver
    ERR_CRC = -5  # a checksum does not match: the file is damaged
    ERR_FORMAT = -6  # the model's structure is invalid
    ERR_TARGET = -7  # the model was compiled for another target
    ERR_LIMIT = -8  # the model exceeds a limit of this driver
    ERR_MEMORY = -9  # the memory offered to the session is too small
    ERR_BUS = -10  # an access to the device failed
    ERR_TIMEOUT = -11  # the engine did not finish in time and was reset
    ERR_ENGINE = -12  # the engine stopped with an error
    ERR_ABI = -13  # the engine's ABI version is not supported by this driver
    ERR_KAT = -14  # the known-answer test gave another result
    ERR_COMMAND = -15  # the board does not know this request, or not in its present mode
    ERR_STATE = -16  # the request does not fit what went before it
    ERR_NOT_FOUND = -17  # there is nothing of that name or number
    ERR_FULL = -18  # there is no room left for it
    ERR_FLASH = -19  # the flash memory failed to erase, program or verify
    ERR_IMAGE = -20  # not a firmware image
    ERR_BOARD = -21  # the image is for another board
    ERR_SIGNATURE = -22  # the image is not signed by the key that this board trusts
    ERR_DOWNGRADE = -23  # the image's security counter is older than the board's
    ERR_DIGEST = -24  # the digest of what was written differs: the transfer was damaged
    ERR_LINK = -25  # the link to the board broke
    ERR_LINK_VERSION = -26  # the board and this host share no link version


class EngineError(IntEnum):
    """Why the engine stopped."""

    NONE = 0  # no error
    OPCODE = 1  # unknown opcode
    FIELD = 2  # a descriptor field is out of its range
    ADDRESS = 3  # an access would leave its region
    BUS = 4  # the system bus answered with an error


STATUS_TEXT: dict[int, str] = {
    0: "success",
    -1: "an argument is out of its range; nothing was changed",
    -2: "the file ends early",
    -3: "not a PAL model",
    -4: "the model's format version is newer than this driver",
    -5: "a checksum does not match: the file is damaged",
    -6: "the model's structure is invalid",
    -7: "the model was compiled for another target",
    -8: "the model exceeds a limit of this driver",
    -9: "the memory offered to the session is too small",
    -10: "an access to the device failed",
    -11: "the engine did not finish in time and was reset",
    -12: "the engine stopped with an error",
    -13: "the engine's ABI version is not supported by this driver",
    -14: "the known-answer test gave another result",
    -15: "the board does not know this request, or not in its present mode",
    -16: "the request does not fit what went before it",
    -17: "there is nothing of that name or number",
    -18: "there is no room left for it",
    -19: "the flash memory failed to erase, program or verify",
    -20: "not a firmware image",
    -21: "the image is for another board",
    -22: "the image is not signed by the key that this board trusts",
    -23: "the image's security counter is older than the board's",
    -24: "the digest of what was written differs: the transfer was damaged",
    -25: "the link to the board broke",
    -26: "the board and this host share no link version",
}
ENGINE_ERROR_TEXT: dict[int, str] = {
    0: "no error",
    1: "unknown opcode",
    2: "a descriptor field is out of its range",
    3: "an access would leave its region",
    4: "the system bus answered with an error",
}
