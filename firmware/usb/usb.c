/* SPDX-License-Identifier: Apache-2.0 */
#include "usb.h"

#include <string.h>

#define LOW(x) (uint8_t)((x)&0xFFu)
#define HIGH(x) (uint8_t)((x) >> 8 & 0xFFu)

enum { GET_STATUS = 0, CLEAR_FEATURE = 1, SET_FEATURE = 3, SET_ADDRESS = 5, GET_DESCRIPTOR = 6,
       GET_CONFIGURATION = 8, SET_CONFIGURATION = 9, GET_INTERFACE = 10, SET_INTERFACE = 11 };
enum { TO_DEVICE = 0x00, TO_INTERFACE = 0x01, TO_ENDPOINT = 0x02, FROM_DEVICE = 0x80, FROM_INTERFACE = 0x81,
       FROM_ENDPOINT = 0x82, VENDOR_FROM_DEVICE = 0xC0 };
enum { DEVICE = 1, CONFIGURATION = 2, STRING = 3, INTERFACE = 4, ENDPOINT = 5, BOS = 15, CAPABILITY = 16 };
enum { MANUFACTURER_STRING = 1, PRODUCT_STRING, SERIAL_STRING };

#define MICROSOFT_REQUEST 1u /* our vendor request for its descriptors */
#define MICROSOFT_INDEX 7u
#define MICROSOFT_SIZE 162u
#define INTERFACE_GUID "{6F1D6C0C-6A5B-4C6E-9C53-0A7B1DB3E5C1}"

static uint32_t device_descriptor(const struct usb_device *usb, uint8_t *out)
{
    const uint8_t bytes[] = {18, DEVICE, 0x01, 0x02, 0, 0, 0, 64, LOW(usb->vendor), HIGH(usb->vendor),
                             LOW(usb->product), HIGH(usb->product), 0x00, 0x01, MANUFACTURER_STRING,
                             PRODUCT_STRING, SERIAL_STRING, 1};
    memcpy(out, bytes, sizeof bytes);
    return sizeof bytes;
}

static uint32_t configuration_descriptor(const struct usb_device *usb, uint8_t *out)
{
    const uint8_t bytes[] = {9, CONFIGURATION, 32, 0, 1, 1, 0, 0x80, 250 /* 500 mA */,
                             9, INTERFACE, 0, 0, 2, 0xFF, 0, 0, 0,
                             7, ENDPOINT, USB_OUT, 2, LOW(usb->packet), HIGH(usb->packet), 0,
                             7, ENDPOINT, USB_IN, 2, LOW(usb->packet), HIGH(usb->packet), 0};
    memcpy(out, bytes, sizeof bytes);
    return sizeof bytes;
}

/* ASCII as UTF-16. */
static uint32_t wide(uint8_t *out, const char *text)
{
    uint32_t size = 0;
    for (; *text; text++) {
        out[size++] = (uint8_t)*text;
        out[size++] = 0;
    }
    return size;
}

static uint32_t string_descriptor(const struct usb_device *usb, unsigned index, uint8_t *out)
{
    static const uint8_t languages[] = {4, STRING, 0x09, 0x04};
    const char *const text[] = {NULL, usb->manufacturer, usb->name, usb->serial};
    if (index == 0) {
        memcpy(out, languages, sizeof languages);
        return sizeof languages;
    }
    if (index >= sizeof text / sizeof *text)
        return 0;
    out[0] = (uint8_t)(2 + wide(out + 2, text[index]));
    out[1] = STRING;
    return out[0];
}

/* The capability that says where Microsoft's descriptors are. */
static uint32_t bos_descriptor(uint8_t *out)
{
    static const uint8_t bytes[] = {5, BOS, 33, 0, 1, 28, CAPABILITY, 5, 0, 0xDF, 0x60, 0xDD, 0xD8, 0x89, 0x45, 0xC7,
                                    0x4C, 0x9C, 0xD2, 0x65, 0x9D, 0x9E, 0x64, 0x8A, 0x9F, 0x00, 0x00, 0x03, 0x06,
                                    MICROSOFT_SIZE, 0, MICROSOFT_REQUEST, 0};
    memcpy(out, bytes, sizeof bytes);
    return sizeof bytes;
}

/* "Use WinUSB", and the name under which programs find the interface. */
static uint32_t microsoft_descriptors(uint8_t *out)
{
    static const uint8_t head[] = {10, 0, 0, 0, 0x00, 0x00, 0x03, 0x06, MICROSOFT_SIZE, 0,
                                   20, 0, 3, 0, 'W', 'I', 'N', 'U', 'S', 'B', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                   132, 0, 4, 0, 7, 0, 42, 0};
    static const uint8_t value[] = {80, 0};
    memset(out, 0, MICROSOFT_SIZE);
    uint8_t *at = out;
    memcpy(at, head, sizeof head);
    at += sizeof head;
    at += wide(at, "DeviceInterfaceGUIDs") + 2;
    memcpy(at, value, sizeof value);
    at += sizeof value;
    at += wide(at, INTERFACE_GUID) + 4;
    return (uint32_t)(at - out);
}

static uint32_t descriptor(const struct usb_device *usb, unsigned type, unsigned index, uint8_t *out)
{
    switch (type) {
    case DEVICE:
        return device_descriptor(usb, out);
    case CONFIGURATION:
        return index == 0 ? configuration_descriptor(usb, out) : 0;
    case STRING:
        return string_descriptor(usb, index, out);
    case BOS:
        return bos_descriptor(out);
    default:
        return 0;
    }
}

/* Bit of an endpoint in `halted`, or 0. */
static uint8_t endpoint_bit(unsigned endpoint)
{
    return endpoint == USB_OUT ? 1 : endpoint == USB_IN ? 2 : 0;
}

static int endpoint_halt(struct usb_device *usb, unsigned feature, unsigned endpoint, int on)
{
    uint8_t bit = endpoint_bit(endpoint);
    if (feature != 0 || !bit || !usb->configuration)
        return USB_STALL;
    usb->halted = (uint8_t)(on ? usb->halted | bit : usb->halted & ~bit);
    usb->halt(usb->ctx, (uint8_t)endpoint, on);
    return 0;
}

static int configure(struct usb_device *usb, unsigned value)
{
    if (value > 1)
        return USB_STALL;
    usb->configuration = (uint8_t)value;
    usb->halted = 0;
    usb->configure(usb->ctx, value == 1);
    return 0;
}

static int answer(struct usb_device *usb, const uint8_t setup[8], uint8_t *reply)
{
    unsigned value = setup[2] | (unsigned)setup[3] << 8, index = setup[4] | (unsigned)setup[5] << 8;
    uint32_t size;
    reply[0] = reply[1] = 0;
    switch ((unsigned)setup[0] << 8 | setup[1]) {
    case FROM_DEVICE << 8 | GET_STATUS:
        return 2;
    case FROM_INTERFACE << 8 | GET_STATUS:
        return usb->configuration && index == 0 ? 2 : USB_STALL;
    case FROM_ENDPOINT << 8 | GET_STATUS:
        reply[0] = (usb->halted & endpoint_bit(index)) != 0;
        return (index & 0x7Fu) == 0 || (usb->configuration && endpoint_bit(index)) ? 2 : USB_STALL;
    case TO_ENDPOINT << 8 | CLEAR_FEATURE:
        return endpoint_halt(usb, value, index, 0);
    case TO_ENDPOINT << 8 | SET_FEATURE:
        return endpoint_halt(usb, value, index, 1);
    case TO_DEVICE << 8 | SET_ADDRESS:
        if (value > 127)
            return USB_STALL;
        usb->set_address(usb->ctx, (uint8_t)value);
        return 0;
    case FROM_DEVICE << 8 | GET_DESCRIPTOR:
        size = descriptor(usb, value >> 8, value & 0xFFu, reply);
        return size ? (int)size : USB_STALL;
    case FROM_DEVICE << 8 | GET_CONFIGURATION:
        reply[0] = usb->configuration;
        return 1;
    case TO_DEVICE << 8 | SET_CONFIGURATION:
        return configure(usb, value);
    case FROM_INTERFACE << 8 | GET_INTERFACE:
        return usb->configuration && index == 0 ? 1 : USB_STALL;
    case TO_INTERFACE << 8 | SET_INTERFACE:
        return usb->configuration && index == 0 && value == 0 ? configure(usb, 1) : USB_STALL;
    case VENDOR_FROM_DEVICE << 8 | MICROSOFT_REQUEST:
        return index == MICROSOFT_INDEX ? (int)microsoft_descriptors(reply) : USB_STALL;
    default:
        return USB_STALL;
    }
}

void usb_device_reset(struct usb_device *usb)
{
    (void)configure(usb, 0);
}

int usb_device_control(struct usb_device *usb, const uint8_t setup[8], uint8_t reply[USB_REPLY_MAX])
{
    int wanted = setup[6] | setup[7] << 8, size = answer(usb, setup, reply);
    return size > wanted ? wanted : size;
}
