/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/since.c - "2h", "today", "2026-07-31T18:00:00+02:00" as seconds since 1970.
 */
#include "cli/since.h"

#include "base/error.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int refuse(const char *text) {
    return MN_FAIL(MN_EINVAL,
                   "--since %s: give a time, such as 2h, 3d, today, 2026-07-31 or "
                   "2026-07-31T18:00:00Z",
                   text);
}

/* "2h": so long ago. 1 when it is one. */
static int ago(const char *text, uint64_t now, uint64_t *out) {
    static const struct unit {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}, {0}};
    unsigned long long n;
    char letter, more;
    if (text[0] < '0' || text[0] > '9' || sscanf(text, "%9llu%c%c", &n, &letter, &more) != 2)
        return 0;
    for (const struct unit *u = units; u->letter; u++)
        if (u->letter == letter) {
            *out = now > n * u->seconds ? now - n * u->seconds : 0;
            return 1;
        }
    return 0;
}

/* Behind the clock: "", "Z", "+02:00". 1 when it is a zone; seconds east of Greenwich in *east. */
static int zone(const char *text, long *east, int *local) {
    int h, m, n = 0;
    *local = !*text;
    *east = 0;
    if (!*text || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) return 1;
    if ((*text != '+' && *text != '-') || sscanf(text + 1, "%2d:%2d%n", &h, &m, &n) != 2) return 0;
    if (text[1 + n] || h < 0 || h > 23 || m < 0 || m > 59) return 0;
    *east = (*text == '-' ? -1 : 1) * (h * 3600L + m * 60);
    return 1;
}

int mn_cli_since(const char *given, uint64_t now, uint64_t *out) {
    const char *text = given;
    struct tm t = {.tm_isdst = -1};
    int n = 0, local;
    long east;
    char between;
    time_t moment = (time_t)now;
    if (ago(text, now, out)) return 0;
    if (strcmp(text, "today") == 0) {
        localtime_r(&moment, &t);
        t.tm_hour = t.tm_min = t.tm_sec = 0;
        t.tm_isdst = -1;
        *out = (uint64_t)mktime(&t);
        return 0;
    }
    if (sscanf(text, "%4d-%2d-%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &n) != 3)
        return refuse(given);
    text += n;
    n = 0;
    if (*text && (sscanf(text, "%c%2d:%2d%n", &between, &t.tm_hour, &t.tm_min, &n) != 3 ||
                  !strchr("Tt ", between)))
        return refuse(given);
    text += n;
    n = 0;
    if (*text == ':' && sscanf(text, ":%2d%n", &t.tm_sec, &n) != 1) return refuse(given);
    text += n;
    if (*text == '.') text += 1 + strspn(text + 1, "0123456789");
    if (!zone(text, &east, &local) || t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 ||
        t.tm_mday > 31 || t.tm_hour < 0 || t.tm_hour > 23 || t.tm_min < 0 || t.tm_min > 59 ||
        t.tm_sec < 0 || t.tm_sec > 60 || t.tm_year < 1970)
        return refuse(given);
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    moment = local ? mktime(&t) : timegm(&t) - east;
    *out = moment > 0 ? (uint64_t)moment : 0;
    return 0;
}
