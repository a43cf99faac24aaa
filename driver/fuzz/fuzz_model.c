/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a model: refused, or loaded and run on a small simulator. Either way without a fault. */
#include "fuzz_model.h"

#include <stdlib.h>

#include "pal/session.h"
#include "sim.h"

#define BASE 0x10000000u
#define EXTRA 65536u
#define MOST_WORK 2000000u /* products a command; what takes longer is not run */

static int is_quick(const struct pal_model *model)
{
    uint64_t work = 0;
    for (uint32_t i = 0; i < model->command_count; i++) {
        struct pal_command c;
        pal_model_command(model, i, &c);
        uint64_t taps = c.kh ? (uint64_t)c.kh * c.kw : 1, depth = c.opcode == PAL_OP_CONV ? c.ifm_c : 1;
        work += (uint64_t)c.ofm_h * c.ofm_w * c.ofm_c * taps * depth;
    }
    return work <= MOST_WORK;
}

static void run(const struct pal_model *model)
{
    const struct pal_target *target = NULL;
    for (unsigned i = 0; i < PAL_TARGET_COUNT; i++)
        if (PAL_TARGETS[i].id == model->header.target)
            target = &PAL_TARGETS[i];
    if (!target || !is_quick(model))
        return;
    /* Once only: the products take time to compute. */
    static struct pal_sim sims[PAL_TARGET_COUNT];
    static uint8_t *memories[PAL_TARGET_COUNT];
    struct pal_sim *sim = &sims[target - PAL_TARGETS];
    uint8_t **memory = &memories[target - PAL_TARGETS];
    uint32_t size = target->sram_bytes + EXTRA;
    if (!*memory && (!(*memory = calloc(1, size)) || pal_sim_init(sim, target->id, *memory, BASE, size)))
        abort();
    struct pal_device device;
    struct pal_session session;
    struct pal_profile_record record;
    if (pal_device_init(&device, &sim->bus))
        abort();
    if (pal_session_init(&session, &device, model, (struct pal_place){BASE + target->sram_bytes, EXTRA}))
        return;
    /* The engine has nothing left to refuse: the parser has checked every command. */
    if (pal_session_run(&session) == PAL_ERR_ENGINE)
        abort();
    (void)!pal_session_self_test(&session);
    for (uint32_t i = 0; i < model->command_count; i++)
        if (pal_session_profile(&session, i, &record))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pal_model model;
    if (pal_model_open(&model, data, size))
        return 0;
    for (uint32_t i = 0; i < model.tensor_count; i++) {
        struct pal_file_tensor tensor;
        pal_model_tensor(&model, i, &tensor);
        if (pal_model_string(&model, tensor.name) == NULL)
            abort();
    }
    run(&model);
    return 0;
}
