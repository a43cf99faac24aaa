/* SPDX-License-Identifier: Apache-2.0 */
/* The boot journal: records of 16 bytes in a ring of flash sectors, each the whole state with a sequence number and
 * a CRC. The newest valid record holds. Nothing is ever rewritten in place: a record is added, and a sector is
 * erased when the ring comes round to it, which never is the one with the newest record.
 *
 * A state is written twice in a row. So one damaged record costs nothing; and a record that a power cut left just
 * readable gets a sound twin at the next start (journal_settle). Private to the boot library. */
#ifndef BOOT_JOURNAL_H
#define BOOT_JOURNAL_H

#include "firmware/boot.h"

/* The state; the initial one if there is no valid record. What cannot be read is passed over. */
void journal_read(const struct flash_area *area, struct boot_state *state);

/* Add a state, twice. When the power fails in here the old or the new state holds. PAL_ERR_FLASH. */
int journal_append(const struct flash_area *area, const struct boot_state *state) PAL_MUST_CHECK;

/* Give the newest record its twin if it has none. PAL_ERR_FLASH. */
int journal_settle(const struct flash_area *area) PAL_MUST_CHECK;

#endif /* BOOT_JOURNAL_H */
