/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/mcp.c - `omnesia mcp`: tools for agents, over standard input and output.
 *
 * A line is a message, and so is each answer; nothing else goes to standard output. Messages are
 * worked off in the order they came, however many wait, and each is answered when what it asks for
 * is done; the end of standard input ends the program, after the last answer. A host starts one
 * such process for each of its conversations: all of them have one memory, and one region.
 */
#include "serve/mcp.h"
#include "cli/mem.h"
#include "cli/objects.h"
#include "cli/progress.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct mcp_options {
    mn_cli_common common;
    const char *user, *agent, *run, *store, *region, *organise;
    int durable, no_memory, private_;
} mcp_options;

#define AT(field) offsetof(mcp_options, field)
#define FLAG(long_name, field, about) \
    { .kind = MN_OPT_FLAG, .name = long_name, .offset = AT(field), .help = about }
static const mn_opt options[] = {
    MN_CLI_SCOPE_ROWS(AT, "whose memory it is; default: the login name"),
    MN_CLI_ORGANISE_ROW(AT(organise)),
    FLAG("durable", durable, "memory_add is answered when it is on disk: it survives a power cut"),
    FLAG("no-memory", no_memory, "objects alone"),
    MN_CLI_REGION_ROW(AT(region)),
    MN_CLI_PRIVATE_ROW(AT(private_)),
    MN_CLI_COMMON,
    {0}};

/* ---- lines ----------------------------------------------------------------------------------- */

typedef struct lines {
    mn_buf in;      /* read, no whole line yet */
    size_t skipped; /* bytes of a line that is too long to be kept */
    mn_buf reply;
} lines;

static int answer(mn_mcp_peer *peer, lines *l, const char *line, size_t n) {
    if (strspn(line, " \t\r") >= n) return 0; /* an empty line asks for nothing */
    mn_buf_clear(&l->reply);
    mn_mcp_take_text(peer, line, n, &l->reply);
    if (!l->reply.len) return 0;
    MN_TRY(mn_buf_puts(&l->reply, "\n"));
    return mn_cli_write(l->reply.data, l->reply.len);
}

/* bytes[0..n) have come; the last of them may end a line. */
static int take(mn_mcp_peer *peer, lines *l, const char *bytes, size_t n) {
    while (n) {
        const char *end = memchr(bytes, '\n', n);
        const size_t k = end ? (size_t)(end - bytes) : n;
        if (l->skipped + l->in.len + k > MN_MCP_LINE) {
            l->skipped += l->in.len + k;
            mn_buf_clear(&l->in);
        } else
            MN_TRY(mn_buf_append(&l->in, bytes, k));
        if (!end) return 0;
        MN_TRY(answer(peer, l, l->skipped ? "" : l->in.data, l->skipped + l->in.len));
        mn_buf_clear(&l->in);
        l->skipped = 0;
        bytes += k + 1;
        n -= k + 1;
    }
    return 0;
}

static int talk(mn_mcp_peer *peer) {
    enum { PIECE = 64 << 10 };
    lines l = {.in = {.what = "a message"}};
    char *piece = mn_malloc(PIECE);
    int rc = piece ? 0 : MN_FAIL(MN_ENOMEM, "no memory for a line");
    while (rc >= 0) {
        const ssize_t n = read(STDIN_FILENO, piece, PIECE);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) rc = MN_FAIL(MN_EIO, "cannot read standard input: %s", strerror(errno));
        if (n <= 0) break;
        rc = take(peer, &l, piece, (size_t)n);
    }
    if (rc >= 0 && (l.in.len || l.skipped)) rc = take(peer, &l, "\n", 1);
    mn_buf_free(&l.in);
    mn_buf_free(&l.reply);
    mn_free(piece);
    return rc;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int run(const void *opaque, int n_words, const char *const *words) {
    const mcp_options *o = opaque;
    mn_mcp_peer peer = {.folder = "",
                        .scope = {.user = mn_cli_user(o->user), .agent = o->agent, .run = o->run}};
    MN_TRY(mn_cli_region_open("mcp", o->region, &peer.region));
    const mn_mem_options how = {.region = peer.region,
                                .organise = o->organise,
                                .durable = o->durable,
                                .background = 1,
                                .private_ = o->private_,
                                .tell = mn_cli_tell};
    int rc = o->no_memory ? 0 : mn_mem_open(o->store, &how, &peer.mem);
    if (rc >= 0) rc = talk(&peer);
    mn_mem_close(&peer.mem);
    mn_region_close(&peer.region);
    return rc;
}

const mn_cli_command mn_cli_command_mcp = {
    .name = "mcp",
    .run = run,
    .options = options,
    .size = sizeof(mcp_options),
    .max_words = 0,
    .usage = "[--user NAME] [--agent NAME] [--run NAME]",
    .summary = "tools for agents: an MCP server over standard input and output",
    .about = "An MCP host starts it: give it the command `omnesia mcp`. It offers "
             "memory, and objects that all processes share. docs/MCP.md has the tools and how "
             "hosts add it; `omnesia "
             "serve` has the same at /mcp.\n\n"
             "Whose memory it is, is said here and never by a model: --user, OMNESIA_USER, or your "
             "login name."};
