/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/skill_new.c - skeletons of skills: the files of fleet/templates/, with a name in them.
 *
 * @NAME@ is the skill's; of an action PKG/action/TYPE, @PACKAGE@ and @TYPE@ are its parts, @ACTION@
 * is all of it, and @TOPIC@ its type as ROS names its actions: NavigateToPose, navigate_to_pose.
 */
#include "fleet/skill_host.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

extern const unsigned char mn_skill_template_c[], mn_skill_template_python[],
    mn_skill_template_ros2[], mn_skill_template_h[];
extern const size_t mn_skill_template_h_size;

enum { WORD = 63 };
typedef struct words {
    const char *name, *action;
    char package[WORD + 1], type[WORD + 1], topic[2 * WORD + 1];
} words;

static const struct language {
    const char *name, *ending;
    const unsigned char *text;
} languages[] = {
    {"c", ".c", mn_skill_template_c},
    {"python", ".py", mn_skill_template_python},
    {"ros2", ".py", mn_skill_template_ros2},
};

/* Letters, digits and _, a letter first: it becomes a word of C, Python or ROS. */
static int is_word(const char *text, size_t n, int upper) {
    for (size_t i = 0; i < n; i++) {
        const char c = text[i];
        const int letter = (c >= 'a' && c <= 'z') || (upper && c >= 'A' && c <= 'Z');
        if (!letter && (!i || !((c >= '0' && c <= '9') || c == '_'))) return 0;
    }
    return n >= 1 && n <= WORD;
}

static int read_action(const char *action, words *w) {
    const char *const a = strchr(action, '/'), *const b = a ? strchr(a + 1, '/') : NULL;
    if (!b || strncmp(a, "/action/", 8) != 0 || !is_word(action, (size_t)(a - action), 0) ||
        !is_word(b + 1, strlen(b + 1), 1))
        return MN_FAIL(MN_EINVAL,
                       "'%.80s' is no action: write it as nav2_msgs/action/NavigateToPose", action);
    w->action = action;
    snprintf(w->package, sizeof w->package, "%.*s", (int)(a - action), action);
    snprintf(w->type, sizeof w->type, "%s", b + 1);
    size_t n = 0;
    for (const char *c = w->type; *c; c++) {
        const int capital = *c >= 'A' && *c <= 'Z';
        if (capital && c > w->type && n < sizeof w->topic - 2) w->topic[n++] = '_';
        if (n < sizeof w->topic - 1) w->topic[n++] = (char)(capital ? *c - 'A' + 'a' : *c);
    }
    w->topic[n] = 0;
    return 0;
}

static const char *word_of(const words *w, const char *at, size_t *skip) {
    const struct {
        const char *mark, *word;
    } all[] = {{"@NAME@", w->name},
               {"@PACKAGE@", w->package},
               {"@TYPE@", w->type},
               {"@ACTION@", w->action},
               {"@TOPIC@", w->topic}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strncmp(at, all[i].mark, strlen(all[i].mark))) {
            *skip = strlen(all[i].mark);
            return all[i].word;
        }
    *skip = 1;
    return "@";
}

static int fill(const words *w, const char *text, mn_buf *out) {
    while (*text) {
        const size_t n = strcspn(text, "@");
        size_t skip = 0;
        MN_TRY(mn_buf_append(out, text, n));
        text += n;
        if (*text) MN_TRY(mn_buf_puts(out, word_of(w, text, &skip)));
        text += skip;
    }
    return 0;
}

static int path_of(const char *folder, const char *name, const char *ending, mn_buf *out) {
    mn_buf_clear(out);
    return mn_buf_printf(out, "%s/%s%s", folder && *folder ? folder : ".", name, ending);
}

static int is_there(const char *path) {
    uint64_t size;
    int64_t when;
    return mn_file_stat(path, &size, &when) != MN_ENOENT;
}

static int write_file(const char *path, const void *bytes, size_t n) {
    mn_filew *f;
    MN_TRY(mn_file_begin(path, &f));
    const int rc = mn_file_write(f, bytes, n);
    if (rc >= 0) return mn_file_commit(&f);
    mn_file_abort(&f);
    return rc;
}

static int write_all(const struct language *l, const words *w, const char *folder, mn_buf *path,
                     mn_buf *text, mn_buf *said) {
    if (*l->name == 'c') {
        MN_TRY(path_of(folder, "omnesia_skill", ".h", path));
        if (!is_there(path->data)) {
            MN_TRY(write_file(path->data, mn_skill_template_h, mn_skill_template_h_size));
            MN_TRY(mn_buf_printf(said, "wrote %s\n", path->data));
        }
    }
    MN_TRY(path_of(folder, w->name, l->ending, path));
    if (is_there(path->data))
        return MN_FAIL(MN_EBUSY, "%s is there already, and stays as it is: choose another name",
                       path->data);
    MN_TRY(fill(w, (const char *)l->text, text));
    MN_TRY(write_file(path->data, text->data, text->len));
    MN_TRY(mn_buf_printf(said, "wrote %s\n", path->data));
    if (*l->name == 'c')
        return mn_buf_printf(said,
                             "compile it: cc -std=c11 -O2 -Wall -shared -fPIC -o %s.so %s.c\n"
                             "in a profile: skills: [{command: [omnesia, fleet, skill, host, "
                             "%s.so]}]\n",
                             w->name, w->name, w->name);
    return mn_buf_printf(said, "in a profile: skills: [{command: [python3, %s.py]}]\n", w->name);
}

int mn_skill_new(const char *name, const char *language, const char *action, const char *folder,
                 mn_buf *said) {
    const size_t n = sizeof languages / sizeof *languages;
    words w = {.name = name, .action = ""};
    const struct language *l = NULL;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(languages[i].name, language)) l = &languages[i];
    if (!l)
        return MN_FAIL(MN_EINVAL, "'%.40s' is no language of skeletons: c, python or ros2",
                       language);
    if (!is_word(name, strlen(name), 0))
        return MN_FAIL(MN_EINVAL,
                       "'%.80s' is no name of a skill: 1 to %d small letters, digits and '_', a "
                       "letter first",
                       name, WORD);
    if (!strcmp(l->name, "ros2")) MN_TRY(read_action(action ? action : "", &w));
    mn_buf path = {.limit = 0}, text = {.limit = 0};
    const int rc = write_all(l, &w, folder, &path, &text, said);
    mn_buf_free(&path);
    mn_buf_free(&text);
    return rc;
}
