/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fleet/test_event.c - each kind of event is a sentence, and so is what nobody knows.
 */
#include "fleet/event.h"
#include "test.h"

#include <string.h>

static const struct {
    const char *event, *says;
    int bad;
} cases[] = {
    {"{\"kind\": \"task\", \"task\": \"t1\", \"state\": \"done\", \"text\": \"long\"}",
     "t1 is done"},
    {"{\"kind\": \"task\", \"task\": \"t1\", \"state\": \"failed\", \"text\": \"no cup\"}",
     "t1 has failed: no cup", 1},
    {"{\"kind\": \"task\", \"task\": \"t1\", \"state\": \"cancelled\", \"text\": \"\"}",
     "t1 is cancelled"},
    {"{\"kind\": \"given\", \"robot\": \"arm\", \"task\": \"t1\", \"step\": \"s3\", \"skill\": "
     "\"place\", \"args\": {\"thing\": \"cup\", \"place\": \"table\"}}",
     "arm is given t1 s3: place cup table"},
    {"{\"kind\": \"done\", \"robot\": \"amr\", \"task\": \"t1\", \"step\": \"s2\", \"skill\": "
     "\"navigate\", \"thing\": \"\", \"args\": {\"place\": \"table\"}}",
     "amr has done t1 s2: navigate table"},
    {"{\"kind\": \"started\", \"robot\": \"amr\", \"task\": \"t1\", \"step\": \"s2\", \"skill\": "
     "\"navigate\", \"thing\": \"table\", \"args\": {\"place\": \"table\"}}",
     "amr begins t1 s2: navigate table"},
    {"{\"kind\": \"failed\", \"robot\": \"arm\", \"task\": \"t1\", \"step\": \"s3\", \"skill\": "
     "\"grasp\", \"args\": {\"thing\": \"cup\"}, \"code\": \"dropped\", \"text\": \"it slipped\"}",
     "arm has failed at t1 s3: grasp cup, dropped: it slipped", 1},
    {"{\"kind\": \"moved\", \"thing\": \"cup\", \"from\": \"table\", \"to\": \"arm\", \"robot\": "
     "\"arm\", \"how\": \"in\"}",
     "arm took cup from table"},
    {"{\"kind\": \"moved\", \"thing\": \"cup\", \"from\": \"arm\", \"to\": \"table\", \"robot\": "
     "\"arm\", \"how\": \"on\"}",
     "arm put cup on table"},
    {"{\"kind\": \"moved\", \"thing\": \"cup\", \"from\": \"sink\", \"to\": \"table\"}",
     "cup moved from sink to table"},
    {"{\"kind\": \"planned\", \"task\": \"t1\", \"steps\": 1, \"text\": \"arm waits.\\nThat takes "
     "2 s.\"}",
     "t1 is planned, 1 step: arm waits. That takes 2 s."},
    {"{\"kind\": \"replanned\", \"task\": \"t1\", \"steps\": 6, \"replaced\": 9, \"text\": \"x\"}",
     "t1 is planned anew, 6 steps instead of 9: x"},
    {"{\"kind\": \"relieved\", \"task\": \"t1\", \"why\": \"slow\", \"from\": 31.5, \"to\": 9.25, "
     "\"text\": \"x\"}",
     "t1 is planned anew (slow): all ends after 9.2 s instead of 32 s: x"},
    {"{\"kind\": \"seen\", \"thing\": \"cup\", \"at\": \"table\", \"sure\": 0.9}",
     "cup is seen at table, 90 % sure"},
    {"{\"kind\": \"seen\", \"thing\": \"cup\", \"at\": \"table\", \"robot\": \"arm\"}",
     "cup is seen at table by arm"},
    {"{\"kind\": \"missed\", \"thing\": \"cup\", \"at\": \"table\", \"robot\": \"arm\"}",
     "cup is not seen at table by arm: less sure"},
    {"{\"kind\": \"stop\", \"robot\": \"\", \"by\": \"ann\"}", "all robots are stopped by ann", 1},
    {"{\"kind\": \"stop\", \"robot\": \"arm\", \"by\": \"\"}", "arm is stopped", 1},
    {"{\"kind\": \"resume\", \"robot\": \"\"}", "all robots may move again"},
    {"{\"kind\": \"skills\", \"robot\": \"arm\", \"n\": 1}", "arm can do 1 thing"},
    {"{\"kind\": \"refused\", \"task\": \"t3\", \"text\": \"no 'unicorn' is known\"}",
     "t3 is refused: no 'unicorn' is known", 1},
    {"{\"kind\": \"lost\", \"robot\": \"arm\", \"text\": \"no sign of life\"}",
     "arm is lost: no sign of life", 1},
    {"{\"kind\": \"killed\", \"robot\": \"arm\"}", "arm is killed", 1},
    {"{\"kind\": \"trouble\", \"text\": \"x\", \"bad\": false}", "x", 1},
    {"{\"kind\": \"alone\", \"task\": \"t1\", \"text\": \"nobody lives\"}", "t1: nobody lives", 1},
    {"{\"kind\": \"recover\", \"task\": \"t1\", \"step\": \"s3\", \"robot\": \"arm\", \"code\": "
     "\"dropped\", \"text\": \"tries again\"}",
     "dropped at t1 s3 of arm: the brain tries again"},
    {"{\"kind\": \"recover\", \"task\": \"t1\", \"robot\": \"arm\", \"code\": \"lost\", "
     "\"steps\": 4, \"text\": \"plans anew\"}",
     "arm is lost to t1: the brain plans anew for its 4 steps"},
    {"{\"kind\": \"says\", \"robot\": \"arm\", \"text\": \"hello\", \"bad\": true}",
     "arm says: hello"},
    {"{\"kind\": \"danced\", \"robot\": \"arm\", \"text\": \"a waltz\"}", "danced arm: a waltz"},
    {"{}", ""},
    {"[]", ""},
};

static void each_is_a_sentence(void **state) {
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *const event = json_loads(cases[i].event, 0, NULL);
        mn_buf out = {0};
        assert_non_null(event);
        assert_int_equal(mn_event_line(event, &out), 0);
        assert_string_equal(out.data ? out.data : "", cases[i].says);
        mn_buf_free(&out);
        if (json_is_object(event)) {
            assert_int_equal(mn_event_put_line(event), 0);
            assert_string_equal(json_string_value(json_object_get(event, "line")), cases[i].says);
            if (json_is_true(json_object_get(event, "bad")) != cases[i].bad)
                fail_msg("%s: bad or not", cases[i].event);
        }
        json_decref(event);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_is_a_sentence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
