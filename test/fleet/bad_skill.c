/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/bad_skill.c - a shared object whose skill, called BAD_WORD, says that it makes
 * is(thing, BAD_WORD) and does what BAD_HOW says. Its "inspect" sees what is true, as that of
 * fake_skill.py does: files in FAKE_TRUTH.
 */
#include "../../include/omnesia_skill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THING \
    "\"inputSchema\":{\"type\":\"object\",\"properties\":{\"thing\":{\"type\":\"string\"}}}"

static char word[64], manifest[512];

__attribute__((constructor)) static void be_told(void) {
    const char *const how = getenv("BAD_HOW");
    snprintf(word, sizeof word, "%s", getenv("BAD_WORD") ? getenv("BAD_WORD") : "work");
    snprintf(manifest, sizeof manifest,
             "{" THING ",\"_meta\":{\"omnesia/skill\":{\"makes\":[\"is(thing, %s)\"],"
             "\"seconds\":1,\"limit\":6,\"verify\":true}}}",
             word);
    if (how && !strcmp(how, "manifest")) manifest[20] = 0;
}

static int overflow(volatile int *deeper) {
    volatile int here[4096] = {*deeper};
    return *deeper < 0 ? 0 : overflow(here) + here[0];
}

/* A thousand times 1 MB; who gets no more dies of it. */
static int eat(void) {
    for (int i = 0; i < 1000; i++) memset(malloc(1 << 20), 'x', 1 << 20);
    return 0;
}

static int leave_child(void) {
    if (fork()) return 0;
    setsid();
    for (;;) pause();
}

static int run(const omnesia_skill_call *call) {
    const char *const how = getenv("BAD_HOW");
    static int *volatile nowhere;
    int zero = 0;
    if (!strcmp(how, "crash")) *nowhere = 1;
    if (!strcmp(how, "eats")) return eat();
    if (!strcmp(how, "overflow")) return overflow(&zero);
    if (!strcmp(how, "exit")) exit(0);
    if (!strcmp(how, "nonsense")) call->result(call, "cup, mostly");
    if (!strcmp(how, "code")) return call->fail(call, "what is this?", "it broke");
    if (!strcmp(how, "minus")) return -7;
    if (!strcmp(how, "child")) return leave_child();
    while (!strcmp(how, "deaf")) pause();
    puts("it is done, honestly");
    fflush(stdout);
    return 0;
}

static int inspect(const omnesia_skill_call *call) {
    const char *thing = call->text(call, "thing", "");
    char path[4096], seen[512];
    char part[80];
    snprintf(part, sizeof part, "%spart", word);
    if (!strcmp(thing, "bench")) thing = part; /* what lies on it */
    snprintf(path, sizeof path, "%s/%s.%s", getenv("FAKE_TRUTH"), thing, word);
    snprintf(seen, sizeof seen, "{\"seen\":[{\"name\":\"%s\",\"is\":{\"%s\":%s}}]}", thing, word,
             access(path, F_OK) ? "false" : "true");
    call->result(call, seen);
    return 0;
}

const omnesia_skill omnesia_skills[] = {{OMNESIA_SKILL_FORMAT, word, manifest, run},
                                        {OMNESIA_SKILL_FORMAT, "inspect", "{" THING "}", inspect},
                                        {0, NULL, NULL, NULL}};
