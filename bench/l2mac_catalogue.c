/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/l2mac_catalogue.c - a long text that a machine can check.
 *
 * 60 exhibits of a museum in 12 files of 5; the seed says of what kind those of each file are. An
 * exhibit is 10 lines: its number and a name that no other has, figures within bounds, the number
 * of another one, a text of at least 20 words. The check is a script of awk, which says of each
 * file at most two things that are wrong, with the place and what should be there; files that are
 * missing count when OMNESIA_LAST is 1.
 *
 * How it is asked for was found by trial with a model of 1.5B: it does what an example shows much
 * better than what a description says; it copies names that are listed instead of writing about
 * them; and it counts no words, so that the least number is well below what it writes anyway.
 */
#include "bench/l2mac.h"

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"

#include <stdio.h>
#include <string.h>

enum { KINDS = 24 };
static const char *const places[] = {"a harbour museum", "a castle", "a village school",
                                     "a railway museum"};

static void draw(uint64_t seed, const char *kind[KINDS]) {
    static const char *const all[KINDS] = {
        "lamps", "anchors", "bells", "chests", "clocks", "boots", "ropes",  "maps",
        "oars",  "pumps",   "flags", "stoves", "locks",  "drums", "saws",   "boats",
        "hats",  "jugs",    "pipes", "scales", "nets",   "keys",  "wheels", "spoons"};
    mn_random r;
    mn_random_seed(&r, seed);
    memcpy(kind, all, sizeof all);
    for (int i = 0; i < MN_CATALOGUE_PARTS; i++) {
        const int k = i + (int)(mn_random_u64(&r) % (uint64_t)(KINDS - i));
        const char *const was = kind[i];
        kind[i] = kind[k];
        kind[k] = was;
    }
}

int mn_catalogue_task(uint64_t seed, mn_buf *out) {
    const char *kind[KINDS];
    draw(seed, kind);
    MN_TRY(mn_buf_printf(
        out,
        "Write the catalogue of %s: 60 exhibits, numbered 1 to 60, in 12 files of 5 exhibits: ",
        places[seed % (sizeof places / sizeof *places)]));
    for (int i = 0; i < MN_CATALOGUE_PARTS; i++)
        MN_TRY(mn_buf_printf(out, "%spart-%02d.txt has %d to %d, all of them %s", i ? ", " : "",
                             i + 1, i * 5 + 1, i * 5 + 5, kind[i]));
    return mn_buf_puts(
        out,
        ". An exhibit is 10 lines in this order, and an empty line behind them, like this one:\n"
        "Exhibit 61: Hammer of the ropemaker's yard\nYear: 1874\nRoom: 3\nHeight: 21 cm\n"
        "Weight: 2 kg\nMaterial: iron and ash wood\nMaker: Jonas Lindqvist, smith\n"
        "Given by: the family of Ida Brandt\nSee: 12\n"
        "Text: With this hammer the smith of the yard drove nails into the planks of eleven ships. "
        "One side of it is worn flat, and the handle was replaced after a fire.\n"
        "Year is from 1800 to 1999, Room from 1 to 9, Height and Weight from 1 to 900. The number "
        "behind See is that of another exhibit, from 1 to 60. Text is two sentences of 20 words or "
        "more. No two exhibits have the same name.");
}

static const char script[] =
    "function bad(s) { said++; if (told[FILENAME]++ < 2) print FILENAME \": \" s }\n"
    "function must(n, l, s) { bad(\"exhibit \" n \": line \" l \" must be \\\"\" s) }\n"
    "function line(n, l, head, what) { if (index($0, head \": \") != 1 || length($0) "
    "< length(head) + 5) must(n, l, head \": \\\" and \" what) }\n"
    "FNR == 1 { k = 0; part = FILENAME; sub(/^part-/, \"\", part); part += 0 }\n"
    "/^[ \\t\\r]*$/ { next }\n"
    "{ k++; n = (part - 1) * 5 + int((k - 1) / 10) + 1; f = (k - 1) % 10; "
    "count[FILENAME] = k\n"
    "  if (k > 50) { if (k == 51) bad(\"has more than 5 exhibits: they are \" n - 5 "
    "\" to \" n - 1); next }\n"
    "  if (f == 0) { h = \"Exhibit \" n \": \"; name = tolower(substr($0, length(h) "
    "+ 1))\n"
    "    if (index($0, h) != 1 || length(name) < 3) must(n, FNR, h \"NAME\\\"\")\n"
    "    else if (name in seen) bad(\"exhibit \" n \" has the name of exhibit \" "
    "seen[name] \": give it another one\")\n"
    "    else seen[name] = n }\n"
    "  if (f == 1 && $0 !~ /^Year: 1[89][0-9][0-9]$/) must(n, FNR, \"Year: \\\" and "
    "a year from 1800 to 1999\")\n"
    "  if (f == 2 && $0 !~ /^Room: [1-9]$/) must(n, FNR, \"Room: \\\" and a number "
    "from 1 to 9\")\n"
    "  if (f == 3 && ($0 !~ /^Height: [0-9]+ cm$/ || $2 < 1 || $2 > 900)) must(n, "
    "FNR, \"Height: \\\", a number from 1 to 900, \\\" cm\\\"\")\n"
    "  if (f == 4 && ($0 !~ /^Weight: [0-9]+ kg$/ || $2 < 1 || $2 > 900)) must(n, "
    "FNR, \"Weight: \\\", a number from 1 to 900, \\\" kg\\\"\")\n"
    "  if (f == 5) line(n, FNR, \"Material\", \"what it is made of\")\n"
    "  if (f == 6) line(n, FNR, \"Maker\", \"who made it\")\n"
    "  if (f == 7) line(n, FNR, \"Given by\", \"a name\")\n"
    "  if (f == 8 && ($0 !~ /^See: [0-9]+$/ || $2 < 1 || $2 > 60 || $2 == n)) "
    "must(n, FNR, \"See: \\\" and the number of another exhibit, 1 to 60\")\n"
    "  if (f == 9) { if ($1 != \"Text:\") must(n, FNR, \"Text: \\\" and the text\")\n"
    "    else if (NF < 21) bad(\"the text of exhibit \" n \" has \" NF - 1 \" words; "
    "make it at least 20\") } }\n"
    "END { for (i = 1; i <= 12; i++) { f = sprintf(\"part-%02d.txt\", i)\n"
    "    if (f in count) { if (count[f] < 50) { print f \": has \" int(count[f] / "
    "10) \" exhibits; it needs 5, \" (i - 1) * 5 + 1 \" to \" i * 5; said++ } }\n"
    "    else if (ENVIRON[\"OMNESIA_LAST\"] == 1) { print f \" is missing: exhibits "
    "\" (i - 1) * 5 + 1 \" to \" i * 5; said++ } }\n"
    "  exit said > 0 }\n";
const char mn_catalogue_check[] = "awk -f check.awk $(ls part-*.txt)";

int mn_catalogue_tests(const char *folder) {
    char path[512];
    mn_filew *f;
    snprintf(path, sizeof path, "%s/check.awk", folder);
    MN_TRY(mn_file_begin(path, &f));
    const int rc = mn_file_write(f, script, sizeof script - 1);
    if (rc >= 0) return mn_file_settle(&f);
    mn_file_abort(&f);
    return rc;
}
