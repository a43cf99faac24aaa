/* SPDX-License-Identifier: Apache-2.0 */
/* The store's directory: a ring of pages in flash. The newest page begins with a list of the models there were when
 * it was made, and goes on with what was added and removed since. A page counts once its header is written, last. */
#ifndef STORE_DIRECTORY_H
#define STORE_DIRECTORY_H

#include "firmware/store.h"

#define DIRECTORY_PAGES 4u
#define DIRECTORY_PAGE_SIZE (2u * PAL_LINK_SECTOR)
#define DIRECTORY_SIZE (DIRECTORY_PAGES * DIRECTORY_PAGE_SIZE)

enum directory_kind { DIRECTORY_ADD = 1, DIRECTORY_REMOVE = 2 };

/* Call `apply` for every sound record in order, and set the store's directory, used and generation. */
int directory_read(struct store *store, void (*apply)(void *, enum directory_kind, const struct store_entry *), void *ctx);

/* Write one record. PAL_ERR_FULL: the page has no room. */
int directory_append(struct store *store, enum directory_kind kind, const struct store_entry *entry);

/* Write the store's entries, as they are in memory, to the next page of the ring. */
int directory_rewrite(struct store *store);

#endif /* STORE_DIRECTORY_H */
