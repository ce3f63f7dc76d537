/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/port_markdown.h - records as a folder of Markdown.
 *
 * What is written is a file per session, and records.md for records of none:
 *
 *     ---
 *     omnesia: 1
 *     session: "s1"
 *     ---
 *
 *     <!-- omnesia {"n":25,"speaker":"Ann","time":"8 May 2023",..,"id":7} -->
 *     **Ann** · 8 May 2023 · record 7
 *
 *     I saw the sea for an hour
 *
 * The comment has all fields as port_jsonl.c writes them, but for the session, and n for the text:
 * so many bytes it has, whatever they are. Who edits it makes that number wrong; then the text goes
 * up to the next comment, without line ends around it. The line between is for people.
 *
 * What is read is that, or any Markdown: each file is cut at headings, and where paragraphs
 * together have more than SENSIBLE bytes, into records that say byte by byte what was there. Their
 * source and session is the file's path in the folder, ref that and the heading, time what the
 * front matter has as `date` or `created`, else a date in the file's name; the front matter is meta
 * of the first. Hidden folders are not looked into, and links are not followed.
 */
#ifndef MN_AGENT_PORT_MARKDOWN_H
#define MN_AGENT_PORT_MARKDOWN_H
#include "agent/port.h"

#define MN_MARKDOWN_MARK "<!-- omnesia {"

/* One file; `rest`: its path in the folder. */
typedef struct mn_markdown_file {
    const char *rest;
    const char *text; /* after the front matter */
    size_t n;
    int line;          /* the number of its first line */
    const char *front; /* the front matter, without its marks; NULL: there is none */
    size_t front_n;
} mn_markdown_file;

int mn_markdown_export(mn_port_out *out);
/* Records of a file that an export made, or of any other. */
int mn_markdown_ours(mn_port_in *in, const mn_markdown_file *f, const char *session);
int mn_markdown_foreign(mn_port_in *in, const mn_markdown_file *f);
/* What the front matter has under `key`, without quotes: 1; 0: nothing, *out is empty. */
int mn_markdown_front(const mn_markdown_file *f, const char *key, mn_buf *out);

#endif
