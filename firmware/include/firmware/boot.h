/* SPDX-License-Identifier: Apache-2.0 */
/* The boot library: which of two slots runs. The same code in the bootloader, in the application that writes
 * an update, and in the tests on the host. */
#ifndef FIRMWARE_BOOT_H
#define FIRMWARE_BOOT_H

#include <stdint.h>

#include "firmware/flash.h"
#include "pal/spec/link.h"

#define BOOT_SLOTS 2u
#define BOOT_NO_SLOT 255u
#define BOOT_KEY_SIZE 32u

/* What does not change on one board. */
struct boot_config {
    struct flash_area slot[BOOT_SLOTS];
    struct flash_area journal;     /* at least two sectors: the record of trials and confirmations */
    uint8_t key[BOOT_KEY_SIZE];    /* Ed25519 public key */
    uint32_t board_id;             /* an image carries it in a protected vendor TLV */
    uint32_t load_address;         /* images are linked for it; 0: any */
    uint32_t load_size;            /* bytes that an image may have there */
};

/* An image that was found valid or not; read only. */
struct boot_image {
    uint32_t header_size, body_size; /* bytes; the code is `body_size` bytes after the header */
    uint32_t size;                   /* bytes with header and trailers */
    uint32_t load_address;
    uint8_t version[8];              /* major, minor, revision u16, build u32 */
    uint32_t security_counter;
    uint32_t board_id;
    uint8_t digest[32];              /* SHA-256 over header, body and protected trailers */
    uint32_t proof[2];               /* that every check was passed: for boot_insist */
};

/* What the journal says. */
struct boot_state {
    uint8_t slot[BOOT_SLOTS];   /* enum pal_link_slot_state: EMPTY (nothing said), PENDING, TRIAL, CONFIRMED, REJECTED */
    uint8_t active;             /* the confirmed slot, BOOT_NO_SLOT before the first confirmation */
    uint32_t security_counter;  /* of the newest confirmed image */
};

/* Check an image in a slot: structure, board, counter against `minimum`, digest, signature. 0, or
 * PAL_ERR_IMAGE, _BOARD, _DOWNGRADE, _DIGEST, _SIGNATURE, _FLASH. `image` is filled as far as could be read. */
int boot_check(const struct boot_config *config, unsigned slot, uint32_t minimum, struct boot_image *image) PAL_MUST_CHECK;

/* The same for an image of which a copy is in memory at `data`: what will run is what was verified. The counter is
 * compared with the journal's, too. */
int boot_check_memory(const struct boot_config *config, const uint8_t *data, uint32_t size, uint32_t minimum,
                      struct boot_image *image) PAL_MUST_CHECK;

/* Right before the jump into an image: returns only if boot_check_memory accepted it, in every one of its checks.
 * Otherwise it never returns: a fault was injected, and the watchdog resets the board. */
void boot_insist(const struct boot_image *image);

/* Read the journal; always gives a state, whatever the flash holds. */
int boot_read(const struct boot_config *config, struct boot_state *state) PAL_MUST_CHECK;

/* The bootloader's decision. Writes to the journal before it answers (a trial is spent, a failed one rejected);
 * the power may fail at any moment. `slot` is BOOT_NO_SLOT if neither slot boots: recovery. The bootloader then
 * copies the image, calls boot_check_memory on the copy, and boot_reject if that fails. */
int boot_select(const struct boot_config *config, unsigned *slot, struct boot_image *image) PAL_MUST_CHECK;

/* The slot did not boot after all: choose again. */
int boot_reject(const struct boot_config *config, unsigned slot) PAL_MUST_CHECK;

/* The application: make the image in `slot` boot on trial at the next reset. It was checked before. */
int boot_request(const struct boot_config *config, unsigned slot) PAL_MUST_CHECK;

/* The application, after its self-test: keep the running image, and raise the security counter to its own. */
int boot_confirm(const struct boot_config *config, unsigned slot) PAL_MUST_CHECK;

/* Before a slot is written: forget what the journal says of it, so that half an image is never tried. */
int boot_forget(const struct boot_config *config, unsigned slot) PAL_MUST_CHECK;

#endif /* FIRMWARE_BOOT_H */
