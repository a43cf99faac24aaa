/* SPDX-License-Identifier: Apache-2.0 */
/* A USB device with one vendor interface: bulk OUT 0x01 and bulk IN 0x81. This answers control transfers; the
 * board's controller driver moves them and the bulk data. Windows binds its WinUSB driver by itself, as the
 * device has Microsoft's OS 2.0 descriptors. */
#ifndef FIRMWARE_USB_H
#define FIRMWARE_USB_H

#include <stdint.h>

#define USB_OUT 0x01u
#define USB_IN 0x81u
#define USB_REPLY_MAX 256u
#define USB_STALL (-1)

/* The caller fills all but the last field. Strings are ASCII, at most 60 characters. */
struct usb_device {
    uint16_t vendor, product;
    uint16_t packet; /* bytes of a bulk packet: 64 at full speed, 512 at high speed */
    const char *manufacturer, *name, *serial;
    void *ctx;
    /* To be used from the end of this control transfer on. */
    void (*set_address)(void *ctx, uint8_t address);
    /* Endpoints work when `on`, empty and not halted. */
    void (*configure)(void *ctx, int on);
    /* Stall an endpoint, or let it go on with its data toggle cleared. */
    void (*halt)(void *ctx, uint8_t endpoint, int on);
    uint8_t configuration, halted; /* bit 0 OUT, bit 1 IN */
};

/* The bus was reset. */
void usb_device_reset(struct usb_device *usb);

/* Answer a control transfer: bytes of `reply` to send, at most what was asked for; USB_STALL to refuse it. No
 * request that is taken brings data. */
int usb_device_control(struct usb_device *usb, const uint8_t setup[8], uint8_t reply[USB_REPLY_MAX]);

#endif /* FIRMWARE_USB_H */
