/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/l2mac_catalogue.c - a long text that a machine can check.
 *
 * 60 exhibits of a museum, named by the seed, in 12 files of 5. Each has its number and name,
 * figures within bounds, a text of at least 20 words, and the number and name of another one: so
 * every file names what stands in others. The check is a script of awk, which says of each file at
 * most two things that are wrong, with the place and what should be there; files that are missing
 * count at the end.
 */
#include "bench/l2mac.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

enum { STUFF = 12, THINGS = 15, NAME = 40 };
static const char *const stuff[STUFF] = {"brass",  "oak",  "iron", "copper", "tin",  "glass",
                                         "silver", "cork", "bone", "slate",  "wool", "birch"};
static const char *const things[THINGS] = {"sextant", "rudder", "bell",   "lantern", "whistle",
                                           "chest",   "anchor", "basket", "compass", "ladder",
                                           "kettle",  "flute",  "mirror", "clock",   "stool"};
static const char *const places[] = {"a harbour museum", "a castle", "a village school",
                                     "a railway"};

static void draw_names(uint64_t seed, char out[MN_CATALOGUE][NAME]) {
    int order[STUFF * THINGS];
    mn_random r;
    mn_random_seed(&r, seed);
    for (int i = 0; i < STUFF * THINGS; i++) order[i] = i;
    for (int i = 0; i < MN_CATALOGUE; i++) {
        const int k = i + (int)(mn_random_u64(&r) % (uint64_t)(STUFF * THINGS - i)), was = order[i];
        order[i] = order[k];
        order[k] = was;
        snprintf(out[i], NAME, "%s %s", stuff[order[i] % STUFF], things[order[i] / STUFF]);
    }
}

int mn_catalogue_task(uint64_t seed, mn_buf *out) {
    char name[MN_CATALOGUE][NAME];
    draw_names(seed, name);
    MN_TRY(mn_buf_printf(
        out,
        "Write the catalogue of %s: 60 exhibits in 12 files of 5 exhibits: part-01.txt has "
        "exhibits "
        "1 to 5, part-02.txt has 6 to 10, and so on until part-12.txt, which has 56 to 60. The "
        "exhibits: ",
        places[seed % (sizeof places / sizeof *places)]));
    for (int i = 0; i < MN_CATALOGUE; i++)
        MN_TRY(mn_buf_printf(out, "%s%d %s", i ? ", " : "", i + 1, name[i]));
    return mn_buf_puts(
        out,
        ".\nEach exhibit is 7 lines, and an empty line behind them:\nExhibit NUMBER: NAME\n"
        "Year: YEAR\nRoom: ROOM\nHeight: HEIGHT cm\nWeight: WEIGHT kg\nSee: NUMBER NAME\nText: "
        "TEXT\n"
        "YEAR is from 1800 to 1999, ROOM from 1 to 9, HEIGHT and WEIGHT from 1 to 300. See names "
        "another exhibit with its number and name as they are listed. TEXT is two sentences about "
        "the exhibit on one line, of 20 words or more.");
}

static const char script[] =
    "function bad(s) { said++; if (told[FILENAME]++ < 2) print FILENAME \": \" s }\n"
    "function must(n, l, s) { bad(\"exhibit \" n \": line \" l \" must be \\\"\" s) }\n"
    "FILENAME == \"names.txt\" { name[FNR] = $0; next }\n"
    "FNR == 1 { k = 0; part = FILENAME; sub(/^part-/, \"\", part); part += 0 }\n"
    "/^[ \\t\\r]*$/ { next }\n"
    "{ k++; n = (part - 1) * 5 + int((k - 1) / 7) + 1; f = (k - 1) % 7; count[FILENAME] "
    "= k\n"
    "  other = n % 60 + 1\n"
    "  if (k > 35) { if (k == 36) bad(\"has more than 5 exhibits: they are \" n - 5 \" "
    "to \" n - 1); next }\n"
    "  if (f == 0 && $0 != \"Exhibit \" n \": \" name[n]) must(n, FNR, \"Exhibit \" n "
    "\": \" name[n] \"\\\"\")\n"
    "  if (f == 1 && $0 !~ /^Year: 1[89][0-9][0-9]$/) must(n, FNR, \"Year: \\\" and a "
    "year from 1800 to 1999\")\n"
    "  if (f == 2 && $0 !~ /^Room: [1-9]$/) must(n, FNR, \"Room: \\\" and a number from "
    "1 to 9\")\n"
    "  if (f == 3 && ($0 !~ /^Height: [0-9]+ cm$/ || $2 < 1 || $2 > 300)) must(n, FNR, "
    "\"Height: \\\", a number from 1 to 300, \\\" cm\\\"\")\n"
    "  if (f == 4 && ($0 !~ /^Weight: [0-9]+ kg$/ || $2 < 1 || $2 > 300)) must(n, FNR, "
    "\"Weight: \\\", a number from 1 to 300, \\\" kg\\\"\")\n"
    "  if (f == 5 && ($0 !~ /^See: [0-9]+ / || $2 == n || !($2 in name) || $0 != \"See: "
    "\" $2 \" \" name[$2])) must(n, FNR, \"See: \\\" and the number and name of another "
    "exhibit, such as \\\"See: \" other \" \" name[other] \"\\\"\")\n"
    "  if (f == 6) { if ($1 != \"Text:\") must(n, FNR, \"Text: \\\" and the text\")\n"
    "    else if (NF < 21) bad(\"the text of exhibit \" n \" has \" NF - 1 \" words; "
    "make it at least 20\") } }\n"
    "END { for (i = 1; i <= 12; i++) { f = sprintf(\"part-%02d.txt\", i)\n"
    "    if (f in count) { if (count[f] < 35) { print f \": has \" int(count[f] / 7) \" "
    "exhibits; it needs 5, \" (i - 1) * 5 + 1 \" to \" i * 5; said++ } }\n"
    "    else if (ENVIRON[\"OMNESIA_LAST\"] == 1) { print f \" is missing: exhibits \" "
    "(i - 1) * 5 + 1 \" to \" i * 5; said++ } }\n"
    "  exit said > 0 }\n";
const char mn_catalogue_check[] = "awk -f check.awk names.txt $(ls part-*.txt)";

static int put(const char *folder, const char *name, const char *text, size_t n) {
    char path[512];
    mn_filew *f;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    MN_TRY(mn_file_begin(path, &f));
    const int rc = mn_file_write(f, text, n);
    if (rc >= 0) return mn_file_settle(&f);
    mn_file_abort(&f);
    return rc;
}

int mn_catalogue_tests(uint64_t seed, const char *folder) {
    char name[MN_CATALOGUE][NAME];
    mn_buf text = {0};
    int rc = 0;
    draw_names(seed, name);
    for (int i = 0; i < MN_CATALOGUE && rc >= 0; i++) rc = mn_buf_printf(&text, "%s\n", name[i]);
    if (rc >= 0) rc = put(folder, "names.txt", text.data, text.len);
    if (rc >= 0) rc = put(folder, "check.awk", script, sizeof script - 1);
    mn_buf_free(&text);
    return rc;
}
