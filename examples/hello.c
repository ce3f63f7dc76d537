/* SPDX-License-Identifier: Apache-2.0
 * examples/hello.c - ask a model one question and print its answer as it is made.
 * Outside this tree: cc hello.c $(pkg-config --cflags --libs omnesia) */
#include <omnesia.h>
#include <stdio.h>

static int show(void *user, const char *text, size_t n) {
    (void)user;
    return fwrite(text, 1, n, stdout) != n || fflush(stdout) != 0;
}

int main(int argc, char **argv) {
    mn_model *model;
    int rc = mn_model_open(argc > 2 ? argv[2] : "smollm2-135m", NULL, &model);
    if (rc >= 0) {
        mn_request ask = mn_request_default();
        ask.prompt = argc > 1 ? argv[1] : "What is the capital of France?";
        ask.on_text = show;
        ask.temp = 0;
        rc = mn_answer(model, &ask, NULL);
        mn_model_close(&model);
    }
    puts(rc < 0 ? mn_error_detail() : "");
    return rc < 0;
}
