/* SPDX-License-Identifier: Apache-2.0 */
/* One command of the simulated engine. */
#ifndef PAL_SIM_ENGINE_H
#define PAL_SIM_ENGINE_H

#include "sim.h"

/* Run a checked command; memory[r] is where region r begins. */
void pal_sim_execute(const struct pal_sim *sim, const struct pal_command *command,
                     uint8_t *const memory[PAL_REGION_COUNT]);

/* What a checked command costs on `target`; counters are added to. */
void pal_sim_cost(const struct pal_target *target, const struct pal_command *command,
                  struct pal_counters *counters);

/* Cycles from doorbell to the first command, and from the last result to the interrupt. */
#define PAL_SIM_RUN_CYCLES 64u

#endif /* PAL_SIM_ENGINE_H */
