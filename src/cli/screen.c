/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/screen.c - taking a terminal, drawing on it, giving it back.
 */
#include "cli/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t ended;
static struct termios was; /* how we found it */
static int ours;           /* it is to be given back */

void mn_screen_give_back(void) {
    static const char normal[] = "\033[?25h\033[?1049l";
    if (!ours) return;
    ours = 0;
    if (write(STDOUT_FILENO, normal, sizeof normal - 1) < 0) errno = 0; /* nobody is there */
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
}

static void on_end(int number) {
    (void)number;
    ended = 1;
}
static void on_resize(int number) {
    (void)number; /* the wait ends, and that is all */
}

int mn_screen_take(void) {
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction how = {.sa_handler = on_end};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) sigaction(ends[i], &how, NULL);
    how.sa_handler = on_resize;
    sigaction(SIGWINCH, &how, NULL);
    if (tcgetattr(STDIN_FILENO, &was) < 0) return MN_FAIL(MN_EIO, "the terminal cannot be set up");
    struct termios raw = was;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; /* a stopped program would keep the terminal */
    if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) < 0)
        return MN_FAIL(MN_EIO, "the terminal cannot be set up");
    ours = 1;
    atexit(mn_screen_give_back);
    return mn_cli_write("\033[?1049h\033[?25l", 14);
}

void mn_screen_size(int *columns, int *rows) {
    struct winsize w;
    const int known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col && w.ws_row;
    *columns = known ? w.ws_col : 80;
    *rows = known ? w.ws_row : 24;
}

int mn_screen_colour(void) {
    const char *const none = getenv("NO_COLOR");
    return !(none && *none);
}

/* Each line, and what is behind the last one, is cleared to its end. */
int mn_screen_show(const char *text) {
    mn_buf out = {0};
    int rc = mn_buf_puts(&out, "\033[H");
    for (const char *p = text, *end; rc >= 0 && p; p = *end ? end + 1 : NULL) {
        end = p + strcspn(p, "\n");
        rc = mn_buf_append(&out, p, (size_t)(end - p));
        if (rc >= 0) rc = mn_buf_puts(&out, *end ? "\033[K\r\n" : "\033[K\033[J");
    }
    if (rc >= 0) rc = mn_cli_write(out.data, out.len);
    mn_buf_free(&out);
    return rc;
}

int mn_screen_key(int wait_ms) {
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char key = 0;
    if (poll(&in, 1, wait_ms) > 0 && read(STDIN_FILENO, &key, 1) <= 0) return 'q';
    return ended || key == 3 ? 'q' : key;
}
