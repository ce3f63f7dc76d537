/* SPDX-License-Identifier: Apache-2.0
 *
 * omnesia_skill.h - a skill of a robot, as a shared object that Omnesia runs in a process of its
 * own: what crashes or hangs in it ends that process and nothing else.
 *
 *     static int wave(const omnesia_skill_call *call) {
 *         for (double n = call->number(call, "times", 3); n > 0; n--)
 *             if (call->sleep(call, 0.5)) return call->fail(call, "cancelled", "I was stopped");
 *         return 0;
 *     }
 *     const omnesia_skill omnesia_skills[] = {
 *         {OMNESIA_SKILL_FORMAT, "wave", "{\"inputSchema\": {\"type\": \"object\", ..}}", wave},
 *         {0}};
 *
 *     cc -shared -fPIC -o wave.so wave.c && omnesia fleet skill host wave.so
 *
 * `omnesia fleet skill new wave --c` writes all of it. Manifests: docs/FLEET.md. Nothing has to be
 * linked. Standard output of the process is the line to Omnesia: what is printed goes to standard
 * error.
 */
#ifndef OMNESIA_SKILL_H
#define OMNESIA_SKILL_H
#ifdef __cplusplus
extern "C" {
#endif

enum { OMNESIA_SKILL_FORMAT = 1 };

typedef struct omnesia_skill_call omnesia_skill_call;
struct omnesia_skill_call {
    /* Arguments by their names; what is not there is `otherwise`. Borrowed while the call runs. */
    const char *(*text)(const omnesia_skill_call *call, const char *name, const char *otherwise);
    double (*number)(const omnesia_skill_call *call, const char *name, double otherwise);
    const char *(*json)(const omnesia_skill_call *call); /* all of them */
    /* 1: come back now; who goes on for 40 ms is killed. */
    int (*stopped)(const omnesia_skill_call *call);
    int (*sleep)(const omnesia_skill_call *call, double seconds);  /* or until stopped: 1 */
    void (*progress)(const omnesia_skill_call *call, double part); /* 0 to 1 */
    /* More of the result, an object in JSON: {"seen": [detections]}. */
    void (*result)(const omnesia_skill_call *call, const char *json);
    /* What went wrong: `return call->fail(call, "dropped", "it slipped");` */
    int (*fail)(const omnesia_skill_call *call, const char *code, const char *text);
};

typedef struct omnesia_skill {
    int format;                                 /* OMNESIA_SKILL_FORMAT */
    const char *name;                           /* letters, digits, _ */
    const char *manifest;                       /* JSON: description, inputSchema, _meta */
    int (*run)(const omnesia_skill_call *call); /* 0: done. In a thread; one call at a time. */
} omnesia_skill;

/* All that this shared object has; one of format 0 ends. */
extern const omnesia_skill omnesia_skills[] __attribute__((visibility("default")));

#ifdef __cplusplus
}
#endif
#endif
