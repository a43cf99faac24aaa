/* SPDX-License-Identifier: Apache-2.0 */
/* Status codes: 0 or a negative enum pal_status, returned by every function that can fail. */
#ifndef PAL_STATUS_H
#define PAL_STATUS_H

#include "pal/spec/status.h"

#if defined(__GNUC__) && !defined(PAL_CDEF)
#define PAL_MUST_CHECK __attribute__((warn_unused_result))
#else
#define PAL_MUST_CHECK
#endif

/* English text of a status or engine error; never NULL. */
const char *pal_status_text(int status);
const char *pal_engine_error_text(unsigned code);

#endif /* PAL_STATUS_H */
