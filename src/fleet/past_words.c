/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/past_words.c - a question about the past: which things it names, and which moment.
 *
 * Words in lower case, without what stands around them. Names are found first, the longest that
 * begins at each word ("red cup" is red_cup before it is a cup), also with an s of many; then
 * moments: "10 minutes ago", "at 14:05", "yesterday", 2026-11-27T10:00:00Z. A word that is then
 * neither a name nor one of those that questions are made of is somebody we do not know: that is
 * said, with the names there are, and nothing is guessed.
 */
#include "fleet/past_inside.h"

#include "base/error.h"
#include "base/when.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SECOND = 1000000, DAY = 86400 * (int64_t)1000000;

/* What questions are made of, beside names. */
static const char known[] =
    "|a|about|after|ago|all|an|and|any|anybody|anyone|anything|are|at|be|been|before|brought|by|"
    "carried|carries|carry|carrying|did|do|does|doing|done|earlier|ever|everything|exactly|fleet|"
    "first|for|from|gave|get|given|go|gone|got|had|hand|hands|happen|happened|happening|has|have|"
    "held|her|him|his|hold|holding|holds|i|in|inside|into|is|it|its|know|last|left|lie|lies|lying|"
    "me|most|move|moved|moves|much|my|now|of|on|one|onto|or|our|out|picked|place|placed|places|"
    "please|put|recently|robot|robots|s|saw|see|seen|sees|so|stand|standing|stood|tell|that|the|"
    "them|then|there|these|they|thing|things|this|those|time|to|today|took|take|taken|tray|under|"
    "until|up|was|we|were|what|when|where|which|who|whose|with|";

void mn_past_written(const char *name, char out[MN_NAME + 1]) {
    size_t n = 0;
    for (; *name && n < MN_NAME; name++)
        out[n++] = *name == '_' || *name == '-' ? ' '
                   : (*name & 0x80)             ? *name
                                                : (char)tolower(*name);
    out[n] = 0;
}

static int in_list(const char *list, const char *word) {
    const size_t n = strlen(word);
    for (const char *p = list; (p = strstr(p, word)); p++)
        if ((p == list || p[-1] == '|') && (!p[n] || p[n] == '|')) return 1;
    return 0;
}

int mn_question_has(const mn_question *q, const char *words) {
    for (int i = 0; i < q->n; i++)
        if (*q->word[i] && in_list(words, q->word[i])) return i + 1;
    return 0;
}

/* ---- words --------------------------------------------------------------------------------- */
static int split(const char *text, mn_question *q) {
    const size_t n = strlen(text);
    if (n >= sizeof q->text)
        return MN_FAIL(MN_EINVAL, "a question has at most %zu bytes, not %zu", sizeof q->text - 1,
                       n);
    for (size_t i = 0; i <= n; i++) {
        const char c = text[i];
        const int kept = (c & 0x80) || isalnum(c) || (c && strchr("_-.:+/", c));
        q->text[i] = kept ? (c & 0x80) ? c : (char)tolower(c) : 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (!q->text[i] || (i && q->text[i - 1])) continue;
        char *const word = q->text + i;
        size_t end = strlen(word);
        while (end && strchr(".:-", word[end - 1])) word[--end] = 0; /* of a sentence */
        if (!end) continue;
        if (q->n == MN_PAST_WORDS)
            return MN_FAIL(MN_EINVAL, "a question has at most %d words", MN_PAST_WORDS);
        q->word[q->n++] = word;
    }
    return 0;
}

/* ---- names --------------------------------------------------------------------------------- */
static int ambiguous(const char *written, const json_t *list) {
    char text[200] = "";
    for (size_t i = 0, n = 0; i < json_array_size(list) && n + 70 < sizeof text; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? ", " : "",
                              json_string_value(json_array_get(list, i)));
    return MN_FAIL(MN_EINVAL, "which %s: %s?", written, text);
}

static int mention(mn_question *q, int word, int n, const char *written, const json_t *list) {
    if (json_array_size(list) > 1) return ambiguous(written, list);
    if (q->n_mentions == MN_PAST_MENTIONS)
        return MN_FAIL(MN_EINVAL, "a question names at most %d things", MN_PAST_MENTIONS);
    q->mention[q->n_mentions].word = word;
    snprintf(q->mention[q->n_mentions++].name, MN_NAME + 1, "%s",
             json_string_value(json_array_get(list, 0)));
    for (int i = 0; i < n; i++) q->word[word + i] = q->text + sizeof q->text - 1; /* "" */
    return n;
}

/* The longest name that begins at this word: how many words it has. */
static int name_at(mn_question *q, const json_t *names, int at) {
    for (int n = q->n - at < 8 ? q->n - at : 8; n > 0; n--) {
        char joined[512], written[MN_NAME + 1];
        size_t len = 0;
        for (int i = 0; i < n && len < sizeof joined; i++)
            len += (size_t)snprintf(joined + len, sizeof joined - len, "%s%s", i ? " " : "",
                                    q->word[at + i]);
        if (len > MN_NAME) continue;
        mn_past_written(joined, written);
        const json_t *list = json_object_get(names, written);
        if (!list && len > 2 && written[len - 1] == 's') {
            written[len - 1] = 0;
            list = json_object_get(names, written);
        }
        if (list && !(n == 1 && in_list(known, q->word[at])))
            return mention(q, at, n, written, list);
    }
    return 1;
}

/* ---- moments ------------------------------------------------------------------------------- */
static void used(mn_question *q, int at, int n) {
    for (int i = 0; i < n; i++) q->word[at + i] = q->text + sizeof q->text - 1;
    q->dated = 1;
}

static int64_t unit(const char *word) {
    static const struct {
        const char *names;
        int64_t seconds;
    } units[] = {{"second|seconds|sec|secs|s", 1},
                 {"minute|minutes|min|mins|m", 60},
                 {"hour|hours|h", 3600},
                 {"day|days|d", 86400},
                 {"week|weeks", 7 * 86400}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (in_list(units[i].names, word)) return units[i].seconds * SECOND;
    return 0;
}

/* "14:05", "14:05:30": the last time it was that late, in UTC. */
static int clock_time(const char *word, int64_t now, int64_t *out) {
    int h, m, s = 0, n = 0, k = 0;
    if (sscanf(word, "%2d:%2d%n:%2d%n", &h, &m, &n, &s, &k) < 2 || word[k ? k : n]) return 0;
    if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60) return 0;
    *out = now - now % DAY + (h * 3600 + m * 60 + s) * SECOND;
    if (*out > now) *out -= DAY;
    return 1;
}

static int moment_at(mn_question *q, int at, int64_t now) {
    const char *const word = q->word[at];
    char *end, upper[64];
    mn_when w;
    if (!*word) return 1;
    if (!strcmp(word, "yesterday")) {
        q->as_of = now - now % DAY - 1;
        used(q, at, 1);
        return 1;
    }
    if (clock_time(word, now, &q->as_of)) {
        used(q, at, 1);
        return 1;
    }
    if (at + 2 < q->n && !strcmp(q->word[at + 2], "ago")) {
        const double count = !strcmp(word, "a") || !strcmp(word, "an") || !strcmp(word, "one")
                                 ? 1
                                 : strtod(word, &end);
        const int64_t each = unit(q->word[at + 1]);
        if (each && count > 0 && count * (double)each < (double)now) {
            q->as_of = now - (int64_t)(count * (double)each);
            used(q, at, 3);
            return 3;
        }
    }
    if (!isdigit(*word) || strlen(word) < 7) return 1;
    for (size_t i = 0; i <= strlen(word) && i < sizeof upper; i++)
        upper[i] = (char)toupper(word[i]);
    if (strlen(word) < sizeof upper && mn_when_parse(upper, &w)) {
        q->as_of = w.at + w.span - 1; /* a day means its end */
        used(q, at, 1);
    }
    return 1;
}

/* ---- who is not known ---------------------------------------------------------------------- */
static int unknown(const mn_question *q, const json_t *names) {
    const char *word = NULL, *written;
    char list[300] = "";
    size_t n = 0;
    json_t *value;
    for (int i = 0; i < q->n && !word; i++)
        if (*q->word[i] && !in_list(known, q->word[i])) word = q->word[i];
    if (!word) return 0;
    json_object_foreach((json_t *)names, written, value) {
        if (n + 80 > sizeof list) {
            snprintf(list + n, sizeof list - n, ", ..");
            break;
        }
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", written);
    }
    return MN_FAIL(MN_ENOENT, "nothing is known of '%s'; there are: %s", word,
                   n ? list : "no names");
}

int mn_question_read(const char *text, const json_t *names, int64_t now, mn_question *q) {
    memset(q, 0, sizeof *q);
    q->as_of = now;
    MN_TRY(split(text, q));
    if (!q->n) return MN_FAIL(MN_EINVAL, "an empty question; ask: where was the cup?");
    for (int i = 0, n; i < q->n; i += n) MN_TRY(n = name_at(q, names, i));
    for (int i = 0; i < q->n;) i += moment_at(q, i, now);
    return unknown(q, names);
}

int mn_past_moment(mn_buf *out, int64_t t, int64_t now) {
    static const struct {
        int64_t most;
        double per;
        const char *name;
    } units[] = {{120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {INT64_MAX, 86400, "days"}};
    char text[MN_WHEN_TEXT];
    mn_when_text(t - t % SECOND, text);
    const int today = t / DAY == now / DAY;
    const char *const from = today ? strchr(text, 'T') + 1 : text;
    MN_TRY(mn_buf_printf(out, "%.*s UTC", (int)strcspn(from, "Z"), from));
    if (t > now) return 0;
    const int64_t age = (now - t) / SECOND;
    int i = 0;
    while (age >= units[i].most) i++;
    return mn_buf_printf(out, " (%.0f %s ago)", (double)age / units[i].per, units[i].name);
}
