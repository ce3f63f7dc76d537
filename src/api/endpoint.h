/* SPDX-License-Identifier: Apache-2.0
 *
 * api/endpoint.h - a model that is behind somebody's URL instead of in a file.
 */
#ifndef MN_API_ENDPOINT_H
#define MN_API_ENDPOINT_H
#include <stdint.h>

/* Is this the name of one, "http://host/v1#model"? */
int mn_endpoint_is(const char *name);
/* MN_EINVAL: it is none that could be asked, and why. Nothing is sent. */
int mn_endpoint_check(const char *name);
/* As mn_endpoint_ask, within `most` seconds where OMNESIA_ENDPOINT_SECONDS says nothing. tokens:
 * read, cached, written, as far as the endpoint tells. */
int mn_endpoint_ask_counted(const char *endpoint, const char *messages, const char *schema,
                            int32_t max_tokens, int most, char **answer, int tokens[3]);

#endif
