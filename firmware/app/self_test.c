/* SPDX-License-Identifier: Apache-2.0 */
#include "self_test.h"

#include "app.h"
#include "firmware/kept.h"

int self_test(struct app *app)
{
    const struct self_test_model *known = self_test_models;
    struct pal_device *device = &app->engine.device;
    struct pal_model model;
    struct pal_session session;
    if (app->engine.status)
        return app->engine.status;
    while (known < self_test_models + self_test_model_count && known->target != device->target)
        known++;
    if (known == self_test_models + self_test_model_count)
        return PAL_ERR_TARGET;
    kept_doing("self-test");
    struct pal_place memory = app->server.board->memory; /* no session is open yet */
    uint32_t skip = (uint32_t)-memory.address % PAL_SESSION_ALIGN;
    int err = skip > memory.size ? PAL_ERR_MEMORY : pal_model_open(&model, known->data, known->size);
    if (!err)
        err = pal_session_init(&session, device, &model,
                               (struct pal_place){memory.address + skip, memory.size - skip});
    if (!err)
        err = pal_session_self_test(&session);
    board_markers(0);
    kept_doing("serving");
    return err;
}
