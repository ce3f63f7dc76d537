/* SPDX-License-Identifier: Apache-2.0
 *
 * api/store.h - from what a user calls a model to a file.
 */
#ifndef MN_API_STORE_H
#define MN_API_STORE_H
#include "model/store.h"

/* `name` is a name of models.lock (fetched when missing, unless no_pull), a name of another
 * program's model ("ollama:llama3.2:1b"), or the path of a file; in this order. *path is
 * absolute, freed with mn_free. MN_ENOENT says what there is instead. ui may be NULL. */
int mn_store_resolve(const char *name, int no_pull, const mn_fetch_ui *ui, char **path);

/* MN_EUNSUPPORTED when `name` is a model of models.lock of another kind than omnesia.h's `kind`:
 * asked before it is fetched in vain. */
int mn_store_check_kind(const char *name, int kind);
/* The same refusal of a model that is open. */
int mn_store_wrong_kind(const char *name, int embedding);

#endif
