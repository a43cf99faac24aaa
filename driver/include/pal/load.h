/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian loads and stores on bytes of any alignment. */
#ifndef PAL_LOAD_H
#define PAL_LOAD_H

#include <stdint.h>

static inline uint8_t pal_load_u8(const uint8_t *p)
{
    return p[0];
}

static inline uint16_t pal_load_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | (p[1] << 8));
}

static inline uint32_t pal_load_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | ((uint32_t)p[1] << 8) | ((uint32_t)p[2] << 16) | ((uint32_t)p[3] << 24);
}

static inline void pal_store_u8(uint8_t *p, uint8_t value)
{
    p[0] = value;
}

static inline void pal_store_u16(uint8_t *p, uint16_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void pal_store_u32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
    p[2] = (uint8_t)(value >> 16);
    p[3] = (uint8_t)(value >> 24);
}

#endif /* PAL_LOAD_H */
