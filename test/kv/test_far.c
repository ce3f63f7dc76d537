/* SPDX-License-Identifier: Apache-2.0
 *
 * test/kv/test_far.c - keys and values from another machine, through a real Redis: two regions that
 * know nothing of each other. The same bytes wherever they began; what is damaged, cut short,
 * foreign or gone is not taken; a Redis that stops, dies or wants a password holds up nobody.
 */
#include "net/redis_server.h"

#include "kv/share_bed.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/tell.h"
#include "kv/far.h"

static int has_redis;
static mn_region *c; /* of the other machine */
static mn_remote *here, *there;

#define NEEDS_REDIS \
    (void)unused;   \
    if (!has_redis) skip()

/* ---- what is told -------------------------------------------------------------------------- */
static pthread_mutex_t told_lock = PTHREAD_MUTEX_INITIALIZER;
static char told[8192];

static void hear(const char *line) {
    pthread_mutex_lock(&told_lock);
    strncat(told, line, sizeof told - strlen(told) - 1);
    strncat(told, "\n", sizeof told - strlen(told) - 1);
    pthread_mutex_unlock(&told_lock);
}
static int was_told(const char *words) {
    pthread_mutex_lock(&told_lock);
    const int is = strstr(told, words) != NULL;
    pthread_mutex_unlock(&told_lock);
    return is;
}

/* ---- rows ---------------------------------------------------------------------------------- */
static uint8_t byte_of(int text, int layer, int head, int value, int position, int i) {
    return (uint8_t)(text * 89 + layer * 31 + head * 17 + value * 7 + position * 3 + i * 5);
}

/* Byte i of a row of a plane, as it lies there. */
static uint8_t *byte_at(void *plane, int value, int row, int i) {
    const size_t group = mn_kv_plane_bytes(layout.format, 16, D);
    uint8_t *const p = plane;
    if (value) return p + (size_t)row * group / 16 + i;
    const int q8 = layout.format == MN_KV_Q8, unit = q8 && i < D ? 1 : 2,
              column = q8 && i >= D ? (i - D) / 2 : i / unit, at = q8 && i >= D ? D * 16 : 0;
    return p + (size_t)(row / 16) * group + at + (column * 16 + row % 16) * unit +
           (q8 && i >= D ? (i - D) % 2 : i % unit);
}

/* The next n tokens are those of `text`, every byte of their rows marked. */
static void compute(mn_seq *s, int text, int n) {
    const int at = mn_seq_length(s), bytes = (int)mn_kv_plane_bytes(layout.format, 16, D) / 16;
    int32_t ids[CONTEXT];
    for (int i = 0; i < n; i++) ids[i] = token(text, at + i);
    assert_ok(mn_seq_room(s, ids, n));
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++) {
            void *plane[2];
            int row;
            mn_seq_tail(s, l, h, plane, plane + 1, &row);
            for (int v = 0; v < 2; v++)
                for (int k = 0; k < n; k++)
                    for (int i = 0; i < bytes; i++)
                        *byte_at(plane[v], v, row + k, i) = byte_of(text, l, h, v, at + k, i);
        }
    mn_seq_commit(s, n);
}

static void compare(const mn_seq *s, int text, int from, int to) {
    const int bytes = (int)mn_kv_plane_bytes(layout.format, 16, D) / 16;
    for (int l = 0; l < LAYERS; l++)
        for (int h = 0; h < HEADS; h++)
            for (int at = from; at < to; at++) {
                mn_attn_piece p[MN_SEQ_SPANS];
                assert_int_equal(mn_seq_pieces(s, l, h, at / BLOCK, at, at + 1, p), 1);
                for (int v = 0; v < 2; v++)
                    for (int i = 0; i < bytes; i++) {
                        void *const plane = (void *)(uintptr_t)(v ? p->v : p->k);
                        if (*byte_at(plane, v, p->row, i) != byte_of(text, l, h, v, at, i))
                            fail_msg("layer %d head %d plane %d position %d byte %d", l, h, v, at,
                                     i);
                    }
            }
}

static void ids_of(int text, int n, int32_t *ids) {
    for (int i = 0; i < n; i++) ids[i] = token(text, i);
}

/* The first n tokens of a text from the other machine; how many came to be there. */
static int fetch(mn_remote *r, mn_seq *s, int text, int n) {
    int32_t ids[CONTEXT];
    mn_far *f;
    ids_of(text, n, ids);
    assert_ok(mn_far_begin(r, &layout, s, ids, n, 20000000000u, &f));
    if (f) wait_until(!mn_far_go_on(f, s, ids));
    mn_far_end(&f);
    return mn_seq_length(s);
}

static mn_remote_counts counts(const mn_remote *r) {
    mn_remote_counts n;
    mn_remote_count(r, &n);
    return n;
}
static mn_region_counts counts_of(mn_region *r) {
    mn_region_counts n;
    mn_region_count(r, &n);
    return n;
}

/* All that is offered is there. */
static void offer(const mn_seq *s) {
    mn_remote *r;
    assert_ok(mn_remote_open(redis_at(""), c, &r));
    mn_far_offer(r, &layout, s, mn_seq_length(s));
    mn_remote_close(&r);
}

static mn_remote *open_up(const char *url) {
    mn_remote *r;
    assert_ok(mn_remote_open(url, c, &r));
    wait_until(mn_remote_up(r));
    return r;
}

static int begin_far(void **s) {
    char other[128];
    layout.format = MN_KV_F16;
    if (!has_redis) return 0;
    if (begin(s)) return -1;
    snprintf(other, sizeof other, "%s/other", folder);
    assert_ok(mn_region_open(other, LIMIT, -1, &c));
    has_redis = redis_start(NULL);
    told[0] = 0;
    mn_tell_to(hear);
    here = open_up(redis_at(""));
    there = open_up(redis_at(""));
    return 0;
}
static int end_far(void **s) {
    if (!has_redis) return 0;
    mn_remote_close(&here);
    mn_remote_close(&there);
    mn_tell_to(NULL);
    redis_end();
    mn_region_close(&c);
    return end(s);
}

/* Wherever its extents begin, and wherever those of the other begin. */
static void any_beginning(void **unused) {
    NEEDS_REDIS;
    static const int cut[] = {0, 1, 37, 64, 100, 639};
    for (int q8 = 0; q8 < 2; q8++) {
        layout.format = q8 ? MN_KV_Q8 : MN_KV_F16;
        for (int i = 0; i < 6; i++) {
            const int text = 1 + i + 10 * q8;
            mn_seq *s = fresh(a), *t = fresh(c), *u = fresh(c);
            if (cut[i]) compute(s, text, cut[i]);
            mn_seq_seal(s); /* an extent begins */
            compute(s, text, 700 - cut[i]);
            assert_int_equal(mn_seq_spans(s), cut[i] ? 2 : 1);
            mn_far_offer(here, &layout, s, 700);
            wait_until(counts(here).sent == 10 * (uint64_t)(i + 1 + 6 * q8));
            if (cut[5 - i]) compute(t, text, cut[5 - i]); /* the other has some itself */
            assert_int_equal(fetch(there, t, text, 700), 640);
            compare(t, text, 0, 640);
            compute(t, text, 60);
            compare(t, text, 0, 700);
            mn_seq_close(&t);
            int32_t ids[700];
            int coming;
            ids_of(text, 700, ids);
            assert_int_equal(mn_seq_match(u, ids, 700, &coming), 700); /* its neighbours have it */
            compare(u, text, 0, 700);
            mn_seq_close(&u);
            mn_seq_close(&s);
        }
    }
    assert_int_equal(counts(there).refused, 0);
}

/* What is there is not given twice; what is not there, or another's, is not found. */
static void only_what_is_new(void **unused) {
    NEEDS_REDIS;
    mn_seq *s = fresh(a), *t = fresh(c);
    compute(s, 1, 320);
    mn_far_offer(here, &layout, s, 320);
    wait_until(counts(here).sent == 5);
    compute(s, 1, 130);
    mn_far_offer(here, &layout, s, 450);
    wait_until(counts(here).asked == 12);
    wait_until(counts(here).sent == 7);
    assert_int_equal(fetch(there, t, 2, 320), 0);
    assert_int_equal(counts(there).asked, 5);
    assert_int_equal(counts(there).found, 0);
    assert_int_equal(fetch(there, t, 1, 63), 0); /* no whole step: nobody is asked */
    assert_int_equal(counts(there).asked, 5);
    mn_kv_share share = share_of(c);
    mn_seq *u;
    share.seed.byte[31] ^= 1; /* another model, or another tenant */
    assert_ok(mn_seq_open(&layout, &share, CONTEXT, &u));
    assert_int_equal(fetch(there, u, 1, 450), 0);
    layout.window = sliding; /* such rows are not carried */
    assert_int_equal(fetch(there, t, 1, 450), 0);
    assert_int_equal(counts(there).asked, 12);
    layout.window = windows;
    assert_int_equal(fetch(there, t, 1, 450), 448);
    mn_seq_close(&u);
    mn_seq_close(&t);
    mn_seq_close(&s);
}

/* ---- values that are not what they should be ----------------------------------------------- */
static const char *key_of(int text, int step) {
    static char key[100];
    int32_t ids[CONTEXT];
    uint8_t name[64][32];
    mn_seq *s = fresh(a);
    ids_of(text, 64 * (step + 1), ids);
    mn_seq_names(s, ids, 64 * (step + 1), name);
    mn_seq_close(&s);
    int n = snprintf(key, sizeof key, "omnesia:kv:1:");
    for (int i = 0; i < 32; i++)
        n += snprintf(key + n, sizeof key - (size_t)n, "%02x", name[step][i]);
    return key;
}

static void put(mn_redis_line *r, const char *key, const char *bytes, size_t n) {
    const char *const word[] = {"SET", key, bytes};
    mn_redis_reply *reply;
    assert_ok(mn_redis_line_ask(r, redis_soon(), &reply, 3, word, (size_t[]){3, strlen(key), n}));
    mn_redis_reply_free(&reply);
}

static void spoil(mn_redis_reply *v, const mn_redis_reply *other, int how) {
    mn_far_head h;
    memcpy(&h, v->text, sizeof h);
    if (how == 0) v->text[v->n - 1] ^= 1;
    if (how == 1) v->text[20] ^= 1;
    if (how == 2) v->n -= 100;
    if (how == 3) v->n = 3;
    if (how == 4) memcpy(v->text, other->text, v->n); /* whole, and of another prompt */
    if (how == 5) memcpy(v->text, "OMNKVS9\n", 8);    /* another version's */
    if (how == 6) v->text[8] ^= 1;
    if (how == 7) {
        h.heads = 1; /* sealed by a liar, or a program that is wrong */
        memcpy(v->text, &h, sizeof h);
        h.sum = mn_hash64(v->text + MN_FAR_SUMMED, v->n - MN_FAR_SUMMED);
        memcpy(v->text, &h, sizeof h);
    }
}

static void not_what_they_should_be(void **unused) {
    NEEDS_REDIS;
    static const char *const says[] = {"its sum",
                                       "its sum",
                                       "its size",
                                       "its size",
                                       "another model or prompt",
                                       "another format",
                                       "its sum",
                                       "rows of another shape"};
    mn_redis_line *r = redis_open(redis_at(""));
    mn_seq *s = fresh(a), *o = fresh(a);
    compute(s, 1, 640);
    compute(o, 2, 640);
    offer(s);
    offer(o);
    for (int how = 0; how < 8; how++) {
        mn_seq *t = fresh(c);
        char key[100];
        strcpy(key, key_of(1, 4));
        mn_redis_reply *v = redis_do(r, "GET", key, NULL, NULL),
                       *other = redis_do(r, "GET", key_of(2, 4), NULL, NULL);
        assert_int_equal(v->kind, MN_REDIS_TEXT);
        spoil(v, other, how);
        put(r, key, v->text, v->n);
        told[0] = 0;
        assert_int_equal(fetch(there, t, 1, 640), 256); /* what came before it counts */
        compare(t, 1, 0, 256);
        assert_int_equal(counts(there).refused, (uint64_t)how + 1);
        if (!was_told(says[how])) fail_msg("%d: %s", how, told);
        mn_redis_reply_free(&v);
        v = redis_do(r, "EXISTS", key, NULL, NULL);
        assert_int_equal(v->number, 0); /* who has it gives it again */
        mn_redis_reply_free(&v);
        mn_redis_reply_free(&other);
        compute(t, 1, 384);
        offer(t);
        mn_seq_close(&t);
        mn_region_clear(c);
    }
    mn_seq *t = fresh(c);
    assert_int_equal(fetch(there, t, 1, 640), 640);
    mn_seq_close(&t);
    mn_region_clear(c);
    mn_redis_reply *gone = redis_do(r, "DEL", key_of(1, 7), NULL, NULL); /* room was needed */
    mn_redis_reply_free(&gone);
    gone = redis_do(r, "LPUSH", key_of(1, 7), "x", NULL); /* no value at all */
    mn_redis_reply_free(&gone);
    t = fresh(c);
    assert_int_equal(fetch(there, t, 1, 640), 448);
    compare(t, 1, 0, 448);
    mn_seq_close(&t);
    mn_seq_close(&o);
    mn_seq_close(&s);
    mn_redis_line_close(&r);
}

/* A Redis that is full, and may not throw anything out, is told of once. */
static void a_full_one(void **unused) {
    NEEDS_REDIS;
    mn_redis_line *r = redis_open(redis_at(""));
    mn_redis_reply *v = redis_do(r, "CONFIG", "SET", "maxmemory", "1mb");
    mn_redis_reply_free(&v);
    mn_seq *s = fresh(a), *t = fresh(c);
    compute(s, 1, 640);
    mn_far_offer(here, &layout, s, 640);
    wait_until(was_told("OOM"));
    mn_far_offer(here, &layout, s, 640);
    assert_int_equal(fetch(there, t, 1, 640) % 64, 0);
    compare(t, 1, 0, mn_seq_length(t));
    mn_seq_close(&t);
    mn_seq_close(&s);
    mn_redis_line_close(&r);
}

/* ---- a Redis that goes --------------------------------------------------------------------- */
static pid_t pid_of(const char *url) {
    mn_redis_line *r = redis_open(url);
    mn_redis_reply *info = redis_do(r, "INFO", "server", NULL, NULL);
    const pid_t pid = atoi(strstr(info->text, "process_id:") + 11);
    mn_redis_reply_free(&info);
    mn_redis_line_close(&r);
    return pid;
}

/* More than sockets hold between two processes. */
static void dies_while_it_gives(void **unused) {
    NEEDS_REDIS;
    enum { ALL = 5952 };
    int32_t ids[ALL];
    mn_far *f;
    mn_seq *s = fresh(a), *t = fresh(c);
    compute(s, 1, ALL);
    offer(s);
    ids_of(1, ALL, ids);
    assert_ok(mn_far_begin(there, &layout, t, ids, ALL, 20000000000u, &f));
    wait_until(counts(there).found == ALL / 64); /* and what was asked for first is on its way */
    redis_end();
    wait_until(!mn_far_go_on(f, t, ids));
    mn_far_end(&f);
    const int n = mn_seq_length(t);
    assert_in_range(n, 0, ALL - 64);
    assert_int_equal(n % 64, 0);
    compare(t, 1, 0, n);
    assert_true(was_told("nothing is shared with other machines through"));
    compute(t, 1, ALL - n); /* computed instead */
    compare(t, 1, 0, ALL);
    wait_until(!mn_remote_up(there));
    ids_of(2, ALL, ids);
    assert_ok(mn_far_begin(there, &layout, s, ids, ALL, 20000000000u, &f));
    assert_null(f); /* nobody waits */
    mn_far_offer(there, &layout, s, ALL);
    wait_until(counts(there).dropped == 1);
    assert_true(redis_start(NULL));
    wait_until(mn_remote_up(there));
    wait_until(was_told("again"));
    mn_far_offer(there, &layout, s, ALL);
    wait_until(counts(there).sent == ALL / 64);
    mn_seq_close(&t);
    mn_region_clear(c);
    t = fresh(c);
    assert_int_equal(fetch(there, t, 1, ALL), ALL);
    compare(t, 1, 0, ALL);
    mn_seq_close(&t);
    mn_seq_close(&s);
}

/* It does not answer: who asks waits a moment, and only the first. */
static void is_stopped(void **unused) {
    NEEDS_REDIS;
    mn_seq *s = fresh(a), *t = fresh(c);
    int32_t ids[640];
    mn_far *f;
    compute(s, 1, 640);
    offer(s);
    ids_of(1, 640, ids);
    const pid_t pid = pid_of(redis_at(""));
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_ok(mn_far_begin(there, &layout, t, ids, 640, 20000000000u, &f));
    assert_non_null(f);
    wait_until(!mn_far_go_on(f, t, ids)); /* the server is stopped: only patience ends this */
    mn_far_end(&f);
    assert_int_equal(mn_seq_length(t), 0);
    wait_until(!mn_remote_up(there));
    assert_ok(mn_far_begin(there, &layout, t, ids, 640, 20000000000u, &f));
    assert_null(f);
    assert_int_equal(kill(pid, SIGCONT), 0);
    wait_until(mn_remote_up(there));
    assert_int_equal(fetch(there, t, 1, 640), 640);
    mn_seq_close(&t);
    mn_seq_close(&s);
}

/* Its owner gives up, at any moment. */
static void given_up(void **unused) {
    NEEDS_REDIS;
    int32_t ids[3200];
    mn_seq *s = fresh(a);
    compute(s, 1, 3200);
    offer(s);
    ids_of(1, 3200, ids);
    for (int i = 0; i < 60; i++) {
        mn_far *f;
        mn_seq *t = fresh(c);
        wait_until(mn_remote_up(there));
        assert_ok(mn_far_begin(there, &layout, t, ids, 3200, 20000000000u, &f));
        for (int k = 0; f && k < i && mn_far_go_on(f, t, ids); k++) sched_yield();
        mn_far_end(&f);
        compare(t, 1, 0, mn_seq_length(t));
        mn_seq_close(&t);
        mn_region_clear(c);
    }
    mn_remote *r = open_up(redis_at(""));
    mn_seq *t = fresh(c);
    mn_far *f;
    assert_ok(mn_far_begin(r, &layout, t, ids, 3200, 20000000000u, &f));
    mn_far_go_on(f, t, ids);
    mn_far_end(&f);
    mn_remote_close(&r); /* with work that nobody waits for */
    mn_seq_close(&t);
    mn_seq_close(&s);
}

static void a_password(void **unused) {
    NEEDS_REDIS;
    mn_remote *r;
    assert_fails(mn_remote_open("redis://:SECRET@h:0", c, &r), MN_EINVAL, "port");
    assert_null(r);
    redis_end();
    assert_true(redis_start((const char *const[]){"--requirepass", "s@cret", NULL}));
    told[0] = 0;
    assert_ok(mn_remote_open(redis_at(":nonsense@"), c, &r));
    wait_until(was_told("WRONGPASS"));
    assert_false(was_told("nonsense"));
    mn_seq *t = fresh(c);
    assert_int_equal(fetch(r, t, 1, 640), 0);
    mn_remote_close(&r);
    r = open_up(redis_at(":s%40cret@"));
    mn_seq *s = fresh(a);
    compute(s, 1, 640);
    mn_far_offer(r, &layout, s, 640);
    wait_until(counts(r).sent == 10);
    assert_int_equal(fetch(r, t, 1, 640), 640);
    mn_remote_close(&r);
    mn_seq_close(&s);
    mn_seq_close(&t);
}

/* ---- TLS ----------------------------------------------------------------------------------- */
static int makes(const char *format, ...) {
    char line[900];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    return system(line) == 0;
}

#define EC "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
/* An authority, another one, and a server that the first has signed. */
static int make_certificates(void) {
    return makes("cd %s && for ca in ours other; do openssl req -x509 " EC " -days 2 -subj /CN=$ca "
                 "-keyout $ca.key -out $ca.pem 2>/dev/null || exit 1; done",
                 folder) &&
           makes("cd %s && openssl req " EC " -subj /CN=localhost -keyout server.key -out "
                 "server.csr 2>/dev/null && echo subjectAltName=DNS:localhost >names && openssl "
                 "x509 -req -in server.csr -CA ours.pem -CAkey ours.key -CAcreateserial -days 2 "
                 "-extfile names -out server.pem 2>/dev/null",
                 folder);
}

/* One that cannot be linked: nothing is taken, and one sentence says why. */
static void no_link(const char *url, const char *why) {
    mn_remote *r;
    const uint64_t before = counts_of(c).unlinked;
    told[0] = 0;
    assert_ok(mn_remote_open(url, c, &r));
    wait_until(was_told(why));
    mn_seq *t = fresh(c);
    assert_int_equal(fetch(r, t, 1, 640), 0);
    wait_until(counts(r).lost >= 2); /* it is tried again, and not told */
    assert_null(strchr(strchr(told, '\n') + 1, '\n'));
    assert_false(was_told("s@cret"));
    assert_int_equal(counts_of(c).unlinked, before + 1);
    mn_seq_close(&t);
    mn_remote_close(&r);
}

static void with_tls(void **unused) {
    NEEDS_REDIS;
    char cert[4][120], port[8], url[120];
    static const char *const file[] = {"server.pem", "server.key", "ours.pem", "other.pem"};
    mn_remote *r;
    mn_remote_close(&here); /* who reads the environment is gone before it changes */
    mn_remote_close(&there);
    redis_end();
    if (!make_certificates()) skip(); /* no openssl to make one with */
    for (int i = 0; i < 4; i++) snprintf(cert[i], sizeof *cert, "%s/%s", folder, file[i]);
    snprintf(port, sizeof port, "%d", redis_free_port());
    assert_true(redis_start(
        (const char *const[]){"--port", "0", "--tls-port", port, "--tls-cert-file", cert[0],
                              "--tls-key-file", cert[1], "--tls-ca-cert-file", cert[2],
                              "--tls-auth-clients", "no", "--requirepass", "s@cret", NULL}));
    snprintf(url, sizeof url, "rediss://:s%%40cret@localhost:%s", port);
    no_link(url, "not trusted");
    setenv("SSL_CERT_FILE", cert[3], 1);
    no_link(url, "not trusted");
    setenv("SSL_CERT_FILE", cert[2], 1);
    const mn_region_counts was = counts_of(c);
    r = open_up(url);
    mn_seq *s = fresh(a), *t = fresh(c);
    compute(s, 1, 640);
    mn_far_offer(r, &layout, s, 640);
    wait_until(counts(r).sent == 10);
    mn_remote_close(&r); /* all of it is there then */
    r = open_up(url);
    assert_int_equal(fetch(r, t, 1, 640), 640);
    compare(t, 1, 0, 640);
    const mn_region_counts is = counts_of(c); /* for all processes of the region */
    assert_int_equal(is.taken - was.taken, 10);
    assert_int_equal(is.given - was.given, 10);
    assert_int_equal(is.unlinked - was.unlinked, 0);
    mn_remote_close(&r);
    mn_seq_close(&s);
    mn_seq_close(&t);
    snprintf(url, sizeof url, "rediss://:wrong@localhost:%s", port);
    no_link(url, "WRONGPASS");
    snprintf(url, sizeof url, "redis://:s%%40cret@localhost:%s", port); /* without TLS */
    no_link(url, "nothing is shared with other machines through localhost");
    unsetenv("SSL_CERT_FILE");
}

static void no_memory(void **unused) {
    NEEDS_REDIS;
    mn_seq *s = fresh(a);
    compute(s, 1, 640);
    offer(s);
    for (long n = 1, hit = 1; hit && n < 4000; n += 1 + n / 20) {
        mn_seq *t = fresh(c);
        mn_remote *r = NULL;
        mn_far *f = NULL;
        int32_t ids[640];
        ids_of(1, 640, ids);
        mn_alloc_fail_after(n);
        const int rc = mn_remote_open(redis_at(""), c, &r);
        if (rc >= 0) mn_far_begin(r, &layout, t, ids, 640, 20000000000u, &f);
        if (f) wait_until(!mn_far_go_on(f, t, ids));
        mn_far_end(&f);
        if (r) mn_far_offer(r, &layout, s, 640);
        mn_remote_close(&r);
        hit = mn_alloc_fail_left() <= 0;
        mn_alloc_fail_after(0);
        compare(t, 1, 0, mn_seq_length(t));
        mn_seq_close(&t);
        mn_region_clear(c);
    }
    mn_seq_close(&s);
}

static int look_for_redis(void **unused) {
    (void)unused;
    if (folder_begin("far", 0) != 0) return -1;
    has_redis = redis_start(NULL);
    if (has_redis) redis_end();
    if (!has_redis) print_message("no redis-server or no libhiredis0.14: nothing is tested\n");
    return folder_end();
}

#define FAR(test) cmocka_unit_test_setup_teardown(test, begin_far, end_far)
int main(void) {
    const struct CMUnitTest tests[] = {
        FAR(any_beginning), FAR(only_what_is_new), FAR(not_what_they_should_be),
        FAR(a_full_one),    FAR(given_up),         FAR(dies_while_it_gives),
        FAR(is_stopped),    FAR(a_password),       FAR(with_tls),
        FAR(no_memory)};
    return cmocka_run_group_tests(tests, look_for_redis, NULL);
}
