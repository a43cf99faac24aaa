/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PAL_CRC32_H
#define PAL_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* CRC-32 of zlib; start with 0. */
uint32_t pal_crc32(uint32_t crc, const void *data, size_t size);

#endif /* PAL_CRC32_H */
