/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/roboos_words.c - see bench/roboos_words.h. The kitchen is the one that comes with Omnesia.
 */
#include "bench/roboos_words.h"

#include <stddef.h>

const mn_roboos_words mn_roboos_plain[] = {
    {"put the apple on the table", NULL},
    {"put the apple and the cup on the table", NULL},
    {"put the milk on the table", NULL},
    {"bring the glass to the counter", NULL},
    {"move the plate to the table", NULL},
    {"put the pot on the table", NULL},
    {"put the book and the bowl on the table", NULL},
    {"take the milk out of the fridge and put it on the table, then close the fridge", NULL},
    {"open the cupboard", NULL},
    {"put the apple, the cup and the plate in the cupboard", NULL},
    {"put the bowl in the sink", NULL},
    {"put the apple, the cup, the bowl and the book on the table", NULL},
    {NULL, NULL},
};

const mn_roboos_words mn_roboos_free[] = {
    {"I would like some milk at the table, please", "milk > table"},
    {"I want to read in the dining room, at the table", "book > table"},
    {"Lay the table for soup", "bowl > table"},
    {"Tidy the apple away into the fridge", "apple > fridge"},
    {"The cup belongs in the cupboard", "cup > cupboard"},
    {"Could somebody serve me an apple over at the table?", "apple > table"},
    {"The fridge should stay open for a while", "open fridge"},
    {"My glass should stand by the sink", "glass > sink"},
    {"We want to cook: the pot is needed at the counter", "pot > counter"},
    {"I need something to drink from at the table", "cup > table|glass > table"},
    {"The dirty plate is in the way, I want it on the stove", "plate > stove"},
    {"Nobody reads here, the book should lie on the counter", "book > counter"},
    {NULL, NULL},
};

const mn_roboos_words mn_roboos_free_workshop[] = {
    {"The drill belongs in the cabinet", "drill > cabinet"},
    {"I want to look something up at my desk", "manual > desk|laptop > desk"},
    {"Could anybody get me the hammer, I am at the workbench", "hammer > workbench"},
    {"Load the saw, we go by truck", "saw > truck"},
    {"I am thirsty, I sit at the desk", "bottle > desk"},
    {"It should be possible to look into the cabinet", "open cabinet"},
    {"My hands get cold at the press, some gloves would help", "gloves > press"},
    {"There is too little light on the workbench", "lamp > workbench"},
    {"Nobody needs the laptop here any more, back on the rack with it", "laptop > rack"},
    {"I have to get into the toolbox", "open toolbox"},
    {"Screws and the drill are needed at the press", "screws > press, drill > press"},
    {"We saw and hammer in the yard today: have the tools for it on the truck",
     "saw > truck, hammer > truck"},
    {NULL, NULL},
};

const char mn_roboos_workshop[] =
    "{\"name\": \"workshop\", \"rooms\": ["
    "{\"name\": \"hall\", \"at\": [4, 3], \"size\": [8, 6]},"
    "{\"name\": \"office\", \"at\": [10, 3], \"size\": [4, 6]},"
    "{\"name\": \"yard\", \"at\": [4, 9], \"size\": [8, 6]}],"
    "\"doors\": ["
    "{\"name\": \"office door\", \"joins\": [\"hall\", \"office\"], \"at\": [8, 3], \"open\": "
    "true},"
    "{\"name\": \"gate\", \"joins\": [\"hall\", \"yard\"], \"at\": [4, 6], \"open\": true}],"
    "\"furniture\": ["
    "{\"name\": \"workbench\", \"room\": \"hall\", \"at\": [1, 3], \"room_for\": 8},"
    "{\"name\": \"toolbox\", \"room\": \"hall\", \"at\": [2, 5], \"room_for\": 8, \"open\": false},"
    "{\"name\": \"press\", \"room\": \"hall\", \"at\": [6, 1], \"room_for\": 6},"
    "{\"name\": \"rack\", \"room\": \"hall\", \"at\": [7, 5], \"room_for\": 12},"
    "{\"name\": \"desk\", \"room\": \"office\", \"at\": [10, 1], \"room_for\": 8},"
    "{\"name\": \"cabinet\", \"room\": \"office\", \"at\": [11, 5], \"room_for\": 8, \"open\": "
    "false},"
    "{\"name\": \"truck\", \"room\": \"yard\", \"at\": [4, 10], \"room_for\": 20}],"
    "\"objects\": ["
    "{\"name\": \"hammer\", \"in\": \"toolbox\", \"mass\": 0.8},"
    "{\"name\": \"drill\", \"on\": \"workbench\", \"mass\": 1.8},"
    "{\"name\": \"saw\", \"on\": \"rack\", \"mass\": 1.2},"
    "{\"name\": \"screws\", \"in\": \"toolbox\", \"mass\": 0.5},"
    "{\"name\": \"laptop\", \"on\": \"desk\", \"mass\": 1.5},"
    "{\"name\": \"manual\", \"in\": \"cabinet\", \"mass\": 0.6},"
    "{\"name\": \"lamp\", \"on\": \"rack\", \"mass\": 1},"
    "{\"name\": \"bottle\", \"on\": \"truck\", \"mass\": 1.1},"
    "{\"name\": \"gloves\", \"in\": \"cabinet\", \"mass\": 0.1}],"
    "\"robots\": ["
    "{\"name\": \"cart\", \"body\": \"wheels\", \"at\": \"rack\"},"
    "{\"name\": \"helper\", \"body\": \"dual_arm\", \"at\": \"workbench\"}]}";
