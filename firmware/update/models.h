/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UPDATE_MODELS_H
#define UPDATE_MODELS_H

#include "firmware/update.h"

/* What BEGIN and END do for a model. */
struct update_models {
    int (*begin)(struct update *update); /* fills target, source and transfer */
    int (*end)(struct update *update);
};

/* Whether an area begins with the whole file of this transfer. */
int update_holds(const struct flash_area *area, const struct pal_link_begin *begin);

#endif /* UPDATE_MODELS_H */
