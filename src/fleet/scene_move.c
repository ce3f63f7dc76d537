/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/scene_move.c - changing the scene: each change is one commit that checks what it rests on.
 *
 * A move puts the thing, the list it leaves and the list it joins, and checks the mover's lease,
 * the holder and all that this is in or on. What is checked cannot change in between: so nothing
 * lands in a holder that has just gone, nothing gets into itself, though two move at once, and who
 * has lost his lease moves nothing any more, however late he wakes. A commit that fails because
 * another was faster is made anew from what there is then; and what seems to be wrong (values are
 * read one after another) is believed only when all that was read still stands.
 */
#include "fleet/scene_inside.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>

enum {
    TRIES = 1 << 20, /* each failure was somebody's success */
    DEPTH = 10       /* of what is in or on one another; what one commit can check */
};

typedef struct changing {
    mn_board *b;
    const char *layer;
    const mn_scene_by *who;
    const char *name; /* of the thing */
    mn_edits *e;
    json_t *thing, *from, *to; /* as they shall be; NULL */
    mn_thing is;               /* fields of the thing as it is, borrowed from `old` */
    json_t *old;
    char at[MN_NAME + 1]; /* it was there; "" */
} changing;

static void changing_free(changing *c) {
    json_decref(c->thing);
    json_decref(c->from);
    json_decref(c->to);
    json_decref(c->old);
    c->thing = c->from = c->to = c->old = NULL;
}

/* The commit happens only while the lease of who makes it stands. */
static int check_lease(changing *c) {
    uint64_t version = 0;
    if (!c->who || !c->who->robot) return 0;
    MN_TRY(mn_board_version(c->b, "lease/", c->who->robot, &version));
    if (!version || version != c->who->lease)
        return MN_FAIL(MN_ECANCELLED, "the lease of '%s' is gone: it stops, and joins anew",
                       c->who->robot);
    return mn_edits_check(c->e, c->b, "lease/", c->who->robot, version);
}

/* The thing as it is: c->old, c->is, and a copy in c->thing. MN_ENOENT. */
static int read_thing(changing *c) {
    char key[MN_FLEET_KEY];
    const mn_layer_kind kind = mn_layer_of(c->layer, "thing/");
    MN_TRY(mn_board_key(c->b, kind.text, c->name, key));
    const int rc = mn_board_get(c->b, kind.text, c->name, &c->old, &c->is.version);
    MN_TRY(rc);
    MN_TRY(mn_edits_check(c->e, c->b, kind.text, c->name, c->is.version));
    if (!rc) return MN_FAIL(MN_ENOENT, "there is no thing '%s'", c->name);
    c->is.json = c->old;
    MN_TRY(mn_thing_fields(key, &c->is, MN_ECORRUPT));
    if (*c->is.home)
        return MN_FAIL(MN_EBUSY, "'%s' is the machine %s's, and is changed there", c->name,
                       c->is.home);
    if (strlen(c->is.at) > MN_NAME) return MN_FAIL(MN_ECORRUPT, "%s: at: too long", key);
    strcpy(c->at, c->is.at);
    c->thing = json_deep_copy(c->old);
    return c->thing ? 0 : MN_FAIL(MN_ENOMEM, "no memory for the thing '%s'", c->name);
}

/* A copy of the list of `name`; an empty one when there is none yet. */
static int read_list(changing *c, const char *name, json_t **out, uint64_t *version) {
    char key[MN_FLEET_KEY];
    const mn_layer_kind kind = mn_layer_of(c->layer, "holds/");
    json_t *json, *names = NULL;
    MN_TRY(mn_board_key(c->b, kind.text, name, key));
    int rc = mn_board_get(c->b, kind.text, name, &json, version);
    if (rc > 0) rc = mn_holds_fields(key, json, &names);
    if (rc >= 0) rc = mn_edits_check(c->e, c->b, kind.text, name, *version);
    if (rc >= 0) {
        *out = names ? json_deep_copy(json) : json_pack("{s:[]}", "holds");
        if (!*out) rc = MN_FAIL(MN_ENOMEM, "no memory for %s", key);
    }
    json_decref(json);
    return rc < 0 ? rc : 0;
}

static int leave_list(changing *c, json_t *list, const char *holder) {
    json_t *const names = json_object_get(list, "holds");
    const int at = mn_holds_find(names, c->name);
    if (at < 0)
        return MN_FAIL(MN_ECORRUPT, "'%s' says it is at '%s', whose list lacks it", c->name,
                       holder);
    json_array_remove(names, (size_t)at);
    return 0;
}

static int join_list(changing *c, json_t *list) {
    if (json_array_append_new(json_object_get(list, "holds"), json_string(c->name)) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for a list with '%s'", c->name);
    return 0;
}

static int put_list(changing *c, const char *name, const json_t *list, uint64_t version) {
    return mn_edits_put(c->e, c->b, mn_layer_of(c->layer, "holds/").text, name, list, version);
}

/* ---- where it goes ------------------------------------------------------------------------- */
typedef struct holder {
    const char *name, *how;
    json_t *json;
    mn_thing thing;      /* its fields.. */
    mn_robot_seen robot; /* ..or these, when it is a robot */
    int is_robot;
} holder;

/* Read it, and see that it stays as it is. */
static int read_holder(changing *c, holder *h) {
    char key[MN_FLEET_KEY];
    uint64_t version;
    mn_layer_kind kind = mn_layer_of(c->layer, "thing/");
    int rc = mn_board_get(c->b, kind.text, h->name, &h->json, &version);
    if (!rc) {
        kind = mn_layer_of(c->layer, "robot/");
        h->is_robot = 1;
        rc = mn_board_get(c->b, kind.text, h->name, &h->json, &version);
    }
    MN_TRY(rc);
    if (!rc) return MN_FAIL(MN_ENOENT, "there is no thing and no robot '%s'", h->name);
    MN_TRY(mn_board_key(c->b, kind.text, h->name, key));
    h->thing.json = h->robot.json = h->json;
    MN_TRY(h->is_robot ? mn_robot_fields(key, &h->robot, MN_ECORRUPT)
                       : mn_thing_fields(key, &h->thing, MN_ECORRUPT));
    return mn_edits_check(c->e, c->b, kind.text, h->name, version);
}

/* What the holder is in or on stays so, too, and is not the thing. */
static int check_above(changing *c, const holder *h) {
    const mn_layer_kind kind = mn_layer_of(c->layer, "thing/");
    json_t *json = NULL;
    int rc = 0;
    if (h->is_robot) return 0;
    char at[MN_NAME + 1];
    snprintf(at, sizeof at, "%s", h->thing.at);
    for (int depth = 0; rc >= 0 && *at; depth++) {
        uint64_t version;
        if (!strcmp(at, c->name))
            return MN_FAIL(MN_EINVAL, "'%s' cannot go into '%s', which is in or on it", c->name,
                           h->name);
        if (depth == DEPTH)
            return MN_FAIL(MN_ETOOLONG, "'%s' is in or on more than %d others", h->name, DEPTH);
        MN_TRY(mn_board_get(c->b, kind.text, at, &json, &version));
        if (!json) return 0; /* a robot, which is in nothing */
        rc = mn_edits_check(c->e, c->b, kind.text, at, version);
        const char *const next = json_string_value(json_object_get(json, "at"));
        snprintf(at, sizeof at, "%s", next ? next : "");
        json_decref(json);
    }
    return rc;
}

static int is_hand(const holder *h, const char *how) {
    for (int i = 0; h->is_robot && i < h->robot.n_hands; i++)
        if (!strcmp(h->robot.hand[i], how)) return 1;
    return 0;
}

static int check_how(const holder *h) {
    if (!strcmp(h->how, "in") || !strcmp(h->how, "on") || is_hand(h, h->how)) return 0;
    if (!h->is_robot)
        return MN_FAIL(MN_EINVAL, "things are in or on '%s', not '%s'", h->name, h->how);
    return MN_FAIL(MN_EINVAL, "'%s' has no hand '%s'", h->name, h->how);
}

/* Has the holder room for it, with the list as it was? */
static int check_room(changing *c, const holder *h, const json_t *list) {
    const json_t *const names = json_object_get(list, "holds");
    const int hand = is_hand(h, h->how), most = h->is_robot ? h->robot.room_for : h->thing.room_for;
    int others = 0;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *const name = json_string_value(json_array_get(names, i));
        const char *how = "";
        json_t *json = NULL;
        if (!strcmp(name, c->name)) continue;
        if (h->is_robot) {
            MN_TRY(mn_board_get(c->b, mn_layer_of(c->layer, "thing/").text, name, &json, NULL));
            const json_t *const says = json_object_get(json, "how");
            how = json_is_string(says) ? json_string_value(says) : "in";
        }
        const int same = hand && !strcmp(how, h->how);
        others += !is_hand(h, how);
        json_decref(json);
        if (same) return MN_FAIL(MN_EFULL, "'%s' has '%s' in its hand '%s'", h->name, name, h->how);
    }
    if (!hand && most >= 0 && others >= most)
        return MN_FAIL(MN_EFULL, "'%s' has room for %d, and has %d", h->name, most, others);
    return 0;
}

/* It joins the holder, which is not `from` when that list is already open. */
static int join_holder(changing *c, holder *h) {
    uint64_t version;
    if (!strcmp(h->name, c->name)) return MN_FAIL(MN_EINVAL, "'%s' cannot go into itself", c->name);
    MN_TRY(read_holder(c, h));
    MN_TRY(check_how(h));
    MN_TRY(check_above(c, h));
    MN_TRY(read_list(c, h->name, &c->to, &version));
    MN_TRY(check_room(c, h, c->to));
    if (!strcmp(h->name, c->at)) MN_TRY(leave_list(c, c->to, c->at));
    MN_TRY(join_list(c, c->to));
    return put_list(c, h->name, c->to, version);
}

/* ---- moving -------------------------------------------------------------------------------- */
static int set_text(json_t *o, const char *field, const char *text) {
    if (json_object_set_new(o, field, json_string(text)) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for '%s'", text);
    return 0;
}

static int change_thing(changing *c, const mn_move *m, const char *how) {
    MN_TRY(set_text(c->thing, "at", m->to));
    MN_TRY(set_text(c->thing, "how", how));
    json_object_del(c->thing, "pose");
    if (m->pose && json_object_set_new(c->thing, "pose", mn_pose_write(m->pose)) < 0)
        return MN_FAIL(MN_ENOMEM, "no memory for the pose of '%s'", c->name);
    return mn_edits_put(c->e, c->b, mn_layer_of(c->layer, "thing/").text, c->name, c->thing,
                        c->is.version);
}

static int make_move(changing *c, const void *how) {
    const mn_move *const m = how;
    holder to = {.name = m->to, .how = m->how ? m->how : "in"};
    uint64_t version;
    MN_TRY(check_lease(c));
    MN_TRY(read_thing(c));
    if (m->from && strcmp(m->from, c->at))
        return MN_FAIL(MN_ECONFLICT, "'%s' is at '%s', not at '%s'", c->name, c->at, m->from);
    if (*c->at && strcmp(c->at, m->to)) {
        MN_TRY(read_list(c, c->at, &c->from, &version));
        MN_TRY(leave_list(c, c->from, c->at));
        MN_TRY(put_list(c, c->at, c->from, version));
    }
    int rc = join_holder(c, &to);
    if (rc >= 0) rc = change_thing(c, m, to.how);
    json_decref(to.json);
    return rc;
}

/* Is all that was read still so? 0: yes. */
static int still(mn_board *b, mn_edits *e, int first) {
    mn_edit checks[MN_EDITS];
    const int n = e->n - first;
    for (int i = 0; i < n; i++)
        checks[i] = (mn_edit){e->key[first + i], MN_EDIT_CHECK, 1, e->edit[first + i].version};
    return n && !b->ops->alone ? b->ops->commit(b, checks, n) : 0;
}

/* The edits of a change, by `make`, until what it was made of was so at one moment. */
static int prepare(changing *c, int (*make)(changing *c, const void *how), const void *how) {
    const int first = c->e->n;
    for (int tries = 0; tries < TRIES; tries++) {
        char says[512];
        int rc = make(c, how);
        if (rc >= 0 || rc == MN_ECANCELLED || rc == MN_ENOMEM) return rc;
        snprintf(says, sizeof says, "%s", mn_error_detail());
        if (still(c->b, c->e, first) != MN_ECONFLICT) return MN_FAIL(rc, "%s", says);
        c->e->n = first;
        changing_free(c);
    }
    return MN_FAIL(MN_EBUSY, "'%s' changes faster than it can be read", c->name);
}

int mn_scene_move_edits(mn_board *b, const char *layer, const mn_scene_by *who, const mn_move *m,
                        mn_edits *e, char from[MN_NAME + 1]) {
    changing c = {.b = b, .layer = layer, .who = who, .name = m->thing, .e = e};
    const int rc = prepare(&c, make_move, m);
    if (from) strcpy(from, c.at);
    changing_free(&c);
    return rc;
}

int mn_scene_move(mn_board *b, const char *layer, const mn_scene_by *who, const mn_move *m) {
    char from[MN_NAME + 1] = "";
    int rc = MN_ECONFLICT;
    for (int tries = 0; rc == MN_ECONFLICT && tries < TRIES; tries++) {
        mn_edits e = {.n = 0};
        rc = mn_scene_move_edits(b, layer, who, m, &e, from);
        if (rc < 0) tries = TRIES;
        if (rc >= 0) rc = mn_edits_commit(&e, b);
        mn_edits_free(&e);
    }
    if (rc >= 0 && !*layer)
        mn_board_tell(b, "moved", "{s:s, s:s, s:s, s:s, s:s*}", "thing", m->thing, "from", from,
                      "to", m->to, "how", m->how ? m->how : "in", "robot", who ? who->robot : NULL);
    return rc;
}

/* ---- things: new, changed, gone ------------------------------------------------------------ */
static int merge(changing *c, const json_t *fields) {
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)fields, field, value) {
        const int rc = json_is_null(value) ? (json_object_del(c->thing, field), 0)
                                           : json_object_set(c->thing, field, value);
        if (rc < 0) return MN_FAIL(MN_ENOMEM, "no memory for '%s' of '%s'", field, c->name);
    }
    return 0;
}

/* What it would be is a thing? */
static int check_fields(changing *c, mn_thing *t) {
    char key[MN_FLEET_KEY];
    MN_TRY(mn_board_key(c->b, mn_layer_of(c->layer, "thing/").text, c->name, key));
    t->json = c->thing;
    return mn_thing_fields(key, t, MN_EINVAL);
}

static int check_no_robot(changing *c) {
    const mn_layer_kind kind = mn_layer_of(c->layer, "robot/");
    char key[MN_FLEET_KEY];
    mn_buf bytes = {0};
    uint64_t version = 0;
    MN_TRY(mn_board_key(c->b, kind.text, c->name, key));
    const int rc = c->b->ops->get(c->b, key, &bytes, &version);
    mn_buf_free(&bytes);
    MN_TRY(rc);
    MN_TRY(mn_edits_check(c->e, c->b, kind.text, c->name, version));
    return rc ? MN_FAIL(MN_EINVAL, "'%s' is the name of a robot: call the thing otherwise", c->name)
              : 0;
}

static int make_new(changing *c, const json_t *fields) {
    mn_thing t = {0};
    MN_TRY(check_no_robot(c));
    c->thing = json_object();
    if (!c->thing) return MN_FAIL(MN_ENOMEM, "no memory for the thing '%s'", c->name);
    MN_TRY(merge(c, fields));
    MN_TRY(check_fields(c, &t));
    holder at = {.name = t.at, .how = t.how};
    int rc = 0;
    if (*t.at)
        rc = join_holder(c, &at);
    else if (t.kind != MN_ROOM && t.kind != MN_DOOR)
        rc = MN_FAIL(MN_EINVAL, "'%s' is new: say where it is, with \"at\"", c->name);
    json_decref(at.json);
    MN_TRY(rc);
    return mn_edits_put(c->e, c->b, mn_layer_of(c->layer, "thing/").text, c->name, c->thing, 0);
}

static int make_set(changing *c, const void *how) {
    const json_t *const fields = how, *const at = json_object_get(fields, "at");
    mn_thing t = {0};
    if (!json_is_object(fields)) return MN_FAIL(MN_EINVAL, "a thing is set by a JSON object");
    MN_TRY(check_lease(c));
    const int rc = read_thing(c);
    if (rc == MN_ENOENT) return make_new(c, fields);
    MN_TRY(rc);
    if (at && (!json_is_string(at) || strcmp(json_string_value(at), c->at)))
        return MN_FAIL(MN_EINVAL, "'%s' is at '%s': move it, if it is to be elsewhere", c->name,
                       c->at);
    MN_TRY(merge(c, fields));
    MN_TRY(check_fields(c, &t));
    if (strcmp(t.how, c->is.how))
        return MN_FAIL(MN_EINVAL, "'%s' is '%s' '%s': move it, if that is to change", c->name,
                       c->is.how, c->at);
    return mn_edits_put(c->e, c->b, mn_layer_of(c->layer, "thing/").text, c->name, c->thing,
                        c->is.version);
}

int mn_scene_set_edits(mn_board *b, const char *layer, const mn_scene_by *who, const char *thing,
                       const json_t *fields, mn_edits *e) {
    changing c = {.b = b, .layer = layer, .who = who, .name = thing, .e = e};
    const int rc = prepare(&c, make_set, fields);
    const int fresh = !c.old;
    changing_free(&c);
    return rc < 0 ? rc : fresh;
}

/* A pose or a sighting is no event: see.h tells what was seen. */
static int worth_telling(const json_t *fields) {
    const char *field;
    json_t *value;
    json_object_foreach((json_t *)fields, field, value) {
        if (strcmp(field, "pose") && strcmp(field, "seen")) return 1;
    }
    return 0;
}

int mn_scene_set(mn_board *b, const char *layer, const mn_scene_by *who, const char *thing,
                 const json_t *fields) {
    int rc = MN_ECONFLICT, fresh = 0;
    for (int tries = 0; rc == MN_ECONFLICT && tries < TRIES; tries++) {
        mn_edits e = {.n = 0};
        rc = fresh = mn_scene_set_edits(b, layer, who, thing, fields, &e);
        if (rc < 0) tries = TRIES;
        if (rc >= 0) rc = mn_edits_commit(&e, b);
        mn_edits_free(&e);
    }
    if (rc >= 0 && !*layer && worth_telling(fields))
        mn_board_tell(b, fresh ? "new" : "changed", "{s:s, s:O, s:s*}", "thing", thing, "fields",
                      fields, "robot", who ? who->robot : NULL);
    return rc;
}

static int make_remove(changing *c, const void *how) {
    const mn_layer_kind lists = mn_layer_of(c->layer, "holds/");
    uint64_t version;
    (void)how;
    MN_TRY(read_thing(c));
    MN_TRY(read_list(c, c->name, &c->to, &version));
    const size_t n = json_array_size(json_object_get(c->to, "holds"));
    if (n) return MN_FAIL(MN_EBUSY, "'%s' holds %zu things: move them first", c->name, n);
    if (version) MN_TRY(mn_edits_del(c->e, c->b, lists.text, c->name, version));
    if (*c->at) {
        MN_TRY(read_list(c, c->at, &c->from, &version));
        MN_TRY(leave_list(c, c->from, c->at));
        MN_TRY(put_list(c, c->at, c->from, version));
    }
    return mn_edits_del(c->e, c->b, mn_layer_of(c->layer, "thing/").text, c->name, c->is.version);
}

int mn_scene_remove(mn_board *b, const char *layer, const char *thing) {
    int rc = MN_ECONFLICT;
    for (int tries = 0; rc == MN_ECONFLICT && tries < TRIES; tries++) {
        mn_edits e = {.n = 0};
        changing c = {.b = b, .layer = layer, .name = thing, .e = &e};
        rc = prepare(&c, make_remove, NULL);
        if (rc < 0) tries = TRIES;
        changing_free(&c);
        if (rc >= 0) rc = mn_edits_commit(&e, b);
        mn_edits_free(&e);
    }
    if (rc >= 0 && !*layer) mn_board_tell(b, "removed", "{s:s}", "thing", thing);
    return rc;
}
