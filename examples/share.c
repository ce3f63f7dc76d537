/* SPDX-License-Identifier: Apache-2.0
 *
 * examples/share.c - two processes ask about one document; the second need not read it.
 *
 * cc share.c $(pkg-config --cflags --libs omnesia) && ./a.out
 */
#include <omnesia.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int show(void *user, const char *text, size_t n) {
    (void)user;
    return fwrite(text, 1, n, stdout) != n;
}

/* One process: open the region and the model, ask, say what was there already. */
static int ask(const char *region_path, const char *document, const char *question) {
    char prompt[8192];
    mn_region *region = NULL;
    mn_model *model = NULL;
    mn_stats stats;
    snprintf(prompt, sizeof prompt, "%s\n%s", document, question);
    mn_request request = mn_request_default();
    request.prompt = prompt;
    request.max_tokens = 24;
    request.temp = 0;
    request.on_text = show;
    int rc = mn_region_open(region_path, 0, 0, &region);
    const mn_model_options options = {.region = region};
    if (rc >= 0) rc = mn_model_open("smollm2-135m", &options, &model);
    if (rc >= 0) rc = mn_answer(model, &request, &stats);
    if (rc >= 0)
        printf("\n[process %d: %d of %d tokens were there, first token after %.0f ms]\n",
               (int)getpid(), stats.cached_tokens, stats.prompt_tokens, stats.first_token_ms);
    else
        fprintf(stderr, "share: %s\n", mn_error_detail());
    mn_model_close(&model);
    mn_region_close(&region);
    return rc < 0;
}

int main(int argc, char **argv) {
    const char *region = argc > 1 ? argv[1] : NULL; /* NULL: the user's own */
    char document[6000] = "";
    for (int day = 1; day <= 60; day++)
        snprintf(document + strlen(document), sizeof document - strlen(document),
                 "On day %d the keeper of the lighthouse counted %d ships.\n", day, 3 * day + 2);
    const pid_t child = fork(); /* each process opens for itself */
    if (!child) return ask(region, document, "How many ships were there on day 2?");
    int status;
    waitpid(child, &status, 0);
    return ask(region, document, "Who counted the ships?") || status;
}
