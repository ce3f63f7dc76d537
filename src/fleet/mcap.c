/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/mcap.c - events as MCAP (the format of mcap.dev, version 0), little endian:
 *
 *   magic                    89 "MCAP0" 0d 0a, at both ends
 *   record                   opcode u8, length u64, content; strings are u32 bytes and UTF-8
 *   header 01                profile "", library
 *   schema 03                id u16, name, encoding "jsonschema", data
 *   channel 04               id u16, schema u16, topic, "json", metadata (none)
 *   message 05               channel u16, sequence u32, logged and published u64 (ns), data
 *   data end 0f              checksum u32 (0: there is none)
 *   schemas, channels, statistics 0b, again, as the summary; footer 02 says where it begins
 *
 * Two channels: /omnesia/events has the events as they were logged, /omnesia/log the same as lines
 * of text in the form "foxglove.Log", which viewers show in their consoles.
 */
#include "fleet/mcap.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "fleet/event.h"

#include <string.h>

enum { HEADER = 1, FOOTER = 2, SCHEMA = 3, CHANNEL = 4, MESSAGE = 5, STATISTICS = 0xb, END = 0xf };
enum { EVENTS = 1, LINES = 2, INFO = 2, WARNING = 3 }; /* channels; levels of foxglove.Log */

static const char magic[8] = {(char)0x89, 'M', 'C', 'A', 'P', '0', '\r', '\n'};
static const char event_schema[] =
    "{\"type\":\"object\",\"properties\":{\"t\":{\"type\":\"integer\"},\"kind\":{\"type\":"
    "\"string\"},\"robot\":{\"type\":\"string\"},\"thing\":{\"type\":\"string\"},\"task\":{"
    "\"type\":\"string\"},\"step\":{\"type\":\"string\"},\"text\":{\"type\":\"string\"}}}";
static const char line_schema[] =
    "{\"type\":\"object\",\"properties\":{\"timestamp\":{\"type\":\"object\",\"properties\":{"
    "\"sec\":{\"type\":\"integer\"},\"nsec\":{\"type\":\"integer\"}}},\"level\":{\"type\":"
    "\"integer\"},\"message\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"},\"file\":{"
    "\"type\":\"string\"},\"line\":{\"type\":\"integer\"}}}";

typedef struct mcap {
    mn_filew *file;
    uint64_t at, first, last; /* bytes so far; ns of messages */
    uint32_t n;               /* of each channel */
    mn_buf record;            /* the one in the making */
} mcap;

/* ---- fields ---------------------------------------------------------------------------------- */
static int put_number(mcap *m, uint64_t value, int bytes) {
    uint8_t le[8];
    for (int i = 0; i < bytes; i++) le[i] = (uint8_t)(value >> 8 * i);
    return mn_buf_append(&m->record, le, (size_t)bytes);
}
static int put_bytes(mcap *m, const char *bytes, size_t n) {
    MN_TRY(put_number(m, n, 4));
    return mn_buf_append(&m->record, bytes, n);
}
static int put_text(mcap *m, const char *text) {
    return put_bytes(m, text, strlen(text));
}

static int write_bytes(mcap *m, const void *bytes, size_t n) {
    m->at += n;
    return mn_file_write(m->file, bytes, n);
}

/* The record is complete. */
static int end(mcap *m, int opcode) {
    uint8_t head[9] = {(uint8_t)opcode};
    for (int i = 0; i < 8; i++) head[1 + i] = (uint8_t)((uint64_t)m->record.len >> 8 * i);
    MN_TRY(write_bytes(m, head, sizeof head));
    MN_TRY(write_bytes(m, m->record.data ? m->record.data : "", m->record.len));
    mn_buf_clear(&m->record);
    return 0;
}

/* ---- records --------------------------------------------------------------------------------- */
static int put_channel(mcap *m, int id, const char *topic, const char *name, const char *schema) {
    MN_TRY(put_number(m, (uint64_t)id, 2));
    MN_TRY(put_text(m, name));
    MN_TRY(put_text(m, "jsonschema"));
    MN_TRY(put_text(m, schema));
    MN_TRY(end(m, SCHEMA));
    MN_TRY(put_number(m, (uint64_t)id, 2));
    MN_TRY(put_number(m, (uint64_t)id, 2));
    MN_TRY(put_text(m, topic));
    MN_TRY(put_text(m, "json"));
    MN_TRY(put_number(m, 0, 4));
    return end(m, CHANNEL);
}

static int put_channels(mcap *m) {
    MN_TRY(put_channel(m, EVENTS, "/omnesia/events", "omnesia.Event", event_schema));
    return put_channel(m, LINES, "/omnesia/log", "foxglove.Log", line_schema);
}

static int put_message(mcap *m, int channel, uint64_t ns, const char *data, size_t n) {
    MN_TRY(put_number(m, (uint64_t)channel, 2));
    MN_TRY(put_number(m, m->n, 4));
    MN_TRY(put_number(m, ns, 8));
    MN_TRY(put_number(m, ns, 8));
    MN_TRY(mn_buf_append(&m->record, data, n));
    return end(m, MESSAGE);
}

static int put_line(mcap *m, const json_t *event, int64_t us) {
    const char *const robot = json_string_value(json_object_get(event, "robot"));
    mn_buf line = {0}, json = {0};
    int rc = mn_event_line(event, &line);
    json_t *const o =
        rc < 0 ? NULL
               : json_pack("{s:{s:I, s:I}, s:i, s:s%, s:s, s:s, s:i}", "timestamp", "sec",
                           (json_int_t)(us / 1000000), "nsec", (json_int_t)(us % 1000000 * 1000),
                           "level", mn_event_is_bad(event) ? WARNING : INFO, "message",
                           line.data ? line.data : "", line.len, "name", robot ? robot : "fleet",
                           "file", "", "line", 0);
    if (rc >= 0) rc = mn_json_write(o, JSON_COMPACT, &json);
    if (rc >= 0) rc = put_message(m, LINES, (uint64_t)us * 1000, json.data, json.len);
    json_decref(o);
    mn_buf_free(&line);
    mn_buf_free(&json);
    return rc;
}

/* One event: as it is, and as a line. What is no event is left out. */
static int put_event(mcap *m, const mn_buf *value) {
    json_t *const event = json_loadb(value->data, value->len, 0, NULL);
    const int64_t us = json_integer_value(json_object_get(event, "t"));
    int rc = 0;
    if (us > 0) {
        const uint64_t ns = (uint64_t)us * 1000;
        if (!m->n || ns < m->first) m->first = ns;
        if (ns > m->last) m->last = ns;
        m->n++;
        rc = put_message(m, EVENTS, ns, value->data, value->len);
        if (rc >= 0) rc = put_line(m, event, us);
    }
    json_decref(event);
    return rc;
}

static int put_events(mcap *m, mn_board *b) {
    char key[MN_FLEET_KEY];
    mn_buf value = {0};
    uint64_t from = 0, number;
    int rc = mn_board_key(b, "events", "", key);
    while (rc >= 0 && (rc = b->ops->record(b, key, from, &value, &number)) > 0) {
        from = number + 1;
        rc = put_event(m, &value);
    }
    mn_buf_free(&value);
    return rc;
}

static int put_statistics(mcap *m) {
    MN_TRY(put_number(m, 2 * (uint64_t)m->n, 8));
    MN_TRY(put_number(m, 2, 2));                             /* schemas */
    MN_TRY(put_number(m, 2, 4));                             /* channels */
    for (int i = 0; i < 3; i++) MN_TRY(put_number(m, 0, 4)); /* attachments, metadata, chunks */
    MN_TRY(put_number(m, m->first, 8));
    MN_TRY(put_number(m, m->last, 8));
    MN_TRY(put_number(m, 20, 4)); /* bytes of what each channel has */
    for (int i = EVENTS; i <= LINES; i++) {
        MN_TRY(put_number(m, (uint64_t)i, 2));
        MN_TRY(put_number(m, m->n, 8));
    }
    return end(m, STATISTICS);
}

static int put_all(mcap *m, mn_board *b) {
    MN_TRY(write_bytes(m, magic, sizeof magic));
    MN_TRY(put_text(m, ""));
    MN_TRY(put_text(m, "omnesia " MN_VERSION));
    MN_TRY(end(m, HEADER));
    MN_TRY(put_channels(m));
    MN_TRY(put_events(m, b));
    if (!m->n) return MN_FAIL(MN_ENOENT, "the fleet %s has no events yet", b->fleet);
    MN_TRY(put_number(m, 0, 4));
    MN_TRY(end(m, END));
    const uint64_t summary = m->at;
    MN_TRY(put_channels(m));
    MN_TRY(put_statistics(m));
    MN_TRY(put_number(m, summary, 8));
    MN_TRY(put_number(m, 0, 8)); /* no offsets of groups */
    MN_TRY(put_number(m, 0, 4));
    MN_TRY(end(m, FOOTER));
    return write_bytes(m, magic, sizeof magic);
}

int mn_mcap_write(mn_board *b, const char *path, int64_t *n) {
    mcap m = {0};
    MN_TRY(mn_file_begin(path, &m.file));
    const int rc = put_all(&m, b);
    mn_buf_free(&m.record);
    *n = m.n;
    if (rc >= 0) return mn_file_commit(&m.file);
    mn_file_abort(&m.file);
    return rc;
}
