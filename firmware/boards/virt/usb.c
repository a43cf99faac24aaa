/* SPDX-License-Identifier: Apache-2.0 */
/* The USB port: a controller of the board model that moves whole transfers. */
#include "usb/usb.h"

#include <string.h>

#include "cpu.h"
#include "pal/spec/link.h"
#include "port.h"
#include "registers.h"

#define USB(name) SHARED_REGISTER(PAL_VB_USB_OFFSET + PAL_VB_REG_USB_##name)

static void set_address(void *ctx, uint8_t address)
{
    (void)ctx;
    USB(ADDRESS) = address;
}

static void configure(void *ctx, int on)
{
    (void)ctx;
    USB(OUT_DONE) = USB(OUT_SEQ);
    USB(IN_SEQ) = USB(IN_DONE);
    USB(CONFIGURATION) = on ? 1 : 0;
}

static void halt(void *ctx, uint8_t endpoint, int on)
{
    (void)ctx, (void)endpoint, (void)on; /* nothing is halted here, and a toggle there is not */
}

static struct usb_device device = {
    .vendor = PAL_LINK_USB_VENDOR,
    .product = PAL_LINK_USB_PRODUCT,
    .packet = 64,
    .manufacturer = "PAL",
    .set_address = set_address,
    .configure = configure,
    .halt = halt,
};

void usb_init(const char *product, const char *serial)
{
    device.name = product;
    device.serial = serial;
    USB(CONNECT) = 0;
    USB(ADDRESS) = 0;
    USB(RESETS_SEEN) = USB(RESETS);
    USB(SETUP_DONE) = USB(SETUP_SEQ);
    usb_device_reset(&device);
    wire_ring(PAL_VB_EVENT_USB);
}

/* The model may tell of several things with one byte, or of nothing new. */
void usb_interrupt(void)
{
    cpu_barrier();
    uint32_t resets = USB(RESETS), setup = USB(SETUP_SEQ);
    if (resets != USB(RESETS_SEEN)) {
        USB(ADDRESS) = 0;
        usb_device_reset(&device);
        USB(RESETS_SEEN) = resets;
        wire_ring(PAL_VB_EVENT_USB);
    }
    if (setup != USB(SETUP_DONE)) {
        const uint32_t words[2] = {USB(SETUP_0), USB(SETUP_1)};
        uint8_t packet[8];
        memcpy(packet, words, sizeof packet);
        int size = usb_device_control(&device, packet, SHARED(PAL_VB_USB_CONTROL_OFFSET));
        USB(SETUP_STATUS) = size < 0;
        USB(SETUP_LENGTH) = size < 0 ? 0 : (uint32_t)size;
        cpu_barrier();
        USB(SETUP_DONE) = setup;
        wire_ring(PAL_VB_EVENT_USB);
    }
}

uint32_t usb_read(uint8_t *data, uint32_t size)
{
    static uint32_t transfer, taken; /* bytes taken of which transfer */
    if (!USB(CONNECT)) { /* from the first read on, so that the host sees the bootloader only in recovery */
        USB(CONNECT) = 1;
        wire_ring(PAL_VB_EVENT_USB);
    }
    uint32_t number = USB(OUT_SEQ);
    if (number == USB(OUT_DONE) || !USB(CONFIGURATION))
        return 0;
    cpu_barrier();
    if (number != transfer) {
        transfer = number;
        taken = 0;
    }
    uint32_t left = USB(OUT_LENGTH);
    left = left > PAL_VB_USB_BUFFER || left < taken ? 0 : left - taken;
    if (size > left)
        size = left;
    memcpy(data, SHARED(PAL_VB_USB_OUT_OFFSET + taken), size);
    taken += size;
    if (size == left) {
        cpu_barrier();
        USB(OUT_DONE) = number;
        wire_ring(PAL_VB_EVENT_USB);
    }
    return size;
}

uint32_t usb_room(void)
{
    return USB(CONFIGURATION) && USB(IN_SEQ) == USB(IN_DONE) ? PAL_VB_USB_BUFFER : 0;
}

uint32_t usb_write(const uint8_t *data, uint32_t size)
{
    uint32_t room = usb_room();
    if (size > room)
        size = room;
    if (size == 0)
        return 0;
    memcpy(SHARED(PAL_VB_USB_IN_OFFSET), data, size);
    USB(IN_LENGTH) = size;
    uint32_t state = cpu_hold_interrupts(); /* a bus reset empties the endpoint */
    cpu_barrier();
    if (USB(CONFIGURATION))
        USB(IN_SEQ)++;
    cpu_release_interrupts(state);
    wire_ring(PAL_VB_EVENT_USB);
    return size;
}
