/* SPDX-License-Identifier: Apache-2.0
 *
 * serve/routes.h - what the rows of route.c point at, that is no conversation.
 */
#ifndef MN_SERVE_ROUTES_H
#define MN_SERVE_ROUTES_H
#include "serve/exchange.h"

/* small.c */
int mn_health_work(mn_exchange *x);
int mn_page_work(mn_exchange *x);
int mn_openapi_work(mn_exchange *x);
int mn_models_work(mn_exchange *x);
int mn_model_work(mn_exchange *x); /* /v1/models/NAME */
int mn_tokenize_work(mn_exchange *x);
int mn_detokenize_work(mn_exchange *x);
int mn_template_work(mn_exchange *x);
int mn_messages_work(mn_exchange *x); /* messages.c */
int mn_count_work(mn_exchange *x);
int mn_responses_work(mn_exchange *x);  /* responses.c */
int mn_embed_work(mn_exchange *x);      /* embed.c */
int mn_mcp_work(mn_exchange *x);        /* mcp_http.c */
int mn_memory_add_work(mn_exchange *x); /* memories.c */
int mn_memory_list_work(mn_exchange *x);
int mn_memory_search_work(mn_exchange *x);
int mn_memory_get_work(mn_exchange *x);
int mn_memory_update_work(mn_exchange *x);
int mn_memory_history_work(mn_exchange *x);
int mn_memory_forget_work(mn_exchange *x); /* one, or all that fit */
int mn_memory_export_work(mn_exchange *x);
int mn_memory_overview_work(mn_exchange *x); /* memories_overview.c */
int mn_tasks_work(mn_exchange *x);           /* tasks.c */
int mn_task_work(mn_exchange *x);
int mn_fleet_work(mn_exchange *x);   /* fleet.c */
int mn_state_work(mn_exchange *x);   /* state.c */
int mn_metrics_work(mn_exchange *x); /* metrics.c */

#endif
