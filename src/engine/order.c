/* SPDX-License-Identifier: Apache-2.0
 *
 * engine/order.c - the registry of orders.
 */
#include "engine/order.h"

#include <stddef.h>
#include <string.h>

const mn_order *const mn_orders[] = {&mn_order_fcfs, &mn_order_fair, &mn_order_batch, NULL};

const mn_order *mn_order_find(const char *name) {
    if (!name) return mn_orders[0];
    for (int i = 0; mn_orders[i]; i++)
        if (strcmp(mn_orders[i]->name, name) == 0) return mn_orders[i];
    return NULL;
}
