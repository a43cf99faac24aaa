/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and the stream in them. Positions in a stream count its bytes modulo 2^32. */
#include "pal/link.h"

#include <string.h>

#include "frames.h"

#define RETRY_US 200000u
#define GIVE_UP_US 5000000u
#define SILENCE_US 1000000u /* without a byte: the frame that began is not going to end */
#define REPEATS 3u          /* repeated acknowledgements that mean a loss, and that are sent in a row */
#define BURST_MIN 4u        /* segments on their way after a loss: enough for so many repetitions */
#define GROW 16u            /* segments without a loss before they grow */
#define ATTEMPTS 8u         /* before giving up, about */
#define WINDOW_MAX 0x40000000u

static uint32_t most(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* a - b for positions, times and counts that are close. */
static int32_t ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

static uint32_t window(const struct pal_link *link)
{
    return link->receive.read + link->config.receive_size - link->receive.received;
}

void pal_link_init(struct pal_link *link, const struct pal_link_config *config)
{
    memset(link, 0, sizeof *link);
    link->config = *config;
    if (link->config.retry_us == 0)
        link->config.retry_us = RETRY_US;
    if (link->config.give_up_us == 0)
        link->config.give_up_us = GIVE_UP_US;
}

static void begin_session(struct pal_link *link, uint16_t session)
{
    frame_abort(link);
    memset(&link->send, 0, sizeof link->send);
    memset(&link->receive, 0, sizeof link->receive);
    link->session = session;
    link->send.retry_us = link->config.retry_us;
    link->receive.edge = link->config.receive_size;
    link->error = PAL_OK;
}

static void end_session(struct pal_link *link, int error)
{
    frame_abort(link);
    link->state = link->config.role == PAL_LINK_HOST ? PAL_LINK_BROKEN : PAL_LINK_CLOSED;
    link->error = error;
    link->control = 0;
}

static void control(struct pal_link *link, enum pal_link_frame_type type, uint16_t session)
{
    link->control = (uint8_t)type;
    link->control_session = session;
}

void pal_link_open(struct pal_link *link, uint16_t session, uint32_t now_us)
{
    begin_session(link, session);
    link->state = PAL_LINK_OPENING;
    link->send.waiting = 1;
    link->send.heard_us = link->send.started_us = now_us;
    control(link, PAL_FRAME_OPEN, session);
}

static void greet(struct pal_link *link, const struct pal_link_hello *hello, unsigned version)
{
    link->version = (uint8_t)version;
    link->send.segment = link->send.segment_max = least(hello->payload_max, PAL_LINK_PAYLOAD_MAX);
    link->send.edge = least(hello->window, WINDOW_MAX);
    link->send.burst = link->config.send_size;
    link->state = PAL_LINK_OPEN;
    link->opened++;
}

/* Board: a host begins a session, or has not seen the answer. */
static void on_open(struct pal_link *link, uint16_t session, const struct pal_link_hello *hello)
{
    link->peer_min = hello->version_min;
    link->peer_max = hello->version_max;
    if (hello->version_min > PAL_LINK_VERSION_MAX || hello->version_max < PAL_LINK_VERSION_MIN) {
        control(link, PAL_FRAME_REFUSED, session);
        return;
    }
    if (link->state != PAL_LINK_OPEN || link->session != session) {
        begin_session(link, session);
        greet(link, hello, least(hello->version_max, PAL_LINK_VERSION_MAX));
    }
    control(link, PAL_FRAME_OPENED, session);
}

/* Host: the board answered OPEN. */
static void on_answer(struct pal_link *link, const struct pal_link_frame *frame, const struct pal_link_hello *hello)
{
    link->peer_min = hello->version_min;
    link->peer_max = hello->version_max;
    int known = hello->version_min >= PAL_LINK_VERSION_MIN && hello->version_min <= PAL_LINK_VERSION_MAX;
    if (frame->type == PAL_FRAME_REFUSED || !known) {
        end_session(link, PAL_ERR_LINK_VERSION);
    } else if (frame->sequence || frame->acknowledged) { /* by chance the session of the host before us */
        control(link, PAL_FRAME_OPEN, ++link->session);
    } else {
        greet(link, hello, hello->version_min);
        link->control = 0;
        link->send.waiting = 0;
    }
}

/* Something was lost: send from the first byte that was not acknowledged on, in smaller pieces. */
static void on_loss(struct pal_link *link, uint32_t burst)
{
    link->send.segment = most(link->send.segment / 2, PAL_LINK_PAYLOAD_MIN);
    link->send.burst = most(burst, BURST_MIN * link->send.segment);
    link->send.next = link->send.acked;
    link->send.good = 0;
    link->send.timing = 0;
}

static uint32_t retry_estimate(const struct pal_link *link)
{
    uint32_t time = link->send.rtt_us + 4 * link->send.deviation_us;
    return most(least(time, link->config.give_up_us / 2), link->config.retry_us);
}

/* Jacobson's estimate; only segments that were sent once are timed. */
static void on_round_trip(struct pal_link *link, uint32_t time)
{
    if (link->send.rtt_us == 0) {
        link->send.rtt_us = time;
        link->send.deviation_us = time / 2;
    } else {
        int32_t error = ahead(time, link->send.rtt_us);
        link->send.rtt_us = (uint32_t)((int32_t)link->send.rtt_us + error / 8);
        error = (error < 0 ? -error : error) - (int32_t)link->send.deviation_us;
        link->send.deviation_us = (uint32_t)((int32_t)link->send.deviation_us + error / 4);
    }
    link->send.retry_us = retry_estimate(link);
}

static void on_progress(struct pal_link *link, uint32_t size, uint32_t now)
{
    link->send.acked += size;
    if (ahead(link->send.next, link->send.acked) < 0)
        link->send.next = link->send.acked;
    if (link->send.timing && ahead(link->send.acked, link->send.timed) >= 0) {
        link->send.timing = 0;
        on_round_trip(link, now - link->send.timed_us);
    }
    link->send.started_us = now;
    link->send.repeats = link->send.again = 0;
    link->send.retry_us = most(link->send.retry_us / 2, retry_estimate(link));
    link->send.good += size;
    if (link->send.good >= GROW * link->send.segment) {
        link->send.good = 0;
        link->send.segment = least(2 * link->send.segment, link->send.segment_max);
    }
    if (link->send.burst < link->config.send_size)
        link->send.burst += size;
}

/* The other end waits for what it waited for before. What was sent behind a lost segment repeats the acknowledgement
 * too, for a round trip after that segment was sent again. */
static void on_repeated(struct pal_link *link, uint32_t now)
{
    uint32_t flight = link->send.sent - link->send.acked;
    uint32_t segments = (flight + link->send.segment - 1) / link->send.segment, wanted = least(REPEATS, segments);
    if (link->send.again)
        wanted = now - link->send.again_us < link->send.rtt_us ? link->send.stale + 1 : 1;
    if (++link->send.repeats < wanted)
        return;
    link->send.stale = segments - least(link->send.repeats, segments);
    link->send.repeats = 0;
    link->send.again = 1;
    link->send.again_us = now;
    on_loss(link, flight / 2);
}

static void on_acknowledged(struct pal_link *link, const struct pal_link_frame *frame, uint32_t size, uint32_t now)
{
    uint32_t progress = frame->acknowledged - link->send.acked, flight = link->send.sent - link->send.acked;
    uint32_t edge = frame->acknowledged + least(frame->window, WINDOW_MAX);
    if (progress > flight)
        return; /* late, or nonsense */
    int moved = ahead(edge, link->send.edge) > 0;
    if (moved)
        link->send.edge = edge;
    if (progress)
        on_progress(link, progress, now);
    else if (size == 0 && flight && !moved && link->send.edge != link->send.acked)
        on_repeated(link, now);
}

static void ring_put(uint8_t *ring, uint32_t ring_size, uint32_t position, const uint8_t *data, uint32_t size)
{
    uint32_t at = position & (ring_size - 1), part = least(size, ring_size - at);
    memcpy(ring + at, data, part);
    memcpy(ring, data + part, size - part);
}

static void on_payload(struct pal_link *link, uint32_t sequence, const uint8_t *data, uint32_t size)
{
    uint32_t known = link->receive.received - sequence;
    link->receive.due = 1;
    if (known < size) {
        uint32_t part = least(size - known, window(link));
        ring_put(link->config.receive_buffer, link->config.receive_size, link->receive.received, data + known, part);
        link->receive.received += part;
    } else {
        link->counts.ignored++;
        if (ahead(sequence, link->receive.received) > 0 && link->receive.repeats < REPEATS)
            link->receive.repeats++;
    }
}

static void on_frame(struct pal_link *link, uint32_t size, uint32_t now)
{
    const uint8_t *payload = link->config.frame_buffer + PAL_LINK_FRAME_SIZE;
    int host = link->config.role == PAL_LINK_HOST;
    struct pal_link_frame frame;
    struct pal_link_hello hello = {0};
    pal_link_frame_load(&frame, link->config.frame_buffer);
    size -= PAL_LINK_FRAME_SIZE;
    link->counts.frames_received++;
    link->receive.complaints = 0;
    if (size >= PAL_LINK_HELLO_SIZE)
        pal_link_hello_load(&hello, payload);
    int greeting = hello.payload_max >= PAL_LINK_PAYLOAD_MIN;
    int mine = frame.session == link->session;
    switch (frame.type) {
    case PAL_FRAME_OPEN:
        if (!host && greeting)
            on_open(link, frame.session, &hello);
        break;
    case PAL_FRAME_OPENED:
    case PAL_FRAME_REFUSED:
        if (host && mine && link->state == PAL_LINK_OPENING && greeting)
            on_answer(link, &frame, &hello);
        break;
    case PAL_FRAME_RESET:
        if (host && mine && link->state == PAL_LINK_OPEN)
            end_session(link, PAL_ERR_LINK);
        break;
    case PAL_FRAME_DATA:
        if (mine && link->state == PAL_LINK_OPEN) {
            link->send.heard_us = now;
            on_acknowledged(link, &frame, size, now);
            if (size)
                on_payload(link, frame.sequence, payload, size);
        } else if (!host) {
            control(link, PAL_FRAME_RESET, frame.session);
        }
        break;
    default:
        break;
    }
}

void pal_link_feed(struct pal_link *link, const uint8_t *data, uint32_t size, uint32_t now_us)
{
    if (size && now_us - link->in.at_us >= SILENCE_US)
        frame_silence(link);
    link->in.at_us = now_us;
    link->counts.bytes_received += size;
    uint32_t damaged = link->counts.frames_damaged, used, whole;
    for (; size; data += used, size -= used) {
        used = frame_decode(link, data, size, &whole);
        if (whole)
            on_frame(link, whole, now_us);
    }
    /* Ask for what was lost, but do not argue with a line that lets nothing through. */
    if (damaged != link->counts.frames_damaged && link->receive.complaints < REPEATS) {
        link->receive.complaints++;
        link->receive.repeats = (uint8_t)most(link->receive.repeats, 1);
    }
}

/* Bytes of payload that may go now. */
static uint32_t sendable(const struct pal_link *link)
{
    if (link->state != PAL_LINK_OPEN)
        return 0;
    uint32_t flight = link->send.next - link->send.acked;
    uint32_t wanted = least(link->send.queued - link->send.next, link->send.segment);
    uint32_t room = ahead(link->send.edge, link->send.next) > 0 ? link->send.edge - link->send.next : 0;
    room = least(room, link->send.burst > flight ? link->send.burst - flight : 0);
    if (room >= wanted)
        return wanted;
    if (flight)
        return 0; /* acknowledgements will make room for a full segment */
    return room ? room : link->send.probe;
}

static int acknowledgement_due(const struct pal_link *link)
{
    return link->state == PAL_LINK_OPEN && (link->receive.due || link->receive.repeats);
}

static int answer_due(const struct pal_link *link)
{
    return link->state == PAL_LINK_OPENING ||
           (link->state == PAL_LINK_OPEN && link->send.acked != link->send.queued);
}

/* See to the retry timer and to a silent other end. */
static void check_time(struct pal_link *link, uint32_t now)
{
    if (!answer_due(link)) {
        link->send.waiting = 0;
        return;
    }
    if (!link->send.waiting) {
        link->send.waiting = 1;
        link->send.heard_us = link->send.started_us = now;
    }
    if (now - link->send.heard_us >= link->config.give_up_us) {
        end_session(link, PAL_ERR_TIMEOUT);
        return;
    }
    if (frame_busy(link) || sendable(link) || now - link->send.started_us < link->send.retry_us)
        return;
    link->send.started_us = now;
    if (link->send.retry_us < link->config.give_up_us / ATTEMPTS)
        link->send.retry_us *= 2;
    if (link->state == PAL_LINK_OPENING)
        control(link, PAL_FRAME_OPEN, link->session);
    else if (link->send.edge == link->send.acked)
        link->send.probe = 1; /* a byte that the other end may refuse, but must answer */
    else
        on_loss(link, 0);
}

static void begin_control(struct pal_link *link)
{
    struct pal_link_frame frame = {.type = link->control, .version = PAL_LINK_VERSION_MAX,
                                   .session = link->control_session};
    struct pal_link_hello hello = {PAL_LINK_VERSION_MIN, PAL_LINK_VERSION_MAX, (uint16_t)link->config.payload_max,
                                   link->config.receive_size};
    if (link->control == PAL_FRAME_OPENED) {
        hello.version_min = hello.version_max = frame.version = link->version;
        frame.sequence = link->send.acked;
        frame.acknowledged = link->receive.received;
    }
    frame_begin(link, &frame, link->control == PAL_FRAME_RESET ? NULL : &hello, 0);
    link->control = 0;
}

static void begin_data(struct pal_link *link, uint32_t payload, uint32_t now)
{
    struct pal_link_frame frame = {PAL_FRAME_DATA, link->version, link->session, link->send.next,
                                   link->receive.received, window(link)};
    frame_begin(link, &frame, NULL, payload);
    link->receive.edge = frame.acknowledged + frame.window;
    link->receive.due = 0;
    if (payload == 0) {
        if (link->receive.repeats)
            link->receive.repeats--;
        return;
    }
    uint32_t end = link->send.next + payload;
    int probe = ahead(link->send.edge, link->send.next) <= 0;
    if (ahead(link->send.sent, link->send.next) > 0) {
        link->counts.resent++;
    } else if (!link->send.timing && !probe) {
        link->send.timing = 1;
        link->send.timed = end;
        link->send.timed_us = now;
    }
    if (ahead(end, link->send.sent) > 0)
        link->send.sent = end;
    if (!probe)
        link->send.next = end;
    link->send.probe = 0;
}

static int begin_frame(struct pal_link *link, uint32_t now)
{
    uint32_t payload = link->receive.repeats && link->state == PAL_LINK_OPEN ? 0 : sendable(link);
    if (link->control)
        begin_control(link);
    else if (payload || acknowledgement_due(link))
        begin_data(link, payload, now);
    else
        return 0;
    return 1;
}

uint32_t pal_link_drain(struct pal_link *link, uint8_t *data, uint32_t size, uint32_t now_us)
{
    check_time(link, now_us);
    uint32_t used = 0;
    while (used < size && (frame_busy(link) || begin_frame(link, now_us))) {
        used += frame_encode(link, data + used, size - used);
        if (!frame_busy(link)) {
            link->counts.frames_sent++;
            if (link->out.payload)
                link->send.started_us = now_us;
        }
    }
    link->counts.bytes_sent += used;
    return used;
}

uint32_t pal_link_timer(const struct pal_link *link, uint32_t now_us)
{
    if (frame_busy(link) || link->control || sendable(link) || acknowledgement_due(link))
        return 0;
    if (!answer_due(link))
        return UINT32_MAX;
    int32_t retry = ahead(link->send.started_us + link->send.retry_us, now_us);
    int32_t give_up = ahead(link->send.heard_us + link->config.give_up_us, now_us);
    int32_t first = retry < give_up ? retry : give_up;
    return link->send.waiting && first > 0 ? (uint32_t)first : 0;
}

uint32_t pal_link_send(struct pal_link *link, const void *data, uint32_t size)
{
    size = least(size, pal_link_room(link));
    ring_put(link->config.send_buffer, link->config.send_size, link->send.queued, data, size);
    link->send.queued += size;
    return size;
}

uint32_t pal_link_receive(struct pal_link *link, void *data, uint32_t size)
{
    const uint8_t *ring = link->config.receive_buffer;
    size = least(size, pal_link_available(link));
    uint32_t at = link->receive.read & (link->config.receive_size - 1), part = least(size, link->config.receive_size - at);
    memcpy(data, ring + at, part);
    memcpy((uint8_t *)data + part, ring, size - part);
    link->receive.read += size;
    if (link->receive.received + window(link) - link->receive.edge >= most(link->config.receive_size / 2, 1))
        link->receive.due = 1;
    return size;
}

uint32_t pal_link_available(const struct pal_link *link)
{
    return link->receive.received - link->receive.read;
}

uint32_t pal_link_room(const struct pal_link *link)
{
    if (link->state != PAL_LINK_OPEN && link->state != PAL_LINK_OPENING)
        return 0;
    /* The frame on its way may repeat bytes that were acknowledged in the meantime. */
    uint32_t kept = link->send.acked;
    if (frame_busy(link) && link->out.payload && ahead(link->out.sequence, kept) < 0)
        kept = link->out.sequence;
    return link->config.send_size - (link->send.queued - kept);
}

int pal_link_flushed(const struct pal_link *link)
{
    return link->send.acked == link->send.queued;
}
