/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/letter.c - letters to the machine that has a task, on the board of who writes them.
 */
#include "fleet/letter.h"

#include "base/error.h"
#include "base/hash.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint64_t SECOND = 1000000000;

static const char *text_of(const json_t *json, const char *name) {
    const char *const text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

/* The field "home" of what lies there: 1; 0: it has none; -1: nothing lies there. */
static int home_of(mn_board *b, const char *kind, const char *name, char home[MN_NAME + 1],
                   int *is) {
    json_t *json = NULL;
    const int rc = mn_board_get(b, kind, name, &json, NULL);
    snprintf(home, MN_NAME + 1, "%.*s", MN_NAME, text_of(json, "home"));
    json_decref(json);
    *is = rc <= 0 ? -1 : *home != 0;
    return rc;
}

/* A question may have been taken by the brain, wherever that is, though nothing is known of it yet:
 * it is the brain's machine that can tell. Where there is none it is still its writer's: that of
 * another machine is called MACHINE.t1. */
int mn_letter_home(mn_board *b, const char *task, char home[MN_NAME + 1]) {
    const char *const dot = strchr(task, '.');
    int task_is, ask_is, brain_is;
    char unused[MN_NAME + 1];
    MN_TRY(home_of(b, "ask/", task, unused, &ask_is)); /* first: it becomes the task */
    MN_TRY(home_of(b, "task/", task, home, &task_is));
    if (task_is >= 0 || ask_is < 0) return task_is > 0;
    MN_TRY(home_of(b, "brain", "", home, &brain_is));
    if (brain_is >= 0 || !dot) return brain_is > 0;
    snprintf(home, MN_NAME + 1, "%.*s", (int)(dot - task), task);
    return 1;
}

int mn_letter_put(mn_board *b, const mn_letter *letter, char id[17]) {
    const uint64_t now = b->ops->now(b), self[] = {now, (uint64_t)getpid()};
    uint64_t version = 0;
    json_t *tries = NULL;
    if (letter->step) /* it is this try that is meant */
        MN_TRY(mn_fleet_asks(b, letter->task, letter->step, NULL, &tries));
    snprintf(id, 17, "%016llx", (unsigned long long)mn_hash64(self, sizeof self));
    json_t *const json =
        json_pack("{s:s, s:s, s:s*, s:o*, s:b, s:I}", "do", letter->what, "task", letter->task,
                  "step", letter->step, "tries", tries, "no", letter->no, "until",
                  (json_int_t)(now + MN_LETTER_WAIT * SECOND));
    const int rc = json ? mn_board_put(b, "letter/", id, json, 1, &version)
                        : MN_FAIL(MN_ENOMEM, "no memory for a letter");
    json_decref(json);
    return rc;
}

/* What it says; 1: it was done. */
static int read_answer(const char *home, const json_t *answer) {
    const int rc = (int)json_integer_value(json_object_get(answer, "rc"));
    if (rc >= 0) return 1;
    return MN_FAIL(rc, "%s: %s", home, text_of(answer, "text"));
}

int mn_letter_answer(mn_board *b, const char *home, const char *id, uint64_t *left) {
    json_t *letter;
    uint64_t version = 0;
    int rc = mn_board_get(b, "letter/", id, &letter, &version);
    MN_TRY(rc);
    const json_t *const answer = json_object_get(letter, "answer");
    const uint64_t now = b->ops->now(b),
                   until = (uint64_t)json_integer_value(json_object_get(letter, "until"));
    *left = until > now ? until - now : 0;
    if (rc && !answer && *left) {
        json_decref(letter);
        return 0;
    }
    const int gone = rc ? mn_board_del(b, "letter/", id, 1, version) : 0;
    if (gone == MN_ECONFLICT) { /* it came just now */
        json_decref(letter);
        return mn_letter_answer(b, home, id, left);
    }
    rc = answer ? read_answer(home, answer)
                : MN_FAIL(MN_EBUSY,
                          "%s, which has this task, has not answered for %d s: nothing is changed "
                          "unless it hears of it late; is there a link to it?",
                          home, MN_LETTER_WAIT);
    json_decref(letter);
    return gone < 0 && rc >= 0 ? gone : rc;
}
