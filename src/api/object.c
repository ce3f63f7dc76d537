/* SPDX-License-Identifier: Apache-2.0
 *
 * api/object.c - omnesia.h, objects: region/object.h in the shape users see.
 */
#include "region/object.h"
#include "omnesia.h"

#include "base/error.h"

#include <string.h>

_Static_assert((int)MN_VALUE_MAX == (int)MN_OBJECT_VALUE, "said twice");
_Static_assert((int)MN_PUT == (int)MN_CHANGE_PUT && (int)MN_APPENDED == (int)MN_CHANGE_RECORD,
               "said twice");
_Static_assert((int)MN_COMMIT_CHECK == (int)MN_EDIT_CHECK &&
                   (int)MN_COMMIT_PUT == (int)MN_EDIT_PUT && (int)MN_COMMIT_DEL == (int)MN_EDIT_DEL,
               "said twice");

static mn_object shown(const char *key, const mn_object_head *h) {
    const uint64_t now = mn_cell_now();
    return (mn_object){.key = key,
                       .version = h->version,
                       .size = h->size,
                       .age_ms = h->born && now > h->born ? now - h->born : 0,
                       .ttl_ms = !h->expiry        ? 0
                                 : h->expiry > now ? h->expiry - now
                                                   : 1,
                       .records = -1,
                       .durable = h->logged};
}

static mn_put asked(const mn_put_options *o) {
    if (!o) return (mn_put){0};
    return (mn_put){
        .ttl_ms = o->ttl_ms, .check = o->check, .version = o->version, .durable = o->durable};
}

int mn_object_put(mn_region *r, const char *key, const void *value, size_t n,
                  const mn_put_options *options, uint64_t *version) {
    const mn_put how = asked(options);
    return mn_region_put(r, key, value, n, &how, version);
}

int mn_object_get(mn_region *r, const char *key, void *value, size_t cap, mn_object *about) {
    mn_object_head head;
    const int n = mn_region_get(r, key, value, cap, &head);
    if (n >= 0 && about) *about = shown(key, &head);
    return n;
}

int mn_object_del(mn_region *r, const char *key, const mn_put_options *options) {
    const mn_put how = asked(options);
    const int rc = mn_region_del(r, key, &how);
    if (rc < 0 && rc != MN_ENOENT) return rc;
    const int log = mn_region_drop_log(r, key);
    if (log < 0) return log;
    return log || rc >= 0 ? 0 : rc;
}

int mn_object_commit(mn_region *r, mn_object_edit *edits, size_t n) {
    mn_edit e[MN_EDITS] = {{0}};
    for (size_t i = 0; i < n && i < MN_EDITS; i++) {
        e[i] = (mn_edit){.key = edits[i].key, .check = edits[i].check, .value = edits[i].value};
        e[i].kind = (unsigned)edits[i].kind;
        e[i].version = edits[i].version;
        e[i].n = edits[i].n;
    }
    MN_TRY(mn_region_commit(r, e, n > MN_EDITS ? MN_EDITS + 1 : (int)n));
    for (size_t i = 0; i < n; i++) edits[i].version = e[i].version;
    return 0;
}

typedef struct listing {
    int (*each)(void *user, const mn_object *object);
    void *user;
} listing;
static int list_one(void *user, const mn_listed *e) {
    const listing *const l = user;
    mn_object o = shown(e->key, &e->head);
    o.size = e->size;
    o.records = e->records;
    return l->each(l->user, &o);
}
int mn_object_list(mn_region *r, const char *prefix,
                   int (*each)(void *user, const mn_object *object), void *user) {
    return mn_region_list(r, prefix, list_one, &(listing){each, user});
}

int mn_log_append(mn_region *r, const char *key, const void *value, size_t n,
                  const mn_put_options *options, uint64_t *number) {
    const uint64_t keep = options ? options->keep : 0;
    const mn_put how = asked(options);
    return mn_region_append(r, key, value, n, &how, keep, number);
}

int mn_log_read(mn_region *r, const char *key, uint64_t from, void *value, size_t cap,
                mn_object *about) {
    mn_object_head head;
    uint64_t number = from;
    const int rc = mn_region_record(r, key, from, value, cap, &head, &number);
    if (rc < 0) return rc;
    if (!rc)
        return MN_FAIL(MN_ENOENT, "the log '%s' has no record from %llu on", key,
                       (unsigned long long)from);
    if (about) *about = shown(key, &head);
    if (about) about->number = number;
    return (int)head.size;
}

int mn_watch_open(mn_region *r, const char *prefix, unsigned flags, mn_watch **out) {
    return mn_watcher_open(r, prefix, (flags & MN_WATCH_KEY) != 0, (flags & MN_WATCH_ALL) != 0,
                           out);
}

int mn_watch_next(mn_watch *watch, int64_t timeout_ms, mn_change *out) {
    mn_change_head c;
    const int rc = mn_watcher_next(watch, timeout_ms, &c);
    if (rc <= 0) return rc;
    *out = (mn_change){.value = c.value, .object = shown(c.key, &c.head)};
    out->kind = (int)c.kind;
    out->object.number = c.number;
    if (c.kind == MN_CHANGE_RECORD) out->object.records = 1;
    return 1;
}

void mn_watch_close(mn_watch **watch) {
    mn_watcher_close(watch);
}
