/* SPDX-License-Identifier: Apache-2.0
 *
 * net/line.h - a connection to another machine, plain or with TLS, that never waits longer than it
 * was told.
 *
 * libssl is loaded when a line with TLS is opened first, and is needed for nothing else; the
 * other's certificate must be good for its name by what this machine trusts (SSL_CERT_FILE and
 * SSL_CERT_DIR name others). Looking up a name waits as long as the resolver does. One thread at a
 * time.
 */
#ifndef MN_NET_LINE_H
#define MN_NET_LINE_H
#include <stddef.h>
#include <stdint.h>

typedef struct mn_line mn_line;

/* MN_EIO says what is wrong with host:port. deadline: mn_clock_ns, of all that is done with it.
 * A host that begins with "/" is the path of a Unix socket, and port is "". */
int mn_line_open(const char *host, const char *port, int tls, uint64_t deadline, mn_line **out);
void mn_line_close(mn_line **line);
/* From now on whoever waits ends with MN_ECANCELLED when fd gets readable; -1: never. */
void mn_line_stop(mn_line *line, int fd);
int mn_line_put(mn_line *line, const char *bytes, size_t n);
/* At least a byte: how many; 0: the other has ended it. */
int mn_line_get(mn_line *line, char *bytes, size_t n);

/* For lines that live long: another deadline; and calls that do not wait. look, push: how many
 * bytes were there, or went; 0: none now. MN_EIO: it broke, or (look) the other has ended it. After
 * a look that gave 0, the descriptor is readable when there is more. */
void mn_line_until(mn_line *line, uint64_t deadline);
int mn_line_look(mn_line *line, char *bytes, size_t n);
int mn_line_push(mn_line *line, const char *bytes, size_t n);
int mn_line_fd(const mn_line *line);

#endif
