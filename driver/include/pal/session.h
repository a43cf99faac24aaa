/* SPDX-License-Identifier: Apache-2.0 */
/* A model loaded into bus memory, ready to run on one device. */
#ifndef PAL_SESSION_H
#define PAL_SESSION_H

#include "pal/device.h"
#include "pal/model.h"

#define PAL_SESSION_ALIGN 64u

/* Read only; both pointers must outlive the session. */
struct pal_session {
    struct pal_device *device;
    const struct pal_model *model;
    struct pal_place regions[PAL_REGION_COUNT];
    uint32_t commands, profile;   /* addresses */
    uint32_t timeout_us;          /* of one engine segment; 0: one second. May be changed. */
    struct pal_counters counters; /* of the last run, its engine segments added up */
    struct pal_fault fault;       /* after PAL_ERR_ENGINE: `command` counts in the whole list */
};

/* Bytes of bus memory that a session of this model needs, at an address that is a multiple of
 * PAL_SESSION_ALIGN. */
uint64_t pal_session_memory(const struct pal_model *model);

/* Load constants and commands. PAL_ERR_TARGET if the device is another target, PAL_ERR_MEMORY if `memory` is
 * too small or the device's SRAM is, PAL_ERR_FORMAT if coded constants are damaged. Coded constants need about
 * 1.6 KiB of stack. */
int pal_session_init(struct pal_session *session, struct pal_device *device, const struct pal_model *model,
                     struct pal_place memory) PAL_MUST_CHECK;

/* Copy into the INPUT region, or out of any region. PAL_ERR_ARG outside of it. */
int pal_session_set_input(struct pal_session *session, uint32_t offset, const void *data,
                          uint32_t size) PAL_MUST_CHECK;
int pal_session_read(struct pal_session *session, unsigned region, uint32_t offset, void *data,
                     uint32_t size) PAL_MUST_CHECK;

/* Run commands [first, first + count): engine and CPU segments in turn. */
int pal_session_run_range(struct pal_session *session, uint32_t first, uint32_t count) PAL_MUST_CHECK;
int pal_session_run(struct pal_session *session) PAL_MUST_CHECK;

/* Profile record of a command of the last run; zeros for a CPU command. Cycles are the engine's since the
 * start of the run, modulo 2^32: while the CPU computes they stand still. */
int pal_session_profile(struct pal_session *session, uint32_t command,
                        struct pal_profile_record *out) PAL_MUST_CHECK;

/* Run the known-answer test: PAL_ERR_KAT if the output differs, PAL_ERR_ARG if the model has none. */
int pal_session_self_test(struct pal_session *session) PAL_MUST_CHECK;

#endif /* PAL_SESSION_H */
