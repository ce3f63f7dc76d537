/* SPDX-License-Identifier: Apache-2.0
 *
 * test/cli/run.h - run the built program through /bin/sh and keep both its streams.
 *
 * run("help pull | head -1") runs `$OMNESIA_PROGRAM help pull | head -1`. The texts live in a
 * ring of four, so that a few results can be held side by side.
 */
#ifndef MN_TEST_CLI_RUN_H
#define MN_TEST_CLI_RUN_H
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN_MAX = 1 << 18 };

typedef struct cli_run {
    int status; /* exit status; 128 + signal when killed */
    const char *out, *err;
} cli_run;

static inline void run_slurp(int fd, char *out) {
    size_t n = 0;
    ssize_t k;
    lseek(fd, 0, SEEK_SET);
    while (n < RUN_MAX - 1 && (k = read(fd, out + n, RUN_MAX - 1 - n)) > 0) n += (size_t)k;
    out[n] = 0;
    close(fd);
}

static inline cli_run run(const char *words) {
    static char text[4][2][RUN_MAX];
    static unsigned turn;
    char(*mine)[RUN_MAX] = text[turn++ % 4], line[8192];
    snprintf(line, sizeof line, "\"$OMNESIA_PROGRAM\" %s", words);
    const int out = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    const int err = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    const pid_t child = fork();
    if (child == 0) {
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    run_slurp(out, mine[0]);
    run_slurp(err, mine[1]);
    return (cli_run){WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), mine[0],
                     mine[1]};
}
#endif
