/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/replay.c - run a fuzz target over every file of its corpus, without a fuzzer.
 *
 * Takes the place of libFuzzer's main in ordinary builds: `fuzz-gguf FOLDER` feeds each file of
 * FOLDER, in name order, to the target and counts them as test cases. Bytes are handed over in a
 * heap block of exactly their size, so that AddressSanitizer sees the first byte read past the
 * end. A crash or a hang names its file, because the name is printed first.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path, size_t size) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size ? size : 1);
    const int ok = file && data && fread(data, 1, size, file) == size;
    if (file) fclose(file);
    if (ok) LLVMFuzzerTestOneInput(data, size);
    free(data);
    return ok;
}

int main(int argc, char **argv) {
    struct dirent **entry;
    const int entries = argc == 2 ? scandir(argv[1], &entry, NULL, alphasort) : -1;
    if (entries < 0)
        return fprintf(stderr, "usage: %s FOLDER (one that can be read)\n", argv[0]), 2;
    int passed = 0, failed = 0;
    for (int i = 0; i < entries; i++) {
        char path[4096];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry[i]->d_name);
        free(entry[i]);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) continue;
        printf("[ RUN      ] %s\n", path);
        fflush(stdout);
        if (replay(path, (size_t)st.st_size))
            passed++;
        else
            failed++;
    }
    free(entry);
    printf("[  PASSED  ] %d test(s).\n", passed);
    if (failed) printf("[  FAILED  ] %d test(s): they could not be read.\n", failed);
    return failed || !passed;
}
