/* Generated from driver/spec by `make generate`: status. Do not edit. */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_SPEC_STATUS_H
#define PAL_SPEC_STATUS_H

#include <stdint.h>

enum pal_status {
    PAL_OK = 0, /* success */
    PAL_ERR_ARG = -1, /* an argument is out of its range; nothing was changed */
    PAL_ERR_TRUNCATED = -2, /* the file ends early */
    PAL_ERR_MAGIC = -3, /* not a PAL model */
    PAL_ERR_VERSION = -4, /* the model's format version is newer than this driver */
    PAL_ERR_CRC = -5, /* a checksum does not match: the file is damaged */
    PAL_ERR_FORMAT = -6, /* the model's structure is invalid */
    PAL_ERR_TARGET = -7, /* the model was compiled for another target */
    PAL_ERR_LIMIT = -8, /* the model exceeds a limit of this driver */
    PAL_ERR_MEMORY = -9, /* the memory offered to the session is too small */
    PAL_ERR_BUS = -10, /* an access to the device failed */
    PAL_ERR_TIMEOUT = -11, /* the engine did not finish in time and was reset */
    PAL_ERR_ENGINE = -12, /* the engine stopped with an error */
    PAL_ERR_ABI = -13, /* the engine's ABI version is not supported by this driver */
    PAL_ERR_KAT = -14, /* the known-answer test gave another result */
    PAL_ERR_COMMAND = -15, /* the board does not know this request, or not in its present mode */
    PAL_ERR_STATE = -16, /* the request does not fit what went before it */
    PAL_ERR_NOT_FOUND = -17, /* there is nothing of that name or number */
    PAL_ERR_FULL = -18, /* there is no room left for it */
    PAL_ERR_FLASH = -19, /* the flash memory failed to erase, program or verify */
    PAL_ERR_IMAGE = -20, /* not a firmware image */
    PAL_ERR_BOARD = -21, /* the image is for another board */
    PAL_ERR_SIGNATURE = -22, /* the image is not signed by the key that this board trusts */
    PAL_ERR_DOWNGRADE = -23, /* the image's security counter is older than the board's */
    PAL_ERR_DIGEST = -24, /* the digest of what was written differs: the transfer was damaged */
    PAL_ERR_LINK = -25, /* the link to the board broke */
    PAL_ERR_LINK_VERSION = -26, /* the board and this host share no link version */
};

enum pal_engine_error {
    PAL_ENGINE_NONE = 0, /* no error */
    PAL_ENGINE_OPCODE = 1, /* unknown opcode */
    PAL_ENGINE_FIELD = 2, /* a descriptor field is out of its range */
    PAL_ENGINE_ADDRESS = 3, /* an access would leave its region */
    PAL_ENGINE_BUS = 4, /* the system bus answered with an error */
};

#define PAL_STATUS_TEXTS(X) \
    X(PAL_OK, "success") \
    X(PAL_ERR_ARG, "an argument is out of its range; nothing was changed") \
    X(PAL_ERR_TRUNCATED, "the file ends early") \
    X(PAL_ERR_MAGIC, "not a PAL model") \
    X(PAL_ERR_VERSION, "the model's format version is newer than this driver") \
    X(PAL_ERR_CRC, "a checksum does not match: the file is damaged") \
    X(PAL_ERR_FORMAT, "the model's structure is invalid") \
    X(PAL_ERR_TARGET, "the model was compiled for another target") \
    X(PAL_ERR_LIMIT, "the model exceeds a limit of this driver") \
    X(PAL_ERR_MEMORY, "the memory offered to the session is too small") \
    X(PAL_ERR_BUS, "an access to the device failed") \
    X(PAL_ERR_TIMEOUT, "the engine did not finish in time and was reset") \
    X(PAL_ERR_ENGINE, "the engine stopped with an error") \
    X(PAL_ERR_ABI, "the engine's ABI version is not supported by this driver") \
    X(PAL_ERR_KAT, "the known-answer test gave another result") \
    X(PAL_ERR_COMMAND, "the board does not know this request, or not in its present mode") \
    X(PAL_ERR_STATE, "the request does not fit what went before it") \
    X(PAL_ERR_NOT_FOUND, "there is nothing of that name or number") \
    X(PAL_ERR_FULL, "there is no room left for it") \
    X(PAL_ERR_FLASH, "the flash memory failed to erase, program or verify") \
    X(PAL_ERR_IMAGE, "not a firmware image") \
    X(PAL_ERR_BOARD, "the image is for another board") \
    X(PAL_ERR_SIGNATURE, "the image is not signed by the key that this board trusts") \
    X(PAL_ERR_DOWNGRADE, "the image's security counter is older than the board's") \
    X(PAL_ERR_DIGEST, "the digest of what was written differs: the transfer was damaged") \
    X(PAL_ERR_LINK, "the link to the board broke") \
    X(PAL_ERR_LINK_VERSION, "the board and this host share no link version")

#define PAL_ENGINE_ERROR_TEXTS(X) \
    X(PAL_ENGINE_NONE, "no error") \
    X(PAL_ENGINE_OPCODE, "unknown opcode") \
    X(PAL_ENGINE_FIELD, "a descriptor field is out of its range") \
    X(PAL_ENGINE_ADDRESS, "an access would leave its region") \
    X(PAL_ENGINE_BUS, "the system bus answered with an error")


#endif /* PAL_SPEC_STATUS_H */
