/* SPDX-License-Identifier: Apache-2.0 */
#include "pal/status.h"

const char *pal_status_text(int status)
{
    switch (status) {
#define PAL_TEXT(name, text) case name: return text;
    PAL_STATUS_TEXTS(PAL_TEXT)
#undef PAL_TEXT
    default: return "unknown status";
    }
}

const char *pal_engine_error_text(unsigned code)
{
    switch (code) {
#define PAL_TEXT(name, text) case name: return text;
    PAL_ENGINE_ERROR_TEXTS(PAL_TEXT)
#undef PAL_TEXT
    default: return "unknown error";
    }
}
