/* SPDX-License-Identifier: Apache-2.0
 * test/model/test_store_find.c - models of other programs: found, named, and hostile trees. */
#include "test.h"

#include "api/store.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/walk.h"
#include "omnesia.h"

#include <sys/stat.h>
#include <unistd.h>

static char home[64];
static const char digest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void put(const char *rest, const char *text) {
    char path[512];
    mn_filew *f;
    snprintf(path, sizeof path, "%s/%s", home, rest);
    assert_ok(mn_file_begin(path, &f));
    assert_ok(mn_file_write(f, text, strlen(text)));
    assert_ok(mn_file_commit(&f));
}

static void link_to(const char *target, const char *rest) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", home, rest);
    assert_int_equal(symlink(target, path), 0);
}

static void manifest(const char *rest, const char *type, const char *sum) {
    char path[256], text[1024];
    snprintf(path, sizeof path, ".ollama/models/manifests/%s", rest);
    snprintf(
        text, sizeof text,
        "{\"layers\":[{\"mediaType\":\"application/vnd.ollama.image.license\",\"digest\":\"x\"}"
        ",{\"mediaType\":\"%s\",\"digest\":\"%s\"}]}",
        type, sum);
    put(path, text);
}

static int make_home(void **s) {
    (void)s;
    static const char *const others[] = {
        "OLLAMA_MODELS",  "LLAMA_CACHE",        "HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE",
        "XDG_CACHE_HOME", "OMNESIA_MODELS_LOCK"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) unsetenv(others[i]);
    strcpy(home, "/tmp/omnesia-test-XXXXXX");
    assert_non_null(mkdtemp(home));
    setenv("HOME", home, 1);
    char cache[80];
    snprintf(cache, sizeof cache, "%s/own", home);
    setenv("OMNESIA_CACHE", cache, 1);
    return 0;
}

static int drop_home(void **s) {
    (void)s;
    mn_walk_remove(home);
    return 0;
}

/* Every name, joined by spaces. */
static const char *names(void) {
    static char text[2048];
    mn_found_list list = {0};
    size_t n = 0;
    text[0] = 0;
    assert_ok(mn_found_search(&list));
    for (size_t i = 0; i < list.n && n < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s ", list.item[i].name);
    mn_found_free(&list);
    return text;
}

#define GGUF_LAYER "application/vnd.ollama.image.model"

static void ollama(void **s) {
    (void)s;
    char sum[80], blob[160];
    snprintf(sum, sizeof sum, "sha256:%s", digest);
    snprintf(blob, sizeof blob, ".ollama/models/blobs/sha256-%s", digest);
    put(blob, "GGUF a model");
    manifest("registry.ollama.ai/library/llama3.2/1b", GGUF_LAYER, sum);
    manifest("registry.ollama.ai/me/mine/latest", GGUF_LAYER, sum);
    manifest("example.org/me/mine/q4", GGUF_LAYER, sum);
    assert_string_equal(names(), "ollama:example.org/me/mine:q4 ollama:llama3.2:1b "
                                 "ollama:me/mine:latest ");
    char *path;
    assert_ok(mn_store_resolve("ollama:llama3.2:1b", 1, NULL, &path));
    assert_non_null(strstr(path, blob));
    mn_free(path);
    assert_ok(mn_store_resolve("llama3.2:1b", 1, NULL, &path)); /* as Ollama itself has it */
    assert_non_null(strstr(path, blob));
    mn_free(path);
    assert_ok(mn_store_resolve("me/mine:latest", 1, NULL, &path));
    mn_free(path);
    assert_fails(mn_store_resolve("ollama:llama3.2:3b", 1, NULL, &path), MN_ENOENT,
                 "did you mean ollama:llama3.2:1b?");
}

/* Nothing here may name a file outside blobs/, or be listed at all. */
static void hostile_manifests(void **s) {
    (void)s;
    char before[2048];
    snprintf(before, sizeof before, "%s", names());
    put("secret.gguf", "GGUF not yours");
    manifest("r/l/bad/1", GGUF_LAYER, "sha256:../../../secret.gguf");
    manifest("r/l/bad/2", GGUF_LAYER, "../../../../secret.gguf");
    manifest("r/l/bad/3", GGUF_LAYER, "sha256:/etc/passwd");
    put(".ollama/models/blobs/sha256-x/y", "a folder, to climb out of");
    manifest("r/l/bad/0", GGUF_LAYER, "sha256:x/../../../../secret.gguf");
    manifest("r/l/bad/4", "text/plain", "sha256:00");
    char upper[80] = "sha256:";
    for (int i = 0; i < 64; i++) upper[7 + i] = 'A';
    upper[71] = 0;
    manifest("r/l/bad/5", GGUF_LAYER, upper);
    put(".ollama/models/manifests/r/l/bad/6", "{");
    put(".ollama/models/manifests/r/l/bad/7", "[[[[[[[[[[[[[[[[");
    put(".ollama/models/manifests/r/l/bad/8", "{\"layers\": 7}");
    put(".ollama/models/manifests/r/l/bad/9", "{\"layers\": [null, 3, {\"mediaType\": []}]}");
    put(".ollama/models/manifests/r/l/bad/10", "\xff\xfe");
    put(".ollama/models/manifests/r/l/bad/deeper/11", "{}");
    put(".ollama/models/manifests/stray", "{}");
    link_to(".", ".ollama/models/manifests/r/loop");
    link_to("/dev/zero", ".ollama/models/manifests/r/l/bad/12");
    assert_string_equal(names(), before);
}

static void other_programs(void **s) {
    (void)s;
    mn_walk_remove(home);
    put(".cache/llama.cpp/a_b.gguf", "GGUF 1");
    put(".cache/llama.cpp/a_b.gguf.json", "GGUF no");
    put(".cache/llama.cpp/fake.gguf", "nothing like it");
    put(".cache/llama.cpp/mmproj-x.gguf", "GGUF companion");
    put(".cache/llama.cpp/big-00002-of-00003.gguf", "GGUF piece");
    put(".cache/llama.cpp/n\nl.gguf", "GGUF control");
    put(".lmstudio/models/who/what/c.gguf", "GGUF 2");
    put(".cache/lm-studio/models/who/what/c.gguf", "GGUF the same name");
    put(".cache/huggingface/hub/models--o--r/blobs/123", "GGUF 3");
    put(".cache/huggingface/hub/models--o--r/refs/main", "rev");
    put(".cache/huggingface/hub/models--o--r/snapshots/rev/readme.md", "x");
    link_to("../../blobs/123", ".cache/huggingface/hub/models--o--r/snapshots/rev/d.gguf");
    link_to("../../blobs/gone", ".cache/huggingface/hub/models--o--r/snapshots/rev/e.gguf");
    put(".cache/huggingface/hub/models--gpt2/snapshots/r/sub/f.gguf", "GGUF 4");
    put(".cache/huggingface/hub/datasets--x--y/snapshots/r/g.gguf", "GGUF data");
    put(".cache/huggingface/hub/models--x--y/g.gguf", "GGUF astray");
    link_to("../..", ".cache/huggingface/hub/models--o--r/snapshots/loop");
    link_to("/", ".cache/llama.cpp/everything");
    assert_string_equal(names(), "hf:gpt2/sub/f.gguf hf:o/r/d.gguf llama.cpp:a_b.gguf "
                                 "lm-studio:who/what/c.gguf ");
    char *path;
    assert_ok(mn_store_resolve("hf:o/r/d.gguf", 1, NULL, &path));
    assert_non_null(strstr(path, "/blobs/123"));
    mn_free(path);
    char elsewhere[160];
    snprintf(elsewhere, sizeof elsewhere, "%s/.lmstudio/models/who/what", home);
    setenv("LLAMA_CACHE", elsewhere, 1);
    assert_non_null(strstr(names(), "llama.cpp:c.gguf "));
    put(".lmstudio/models/c.gguf", "GGUF of another");
    assert_fails(mn_store_resolve("c.gguf", 1, NULL, &path), MN_EINVAL,
                 "'c.gguf' may be llama.cpp:c.gguf or lm-studio:c.gguf");
    put(".lmstudio/models/c.gguf", "no model any more");
    unsetenv("LLAMA_CACHE");
}

static int count(void *user, const mn_store_entry *e) {
    int *n = user;
    assert_non_null(e->name);
    assert_non_null(e->source);
    return ++*n == 3 ? 77 : 0;
}

static int count_all(void *user, const mn_store_entry *e) {
    (void)e;
    ++*(int *)user;
    return 0;
}

static void listing(void **s) {
    (void)s;
    int n = 0;
    assert_int_equal(mn_store_list(count, &n), 77); /* stopped, and said so */
    n = 0;
    assert_ok(mn_store_list(count_all, &n));
    assert_int_equal(n, 5 + 4);
}

static void names_and_paths(void **s) {
    (void)s;
    char *path, file[256];
    assert_fails(mn_store_resolve("smollm2-135m", 1, NULL, &path), MN_ENOENT,
                 "`omnesia pull smollm2-135m` fetches it");
    assert_fails(mn_store_resolve("/no/such.gguf", 1, NULL, &path), MN_ENOENT, "no such file");
    assert_fails(mn_store_resolve("gemma3-270n", 1, NULL, &path), MN_ENOENT,
                 "did you mean gemma3-270m?");
    assert_fails(mn_store_resolve("", 1, NULL, &path), MN_ENOENT, "there is no model or file ''");
    snprintf(file, sizeof file, "%s/.cache/../.cache/llama.cpp/a_b.gguf", home);
    assert_ok(mn_store_resolve(file, 1, NULL, &path));
    assert_null(strstr(path, ".."));
    mn_free(path);
}

static void hint_once(void **s) {
    (void)s;
    char *text;
    assert_ok(mn_store_hint("smollm2-135m", &text));
    if (text) assert_non_null(strstr(text, "a larger model fits this machine: -m "));
    mn_free_text(text);
    assert_ok(mn_store_hint("smollm2-135m", &text));
    assert_null(text);
}

static void no_memory(void **s) {
    (void)s;
    int failed = 0;
    for (long n = 1; n < 200; n++) {
        mn_found_list list = {0};
        mn_alloc_fail_after(n);
        const int rc = mn_found_search(&list);
        mn_alloc_fail_after(0);
        mn_found_free(&list);
        failed += rc < 0;
        assert_true(rc == 0 || rc == MN_ENOMEM);
    }
    assert_true(failed > 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ollama),          cmocka_unit_test(hostile_manifests),
        cmocka_unit_test(other_programs),  cmocka_unit_test(listing),
        cmocka_unit_test(names_and_paths), cmocka_unit_test(hint_once),
        cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, make_home, drop_home);
}
