/* SPDX-License-Identifier: Apache-2.0 */
#include "dut.h"

#include <string.h>

#include "app.h"

#define RESULTS_MAX 32u
#define TIMEOUT_US 10000000u /* of one engine segment */
#define PULSE_US 50u
#define SERVE_US 20000u /* in a series of inferences the link's requests are answered that often */
#define NUMBER_MAX 0x7FFFFFFFu

/* One line of output. */
struct line {
    char text[128];
    uint32_t size;
};

static void add(struct line *line, const char *text)
{
    while (*text && line->size < sizeof line->text - 2)
        line->text[line->size++] = *text++;
}

static void add_number(struct line *line, uint32_t value, unsigned width)
{
    char digits[11];
    unsigned at = sizeof digits - 1;
    digits[at] = 0;
    do {
        digits[--at] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value || sizeof digits - 1 - at < width);
    add(line, digits + at);
}

/* Three decimals. */
static void add_float(struct line *line, float value)
{
    if (value < 0) {
        add(line, "-");
        value = -value;
    }
    uint32_t whole = value < 4e9f ? (uint32_t)value : UINT32_MAX;
    uint32_t thousandths = whole == UINT32_MAX ? 0 : (uint32_t)((value - (float)whole) * 1000.0f + 0.5f);
    add_number(line, whole + thousandths / 1000u, 1);
    add(line, ".");
    add_number(line, thousandths % 1000u, 3);
}

static void put(struct app *app, const struct line *line)
{
    server_print(&app->server, BOARD_SERIAL, line->text, line->size);
}

static void end(struct app *app, struct line *line)
{
    line->text[line->size++] = '\r';
    line->text[line->size++] = '\n';
    put(app, line);
}

/* "before", an optional text, "after". */
static void say(struct app *app, const char *before, const char *text, const char *after)
{
    struct line line = {.size = 0};
    add(&line, before);
    add(&line, text);
    add(&line, after);
    end(app, &line);
}

static void say_number(struct app *app, const char *before, uint32_t number, const char *after)
{
    struct line line = {.size = 0};
    add(&line, before);
    add_number(&line, number, 1);
    add(&line, after);
    end(app, &line);
}

static void fail(struct app *app, const char *why)
{
    say(app, "e-[", why, "]");
}

void dut_close(struct app *app)
{
    struct dut *dut = &app->dut;
    if (dut->session)
        session_close(dut->session);
    if (dut->buffer)
        session_close(dut->buffer);
    dut->session = dut->buffer = NULL;
    dut->expected = dut->loaded = 0;
}

/* The model that answers: the one of that label, or the first that has one. */
static const struct store_entry *choose(const struct app *app, const char *label, const struct dut_task **task)
{
    for (uint32_t i = 0; i < app->store.count; i++) {
        const struct store_entry *entry = &app->store.entry[i];
        *task = dut_find_task(entry->label);
        if (*task && (!label[0] || strncmp(entry->label, label, DUT_LABEL) == 0))
            return entry;
    }
    return NULL;
}

static void fail_choice(struct app *app)
{
    fail(app, "No model with the label of a benchmark; `pal-edge flash MODEL --mlperf LABEL` gives one");
}

/* A session on that model; whether there is one now. */
static int open(struct app *app)
{
    struct dut *dut = &app->dut;
    struct session *session;
    if (dut->session)
        return 1;
    const struct store_entry *entry = choose(app, dut->label, &dut->task);
    if (!entry) {
        fail_choice(app);
        return 0;
    }
    int err = session_open(app, SESSION_PORT_NONE, entry->name, 0, &session);
    if (!err && (err = session_start(app, session)) != 0)
        session_close(session);
    if (!err && !dut_input_size(dut->task, &session->model)) {
        session_close(session);
        err = PAL_ERR_FORMAT;
    }
    if (err) {
        fail(app, pal_status_text(err));
        return 0;
    }
    session->session.timeout_us = TIMEOUT_US;
    dut->session = session;
    return 1;
}

/* Also the falling edge on a pin that energy meters wait for. */
static void timestamp(struct app *app)
{
    uint32_t now = board_now_us();
    board_markers(MARKER_TIMESTAMP);
    while (board_now_us() - now < PULSE_US)
        continue;
    board_markers(0);
    say_number(app, "m-lap-us-", now, "");
}

static void results(struct app *app)
{
    struct dut *dut = &app->dut;
    struct line line = {.size = 0};
    float values[RESULTS_MAX];
    uint32_t count;
    if (!dut->session || !dut->buffer) {
        fail(app, "No inference yet");
        return;
    }
    int err = dut_read_results(dut->session, dut->task, dut->buffer->data, values, RESULTS_MAX, &count);
    if (err) {
        fail(app, pal_status_text(err));
        return;
    }
    add(&line, "m-results-[");
    for (uint32_t i = 0; i < count; i++) {
        add_float(&line, values[i]);
        add(&line, i + 1 < count ? "," : "]");
        if (line.size > sizeof line.text / 2) {
            put(app, &line);
            line.size = 0;
        }
    }
    end(app, &line);
}

/* `count` inferences; whether all went well. */
static int repeat(struct app *app, uint32_t count)
{
    struct dut *dut = &app->dut;
    struct pal_link_ran ran;
    uint32_t served_us = board_now_us();
    for (; count; count--) {
        int err = session_run(app, dut->session, 0, dut->session->model.command_count, &ran);
        if (err) {
            fail(app, pal_status_text(err));
            return 0;
        }
        if (board_now_us() - served_us >= SERVE_US) {
            (void)server_poll(&app->server);
            served_us = board_now_us();
            if (!dut->session || app->server.restarting) {
                fail(app, "A host took the model away");
                return 0;
            }
        }
    }
    return 1;
}

static void infer(struct app *app, uint32_t count, uint32_t warmups)
{
    struct dut *dut = &app->dut;
    if (!open(app))
        return;
    if (!dut->buffer || dut->loaded != dut_input_size(dut->task, &dut->session->model)) {
        say_number(app, "e-[Input has another size than ", dut_input_size(dut->task, &dut->session->model), "]");
        return;
    }
    int err = dut_load_input(dut->session, dut->task, dut->buffer->data);
    if (err) {
        fail(app, pal_status_text(err));
        return;
    }
    say_number(app, "m-warmup-start-", warmups, "");
    if (!repeat(app, warmups))
        return;
    say(app, "m-warmup-done", "", "");
    say_number(app, "m-infer-start-", count, "");
    timestamp(app);
    if (!repeat(app, count))
        return;
    timestamp(app);
    say(app, "m-infer-done", "", "");
    results(app);
}

/* The next word of the command, cut off at a space; NULL behind the last. */
static char *word(char **rest)
{
    char *start = *rest;
    while (*start == ' ')
        start++;
    if (!*start)
        return NULL;
    char *at = start;
    while (*at && *at != ' ')
        at++;
    *rest = *at ? at + 1 : at;
    *at = 0;
    return start;
}

/* A number of digits alone, up to NUMBER_MAX. */
static int number(const char *text, uint32_t *value)
{
    *value = 0;
    for (; text && *text >= '0' && *text <= '9'; text++) {
        if (*value > NUMBER_MAX / 10u)
            return 0;
        *value = *value * 10u + (uint32_t)(*text - '0');
    }
    return text && !*text;
}

static int digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return found ? (int)(found - digits) : -1;
}

static void db_load(struct app *app, char *rest)
{
    struct dut *dut = &app->dut;
    uint32_t size;
    if (!number(word(&rest), &size) || size == 0) {
        fail(app, "Command 'db load' must be >0 bytes");
        return;
    }
    if (dut->buffer)
        session_close(dut->buffer);
    dut->buffer = NULL;
    dut->expected = dut->loaded = 0;
    if (session_open(app, SESSION_PORT_NONE, NULL, size, &dut->buffer)) {
        dut->buffer = NULL;
        say_number(app, "e-[Supplied buffer size exceeds maximum of ", session_memory_free(app), "]");
        return;
    }
    dut->expected = size;
    say_number(app, "m-[Expecting ", size, " bytes]");
}

static void db_print(struct app *app, char *rest)
{
    static const char digits[] = "0123456789abcdef";
    struct dut *dut = &app->dut;
    uint32_t count, offset = 0;
    const char *first = word(&rest), *second = word(&rest);
    if (!first)
        count = dut->loaded;
    else if (!number(first, &count) || (second && !number(second, &offset)) || offset > dut->loaded) {
        fail(app, "Command 'db print' takes a number of bytes and an offset");
        return;
    }
    count = count < dut->loaded - offset ? count : dut->loaded - offset;
    for (uint32_t at = 0; at < count; at += 8) {
        struct line line = {.size = 0};
        add(&line, "m-buffer");
        for (uint32_t i = at; i < count && i < at + 8; i++) {
            uint8_t byte = dut->buffer->data[offset + i];
            const char hex[] = {'-', digits[byte >> 4], digits[byte & 15], 0};
            add(&line, hex);
        }
        end(app, &line);
    }
}

static void db_bytes(struct app *app, const char *hex)
{
    struct dut *dut = &app->dut;
    const struct pal_bus *bus = &app->engine.bus;
    uint8_t bytes[DUT_COMMAND_MAX / 2];
    uint32_t count = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        int high = digit(hex[0]), low = digit(hex[1]);
        if (high < 0 || low < 0) {
            fail(app, "Invalid hex digit");
            return;
        }
        bytes[count++] = (uint8_t)(high << 4 | low);
    }
    if (hex[0]) {
        fail(app, "Insufficent number of hex digits");
        return;
    }
    if (dut->loaded == dut->expected) {
        fail(app, "Command 'db' before 'db load', or behind its end");
        return;
    }
    count = count < dut->expected - dut->loaded ? count : dut->expected - dut->loaded;
    if (bus->write(bus->ctx, dut->buffer->file.address + dut->loaded, bytes, count)) {
        fail(app, pal_status_text(PAL_ERR_BUS));
        return;
    }
    dut->loaded += count;
    if (dut->loaded == dut->expected)
        say(app, "m-load-done", "", "");
}

static void on_db(struct app *app, char *rest)
{
    const char *what = word(&rest);
    if (!what)
        fail(app, "Command 'db' requires a subcommand");
    else if (strcmp(what, "load") == 0)
        db_load(app, rest);
    else if (strcmp(what, "print") == 0)
        db_print(app, rest);
    else
        db_bytes(app, what);
}

static void on_infer(struct app *app, char *rest)
{
    uint32_t count = 1, warmups = 10;
    const char *first = word(&rest), *second = word(&rest);
    if (first && (!number(first, &count) || count == 0))
        fail(app, "Inference iterations must be >0");
    else if (second && !number(second, &warmups))
        fail(app, "Inference warmup must be >=0");
    else
        infer(app, count, warmups);
}

static void on_name(struct app *app, char *rest)
{
    (void)rest;
    say(app, "m-name-dut-[pal-edge-", app->server.board->name, "]");
}

static void on_profile(struct app *app, char *rest)
{
    const struct dut_task *task;
    (void)rest;
    say(app, "m-profile-[ULPMark for tinyML Firmware V0.0.1]", "", ""); /* which the runner's scripts are for */
    if (choose(app, app->dut.label, &task))
        say(app, "m-model-[", task->label, "]");
    else
        fail_choice(app);
}

/* Not one of the benchmark's: which model answers, where the store has several. */
static void on_model(struct app *app, char *rest)
{
    const struct dut_task *task = NULL;
    const char *label = word(&rest);
    if (!label || !dut_find_task(label)) {
        fail(app, "Command 'model' requires ad01, ic01, kws01 or vww01");
    } else if (!choose(app, label, &task)) {
        fail_choice(app);
    } else {
        dut_close(app);
        memset(app->dut.label, 0, sizeof app->dut.label);
        memcpy(app->dut.label, task->label, strlen(task->label));
        say(app, "m-model-[", task->label, "]");
    }
}

static void on_timestamp(struct app *app, char *rest)
{
    (void)rest;
    timestamp(app);
}

static void on_results(struct app *app, char *rest)
{
    (void)rest;
    results(app);
}

static void on_help(struct app *app, char *rest)
{
    static const char *const lines[] = {
        "name%         the name of the device",
        "profile%      the protocol, and the benchmark that is answered",
        "model LABEL%  answer this one",
        "timestamp%    the time in microseconds",
        "db load N%    expect N bytes of input",
        "db HH[HH]*%   some of them",
        "db print [N] [OFFSET]%",
        "infer N [W]%  N inferences after W others (10)",
        "results%      of the last one",
    };
    (void)rest;
    for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++)
        say(app, lines[i], "", "");
}

static void obey(struct app *app, char *command)
{
    static const struct {
        const char *name;
        void (*function)(struct app *app, char *rest);
    } known[] = {{"name", on_name},   {"profile", on_profile}, {"timestamp", on_timestamp}, {"db", on_db},
                 {"infer", on_infer}, {"results", on_results}, {"help", on_help},           {"model", on_model}};
    char *rest = command;
    const char *name = word(&rest);
    unsigned i = 0;
    while (i < sizeof known / sizeof *known && (!name || strcmp(known[i].name, name) != 0))
        i++;
    if (i < sizeof known / sizeof *known)
        known[i].function(app, rest);
    else
        say(app, "e-[Unknown command: ", name ? name : "", "]");
    say(app, "m-ready", "", "");
}

void dut_text(void *ctx, const uint8_t *data, uint32_t size)
{
    struct dut *dut = &((struct app *)ctx)->dut;
    for (uint32_t i = 0; i < size && dut->head - dut->tail < DUT_RECEIVED; i++)
        dut->received[dut->head++ % DUT_RECEIVED] = (char)data[i];
}

int dut_poll(struct app *app)
{
    struct dut *dut = &app->dut;
    int done = 0;
    while (dut->tail != dut->head && !app->server.restarting) {
        char c = dut->received[dut->tail++ % DUT_RECEIVED];
        if (c == '%') {
            int whole = dut->size <= DUT_COMMAND_MAX;
            dut->command[whole ? dut->size : 0] = 0;
            dut->size = 0;
            obey(app, dut->command);
            done = 1;
        } else if (c >= ' ') {
            if (dut->size < DUT_COMMAND_MAX)
                dut->command[dut->size] = c;
            if (dut->size <= DUT_COMMAND_MAX)
                dut->size++;
        }
    }
    return done;
}
