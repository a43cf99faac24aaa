/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as coded constants: the same bytes and the same end, whether decoded at once or in pieces. */
#include <stdlib.h>
#include <string.h>

#include "fuzz_model.h"
#include "pal/coding.h"

#define MOST (1u << 19) /* bytes decoded */

static size_t decode(const uint8_t *data, size_t size, uint8_t *out, size_t step, size_t wanted)
{
    struct pal_coding coding;
    pal_coding_init(&coding, data, size);
    for (size_t done = 0; done < wanted; done += step) {
        size_t part = wanted - done < step ? wanted - done : step;
        if (pal_coding_read(&coding, out + done, part))
            return done;
    }
    return wanted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t one[MOST], other[MOST];
    size_t step = size ? data[size - 1] + 1u : 1;
    size_t count = decode(data, size, one, 1, MOST);
    size_t same = decode(data, size, other, step, count);
    if (same != count || memcmp(one, other, count) != 0)
        abort();
    return 0;
}
