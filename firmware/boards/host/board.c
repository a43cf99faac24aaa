/* SPDX-License-Identifier: Apache-2.0 */
/* The board as a process: no bootloader, but its decision at the start where the flash holds images. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "firmware/entry.h"
#include "firmware/kept.h"
#include "firmware/server.h"
#include "pal/spec/targets.h"
#include "port.h"

#define SLOT_SIZE 0x40000u
#define JOURNAL_OFFSET 0x80000u
#define STORE_OFFSET 0x100000u
#define ENVIRONMENT "BOARD_KEPT" /* descriptor of the memory that a reset keeps */
#define WATCHDOG_US 10000000u

#define PAYLOAD 4096u
#define WINDOW 65536u

static uint8_t link_memory[BOARD_PORTS][BOARD_LINK_MEMORY(WINDOW, PAYLOAD)];
static struct board facts = {
    .name = "host",
    .boot = {
        .slot = {{&nor_flash, 0, SLOT_SIZE}, {&nor_flash, SLOT_SIZE, SLOT_SIZE}},
        .journal = {&nor_flash, JOURNAL_OFFSET, 2u * NOR_SECTOR},
        .board_id = 0x54534F48u, /* "HOST" */
        .load_address = 0x100000u,
        .load_size = SLOT_SIZE,
    },
    .store = {&nor_flash, STORE_OFFSET, NOR_SIZE - STORE_OFFSET},
    .engine = &engine_bus,
    .payload_max = {PAYLOAD, PAYLOAD},
    .window = {WINDOW, WINDOW},
    .link_memory = {link_memory[0], link_memory[1]},
};
static char **arguments;
static void *kept;
static int was_reset;
static struct timeval watchdog;
static int markers = -1;

_Noreturn void stop(const char *what, const char *why)
{
    fprintf(stderr, "error: %s: %s\n", what, why);
    exit(1);
}

static void on_signal(int number)
{
    const uint32_t registers[8] = {1, 2, 3, 4, 12, 14, 0x1234, 0x61000000}, fault[4] = {0x8200, 0, 0xDEAD, 0};
    kept_crash(number == SIGALRM ? KEPT_WATCHDOG : 3, registers, fault);
}

static void keep_memory(void)
{
    const char *former = getenv(ENVIRONMENT);
    int fd = former ? atoi(former) : memfd_create("kept", 0);
    char text[16];
    was_reset = former != NULL;
    snprintf(text, sizeof text, "%d", fd);
    setenv(ENVIRONMENT, text, 1);
    if (fd < 0 || ftruncate(fd, BOARD_KEPT_SIZE))
        stop("kept memory", strerror(errno));
    kept = mmap(NULL, BOARD_KEPT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (kept == MAP_FAILED)
        stop("kept memory", strerror(errno));
}

void board_init(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL); /* the reset may have come from a signal's handler */
    signal(SIGUSR1, on_signal);
    signal(SIGALRM, on_signal);
}

const struct board *board_facts(void)
{
    return &facts;
}

void board_serial_number(char out[16])
{
    memset(out, 0, 16);
    snprintf(out, 16, "HOST%d", (int)getpid());
}

uint32_t board_now_us(void)
{
    static uint64_t start;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t us = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
    if (!start)
        start = us;
    return (uint32_t)(us - start);
}

void board_watchdog_start(uint32_t us)
{
    watchdog = (struct timeval){us / 1000000u, us % 1000000u};
    board_watchdog_kick();
}

void board_watchdog_kick(void)
{
    const struct itimerval timer = {.it_value = watchdog};
    setitimer(ITIMER_REAL, &timer, NULL);
}

unsigned board_reset_reason(void)
{
    return was_reset ? PAL_RESET_SOFTWARE : PAL_RESET_POWER;
}

int board_recovery_asked(void)
{
    return 0;
}

_Noreturn void board_reset(void)
{
    execv("/proc/self/exe", arguments);
    _exit(1);
}

void *board_kept(void)
{
    return kept;
}

void board_markers(uint32_t bits)
{
    static uint32_t last;
    const uint8_t byte = (uint8_t)bits;
    if (bits != last && markers >= 0 && write(markers, &byte, 1) != 1)
        stop("markers", strerror(errno));
    last = bits;
}

static void parse_key(const char *text, uint8_t key[BOOT_KEY_SIZE])
{
    int good = strlen(text) == 2 * BOOT_KEY_SIZE;
    for (unsigned i = 0; good && i < BOOT_KEY_SIZE; i++)
        good = sscanf(text + 2 * i, "%2hhx", &key[i]) == 1;
    if (!good)
        stop(text, "a key has 64 hexadecimal digits");
}

static void parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"target", 1, NULL, 't'}, {"key", 1, NULL, 'k'}, {"delay", 1, NULL, 'd'},
                                          {"fault", 1, NULL, 'f'}, {"markers", 1, NULL, 'm'}, {NULL, 0, NULL, 0}};
    const char *target = "pal-e128";
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 't')
            target = optarg;
        else if (option == 'd')
            options->delay_us = (uint32_t)strtoul(optarg, NULL, 10);
        else if (option == 'f')
            options->fault = (uint32_t)strtoul(optarg, NULL, 0);
        else if (option == 'm')
            markers = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        else if (option == 'k')
            parse_key(optarg, options->key);
        else
            exit(2);
    }
    for (unsigned i = 0; i < PAL_TARGET_COUNT; i++)
        if (strcmp(PAL_TARGETS[i].name, target) == 0)
            options->target = &PAL_TARGETS[i];
    if (!options->target)
        stop(target, "no such target");
    if (optind != argc - 1)
        stop(argv[0], "one FLASH file is needed");
    options->flash = argv[optind];
}

/* Nothing was ever written into the slots: the program runs as if it had come from the first. */
static int is_blank(void)
{
    for (uint32_t i = 0; i < 2u * SLOT_SIZE; i++)
        if (nor_flash.window[i] != 0xFF)
            return 0;
    return 1;
}

/* The bootloader's part. */
static void boot(void)
{
    struct boot_image image = {0};
    struct kept left;
    unsigned slot = 0;
    kept_load(&left);
    if (left.recover)
        slot = BOOT_NO_SLOT;
    else if (!is_blank() && boot_select(&facts.boot, &slot, &image))
        slot = BOOT_NO_SLOT;
    left.recover = 0;
    left.slot = slot;
    memcpy(left.version, image.version, sizeof left.version);
    kept_save(&left);
    if (slot == BOOT_NO_SLOT) {
        board_init();
        server_recover();
    }
}

int main(int argc, char **argv)
{
    struct options options = {0};
    arguments = argv;
    parse(argc, argv, &options);
    flash_open(options.flash);
    memcpy(facts.boot.key, options.key, sizeof options.key);
    facts.memory = engine_open(&options);
    keep_memory();
    ports_open();
    board_watchdog_start(WATCHDOG_US);
    boot();
    firmware_main();
}
