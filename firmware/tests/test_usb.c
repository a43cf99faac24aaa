/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "check.h"
#include "usb/usb.h"

struct controller {
    int address, configured, halted[2];
};

static void set_address(void *ctx, uint8_t address)
{
    ((struct controller *)ctx)->address = address;
}

static void configure(void *ctx, int on)
{
    ((struct controller *)ctx)->configured = on;
}

static void halt(void *ctx, uint8_t endpoint, int on)
{
    ((struct controller *)ctx)->halted[endpoint >> 7] = on;
}

static struct controller controller;
static struct usb_device usb;
static uint8_t reply[USB_REPLY_MAX + 1];

static void begin(void)
{
    controller = (struct controller){0};
    usb = (struct usb_device){.vendor = 0x1209, .product = 0x0001, .packet = 64, .manufacturer = "PAL", .name = "board",
                              .serial = "0123456789ABCDEF", .ctx = &controller, .set_address = set_address,
                              .configure = configure, .halt = halt};
    usb_device_reset(&usb);
}

static int control(unsigned type, unsigned request, unsigned value, unsigned index, unsigned length)
{
    const uint8_t setup[8] = {(uint8_t)type, (uint8_t)request, (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)index,
                              (uint8_t)(index >> 8), (uint8_t)length, (uint8_t)(length >> 8)};
    return usb_device_control(&usb, setup, reply);
}

static void test_enumeration(void)
{
    begin();
    CHECK_EQUAL(control(0x80, 6, 0x0100, 0, 8), 8); /* what a host reads first, of the new device */
    CHECK_EQUAL(reply[7], 64);
    CHECK_EQUAL(control(0x00, 5, 17, 0, 0), 0);
    CHECK_EQUAL(controller.address, 17);
    CHECK_EQUAL(control(0x00, 5, 128, 0, 0), USB_STALL);
    CHECK_EQUAL(control(0x80, 6, 0x0100, 0, 64), 18);
    CHECK_EQUAL(reply[0], 18);
    CHECK_EQUAL(reply[8] | reply[9] << 8, 0x1209);
    CHECK_EQUAL(reply[10] | reply[11] << 8, 0x0001);
    CHECK_EQUAL(control(0x80, 6, 0x0200, 0, 9), 9);
    CHECK_EQUAL(reply[2] | reply[3] << 8, 32);
    CHECK_EQUAL(control(0x80, 6, 0x0200, 0, 255), 32);
    CHECK_EQUAL(reply[9 + 5], 0xFF);
    CHECK_EQUAL(reply[18 + 2], USB_OUT);
    CHECK_EQUAL(reply[25 + 2], USB_IN);
    CHECK_EQUAL(control(0x80, 6, 0x0201, 0, 255), USB_STALL);
    CHECK_EQUAL(control(0x80, 6, 0x0600, 0, 10), USB_STALL); /* no other speed */
    CHECK_EQUAL(control(0x80, 8, 0, 0, 1), 1);
    CHECK_EQUAL(reply[0], 0);
    CHECK_EQUAL(control(0x81, 10, 0, 0, 1), USB_STALL);
    CHECK_EQUAL(control(0x00, 9, 1, 0, 0), 0);
    CHECK_EQUAL(controller.configured, 1);
    CHECK_EQUAL(control(0x00, 9, 2, 0, 0), USB_STALL);
    CHECK_EQUAL(control(0x80, 8, 0, 0, 1), 1);
    CHECK_EQUAL(reply[0], 1);
    CHECK_EQUAL(control(0x81, 10, 0, 0, 1), 1);
    CHECK_EQUAL(control(0x01, 11, 0, 0, 0), 0);
    CHECK_EQUAL(control(0x01, 11, 1, 0, 0), USB_STALL);
    usb_device_reset(&usb);
    CHECK_EQUAL(controller.configured, 0);
    CHECK_EQUAL(usb.configuration, 0);
}

static void test_strings(void)
{
    static const char serial[] = "0123456789ABCDEF";
    begin();
    CHECK_EQUAL(control(0x80, 6, 0x0300, 0, 255), 4);
    CHECK_EQUAL(control(0x80, 6, 0x0303, 0x0409, 255), 2 + 2 * 16);
    CHECK_EQUAL(reply[0], 34);
    CHECK_EQUAL(reply[1], 3);
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQUAL(reply[2 + 2 * i] | reply[3 + 2 * i] << 8, serial[i]);
    CHECK_EQUAL(control(0x80, 6, 0x0304, 0x0409, 255), USB_STALL);
}

static void test_halts(void)
{
    begin();
    CHECK_EQUAL(control(0x02, 3, 0, 0x81, 0), USB_STALL); /* not configured */
    CHECK_EQUAL(control(0x00, 9, 1, 0, 0), 0);
    CHECK_EQUAL(control(0x02, 3, 0, 0x81, 0), 0);
    CHECK_EQUAL(controller.halted[1], 1);
    CHECK_EQUAL(control(0x82, 0, 0, 0x81, 2), 2);
    CHECK_EQUAL(reply[0], 1);
    CHECK_EQUAL(control(0x82, 0, 0, 0x01, 2), 2);
    CHECK_EQUAL(reply[0], 0);
    CHECK_EQUAL(control(0x02, 1, 0, 0x81, 0), 0);
    CHECK_EQUAL(controller.halted[1], 0);
    CHECK_EQUAL(control(0x82, 0, 0, 0x81, 2), 2);
    CHECK_EQUAL(reply[0], 0);
    CHECK_EQUAL(control(0x82, 0, 0, 0x02, 2), USB_STALL);
    CHECK_EQUAL(control(0x02, 3, 0, 0x02, 0), USB_STALL);
    CHECK_EQUAL(control(0x02, 3, 0, 0x01, 0), 0);
    CHECK_EQUAL(control(0x00, 9, 1, 0, 0), 0); /* configuring again ends halts */
    CHECK_EQUAL(usb.halted, 0);
}

/* The structure of Microsoft's descriptors: every length leads to the next one and to the end. */
static void test_windows(void)
{
    begin();
    CHECK_EQUAL(control(0x80, 6, 0x0F00, 0, 255), 33);
    CHECK_EQUAL(reply[2] | reply[3] << 8, 33);
    int size = reply[29] | reply[30] << 8;
    unsigned request = reply[31];
    CHECK_EQUAL(control(0xC0, request, 0, 7, 1024), size);
    CHECK_EQUAL(reply[8] | reply[9] << 8, size);
    CHECK_EQUAL(reply[10] | reply[11] << 8, 20);
    CHECK(memcmp(reply + 14, "WINUSB\0\0", 8) == 0);
    int property = 30, name = reply[property + 6] | reply[property + 7] << 8;
    CHECK_EQUAL(property + (reply[property] | reply[property + 1] << 8), size);
    int value = property + 8 + name;
    CHECK_EQUAL(value + 2 + (reply[value] | reply[value + 1] << 8), size);
    CHECK(reply[value - 2] == 0 && reply[value - 1] == 0);
    CHECK(memcmp(reply + size - 4, "\0\0\0\0", 4) == 0); /* the end of a list of strings */
    CHECK_EQUAL(reply[size - 6], '}');
    CHECK_EQUAL(control(0xC0, request, 0, 4, 1024), USB_STALL);
}

/* Any setup packet is safe, and no answer is longer than was asked for. */
static void test_any(void)
{
    begin();
    uint32_t random = 1;
    for (unsigned i = 0; i < 300000; i++) {
        unsigned field[5];
        for (unsigned f = 0; f < 5; f++) {
            random = random * 1664525u + 1013904223u;
            field[f] = random >> 16;
        }
        unsigned type = field[0] & 0xE3u, length = field[4] & 0x1FFu;
        reply[USB_REPLY_MAX] = 0xA5;
        int size = control(type, field[1] & 15u, field[2] & 0x0F03u, field[3] & 0x87u, length);
        if (size > (int)length || size < USB_STALL || size > (int)USB_REPLY_MAX || reply[USB_REPLY_MAX] != 0xA5)
            CHECK(!"a sound answer");
    }
    CHECK_EQUAL(control(0x80, 6, 0x0100, 0, 64), 18);
}

int main(void)
{
    test_enumeration();
    test_strings();
    test_halts();
    test_windows();
    test_any();
    return passed("usb");
}
