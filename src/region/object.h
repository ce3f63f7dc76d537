/* SPDX-License-Identifier: Apache-2.0
 *
 * region/object.h - named, versioned, watched values that processes share, and logs of them.
 *
 * region/cell.h says how they lie there. Keys are UTF-8 of 1 to MN_OBJECT_KEY bytes without control
 * characters; "/" makes folders of them, as far as watchers go. No call waits for another process.
 * include/omnesia.h says the same to users (api/object.c).
 *
 * Record n of the log KEY is the object KEY \1 n, n in 16 hexadecimal digits; KEY \1 alone holds
 * the number of the next and of the first. Nobody sees those names.
 */
#ifndef MN_REGION_OBJECT_H
#define MN_REGION_OBJECT_H
#include "region/cell.h"

enum {
    MN_OBJECT_KEY = 255,
    MN_OBJECT_VALUE = (1 << 20) - 64 - 256,
    MN_OBJECT_LEVELS = 8, /* folders of a key that are topics */
    MN_OBJECT_MARK = 1,   /* the control character in the names of records */
    MN_RECORD_NAME = 17,  /* bytes of it and the number */
};

typedef struct mn_put {
    uint64_t ttl_ms; /* 0: for ever */
    int check;       /* 1: only when the version now is `version` (0: there is none) */
    uint64_t version;
    int hidden;  /* a record's: deleting what is not there is fine */
    int durable; /* return when it has been synced to the log (region/journal.h), too */
    int lazy;    /* what is logged need not be synced before returning */
    int plain;   /* MN_EINVAL when the object is durable */
} mn_put;

typedef struct mn_object_head {
    uint64_t version, expiry, born; /* expiry, born: milliseconds since 1970; expiry 0: never */
    uint32_t size;
    int logged;
} mn_object_head;

/* ECONFLICT says both versions. `how` may be NULL. *version (may be NULL): the new one. */
int mn_region_put(mn_region *r, const char *key, const void *value, size_t n, const mn_put *how,
                  uint64_t *version);
int mn_region_del(mn_region *r, const char *key, const mn_put *how);

/* commit.c: several at once, or nothing. */
enum { MN_EDITS = 16 }; /* in one commit */
typedef struct mn_edit {
    const char *key;
    enum { MN_EDIT_CHECK = 1, MN_EDIT_PUT, MN_EDIT_DEL } kind; /* CHECK: it stays as it is */
    int check; /* 1: only if its version is `version` now (0: it is not there); CHECK always does */
    uint64_t version; /* of a put: in the end, its new one */
    const void *value;
    size_t n;
} mn_edit;
/* Each key at most once; deleting what is not there is fine. MN_ECONFLICT names the key and both
 * versions; MN_EINVAL: a key twice, or one to be changed is durable. Readers see all of it or
 * nothing of it, whoever dies in between. Others that want one of the keys meanwhile stop it; it
 * is tried again, with pauses, until MN_EBUSY. */
int mn_region_commit(mn_region *r, mn_edit *edits, int n);
/* Bytes of the value, at most `cap` of them in `out`; MN_ENOENT. head may be NULL. */
int mn_region_get(mn_region *r, const char *key, void *out, size_t cap, mn_object_head *head);
/* As above, but absence is 0 and stores no sentence; 1: found. `n`: bytes of the key. */
int mn_object_look(mn_region *r, const char *key, size_t n, void *out, size_t cap,
                   mn_object_head *head);
/* Every object whose key begins so, in no order, hidden ones too; non-zero stops. The key is not
 * terminated. */
int mn_object_each(mn_region *r, const char *prefix,
                   int (*each)(void *user, const char *key, size_t n, const mn_object_head *head),
                   void *user);
int mn_object_key_check(const char *key, size_t most, int empty);

/* One bucket as it was at one moment: `each` sees its unexpired cells and may read the key; what it
 * collected counts only when this returns 1, and begins anew at each `again`. *word: the bucket
 * then. 2: and a commit of what may be there is undecided: it may be other without another word.
 * MN_ECORRUPT. */
int mn_object_bucket(mn_region *r, uint32_t bucket, uint64_t *word, void (*again)(void *user),
                     int (*each)(void *user, const mn_cell_head *h), void *user);
/* From the journal, into a region that nobody else has yet: with its version; and the bucket of a
 * key counts at least so many changes. */
int mn_object_put_back(mn_region *r, const char *key, const void *value,
                       const mn_object_head *head);
void mn_object_raise(mn_region *r, const char *key, size_t n, uint64_t version);
/* Expired objects go. How many. */
int mn_object_expire(mn_region *r);

/* ---- topics ------------------------------------------------------------------------------- */
/* The topics of a key that was changed in `bucket`: its own and those of its folders. Who sleeps on
 * one is woken. */
void mn_topics_touch(mn_region *r, const char *key, size_t n, uint32_t bucket);
void mn_topics_bump(mn_region *r); /* all of them: look at everything */
mn_topic *mn_topic_of(const mn_region *r, const char *name, size_t n);
/* Bytes of the longest folder in prefix[0..n) that is a topic: "a/b/" of "a/b/c". */
size_t mn_topic_folder(const char *prefix, size_t n);
/* Changes so far. */
uint64_t mn_topic_count(const mn_topic *t);
/* The bucket of change n, or UINT32_MAX when that is not known (any more). */
uint32_t mn_topic_change(const mn_topic *t, uint64_t n);
/* Sleep until the count is not `seen`, at most ns; may come back sooner. */
void mn_topic_sleep(mn_topic *t, uint64_t seen, uint64_t ns);

/* ---- logs, and the list ------------------------------------------------------------------- */
/* keep: only the newest so many records stay; 0: all. Of `how`, ttl_ms and durable count. *number
 * (may be NULL): of the record. */
int mn_region_append(mn_region *r, const char *key, const void *value, size_t n, const mn_put *how,
                     uint64_t keep, uint64_t *number);
/* The first record whose number is at least `from`: 1, or 0 when there is none yet. */
int mn_region_record(mn_region *r, const char *key, uint64_t from, void *out, size_t cap,
                     mn_object_head *head, uint64_t *number);
/* The log goes, its numbers begin at 0 again: 1, or 0 when there is none. */
int mn_region_drop_log(mn_region *r, const char *key);

typedef struct mn_listed {
    mn_object_head head;
    uint64_t size;   /* of all records */
    int64_t records; /* -1: a value */
    char key[MN_OBJECT_KEY + 1];
} mn_listed;
/* Objects and logs whose names begin with `prefix`, in the order of their names. Non-zero stops and
 * is returned. */
int mn_region_list(mn_region *r, const char *prefix,
                   int (*each)(void *user, const mn_listed *object), void *user);

/* ---- watching ----------------------------------------------------------------------------- */
typedef struct mn_watcher mn_watcher;
typedef enum mn_change_kind {
    MN_CHANGE_PUT = 1,
    MN_CHANGE_DEL,
    MN_CHANGE_EXPIRED,
    MN_CHANGE_RECORD
} mn_change_kind;
typedef struct mn_change_head {
    mn_change_kind kind;
    const char *key;   /* as `value`, borrowed until the next call; terminated */
    const void *value; /* of a put or a record */
    mn_object_head head;
    uint64_t number; /* of a record */
} mn_change_head;

/* exact: `prefix` is the key itself. all: what is there counts as just put. */
int mn_watcher_open(mn_region *r, const char *prefix, int exact, int all, mn_watcher **out);
/* 1, or 0 when timeout_ms (-1: never) have passed. Of several changes of one object between two
 * calls only the last is told. */
int mn_watcher_next(mn_watcher *w, int64_t timeout_ms, mn_change_head *out);
void mn_watcher_close(mn_watcher **w);

#endif
