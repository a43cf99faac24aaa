/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that run on the CPU. */
#ifndef PAL_CPU_H
#define PAL_CPU_H

#include "pal/device.h"
#include "pal/spec/commands.h"

/* Run one checked CPU command on bus memory. PAL_ERR_LIMIT if a row of channels does not fit the buffer of
 * a bus that gives no pointers. */
int pal_cpu_run(const struct pal_bus *bus, const struct pal_place regions[PAL_REGION_COUNT],
                const struct pal_command *command);

#endif /* PAL_CPU_H */
