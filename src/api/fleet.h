/* SPDX-License-Identifier: Apache-2.0
 *
 * api/fleet.h - an open fleet: its region and name, and the model that plans, once it was asked.
 */
#ifndef MN_API_FLEET_H
#define MN_API_FLEET_H
#include "fleet/board.h"
#include "omnesia_fleet.h"

#include <pthread.h>

struct mn_fleet {
    mn_region *region; /* borrowed */
    char name[MN_NAME + 1];
    mn_fleet_options options;
    pthread_mutex_t planning; /* of the model */
    char *model_name;
    mn_model *model; /* NULL: not opened yet */
};

/* As mn_brain_how.ask has it, of a model of this name or behind a URL; user: the fleet. */
int mn_fleet_ask_model(void *user, const char *model, const char *system, const char *text,
                       const char *schema, char **out, int tokens[4]);

#endif
