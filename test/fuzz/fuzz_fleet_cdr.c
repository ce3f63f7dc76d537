/* SPDX-License-Identifier: Apache-2.0
 *
 * test/fuzz/fuzz_fleet_cdr.c - any bytes as a message of ROS 2 as it lies on the wire (CDR): the
 * first byte says of which topic. Cyclone DDS takes it or not; what it took is heard by our module
 * (fleet/ros2/module.c), whose texts end, and whose lists are as long as it says.
 *
 * Built where Cyclone DDS is. A message goes through DDS within this process; what sends it learns
 * the form of a topic from a message that was written and taken back.
 */
#include "fleet/ros2/module.h"

#include <ros2_messages.h>

#include <dds/dds.h>
#include <dds/ddsi/ddsi_serdata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const mn_ros2_module mn_ros2_module_1;

enum { TOPICS = 5, DOMAIN = 77, MOST = 1 << 16 };
static const mn_ros2_topic topics[TOPICS] = {{MN_ROS2_TF, "rt/tf"},
                                             {MN_ROS2_ODOMETRY, "rt/odom"},
                                             {MN_ROS2_JOINTS, "rt/joints"},
                                             {MN_ROS2_BATTERY, "rt/battery"},
                                             {MN_ROS2_DETECTIONS, "rt/seen"}};
static const dds_topic_descriptor_t *const types[TOPICS] = {
    &tf2_msgs_msg_dds__TFMessage__desc, &nav_msgs_msg_dds__Odometry__desc,
    &sensor_msgs_msg_dds__JointState__desc, &sensor_msgs_msg_dds__BatteryState__desc,
    &vision_msgs_msg_dds__Detection3DArray__desc};
static mn_ros2_link *ours;
static dds_entity_t writer[TOPICS];
static struct ddsi_serdata *first[TOPICS]; /* knows its type */

static void check(int good) {
    if (!good) __builtin_trap();
}

/* ---- what is heard ------------------------------------------------------------------------- */
static size_t bytes; /* is read, so that reading is not left out */

static void read_text(const char *text) {
    check(text != NULL);
    bytes += strlen(text);
}
static void read_all(const double *n, size_t k) {
    for (size_t i = 0; i < k; i++) bytes += n[i] > 0;
}
static void transform(void *user, int topic, const mn_ros2_transform *t) {
    (void)user, (void)topic;
    read_text(t->frame);
    read_text(t->child);
    read_all(t->p, 3);
    read_all(t->q, 4);
}
static void odometry(void *user, int topic, const mn_ros2_odometry *o) {
    transform(user, topic, &o->pose);
    read_all(o->cov, 36);
    read_all(o->v, 6);
}
static void joints(void *user, int topic, const double *position, size_t n) {
    (void)user, (void)topic;
    read_all(position, n);
}
static void battery(void *user, int topic, double part) {
    (void)user, (void)topic;
    read_all(&part, 1);
}
static void seen(void *user, int topic, const mn_ros2_seen *s, size_t n) {
    (void)user, (void)topic;
    for (size_t i = 0; i < n; i++) {
        read_text(s[i].frame);
        read_text(s[i].class_);
        read_all(s[i].cov, 36);
        read_all(s[i].size, 3);
    }
}
static const mn_ros2_ears ears = {NULL, transform, odometry, joints, battery, seen};

/* ---- DDS ----------------------------------------------------------------------------------- */
/* Its writer, and a message of its type. */
static int learn(dds_entity_t participant, int i) {
    dds_sample_info_t info;
    void *const empty = dds_alloc(types[i]->m_size);
    dds_qos_t *const qos = dds_create_qos();
    dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_MSECS(20));
    const dds_entity_t topic = dds_create_topic(participant, types[i], topics[i].name, NULL, NULL);
    const dds_entity_t reader = dds_create_reader(participant, topic, qos, NULL);
    writer[i] = dds_create_writer(participant, topic, qos, NULL);
    memset(empty, 0, types[i]->m_size);
    const int good = writer[i] > 0 && reader > 0 && dds_write(writer[i], empty) == 0 &&
                     dds_takecdr(reader, &first[i], 1, &info, DDS_ANY_STATE) == 1;
    dds_delete(reader);
    dds_delete_qos(qos);
    dds_free(empty);
    return good;
}

static int begin(void) {
    char why[200] = "";
    setenv("CYCLONEDDS_URI",
           "<CycloneDDS><Domain><General><Interfaces><NetworkInterface name='lo'/></Interfaces>"
           "<AllowMulticast>false</AllowMulticast></General></Domain></CycloneDDS>",
           1);
    if (mn_ros2_module_1.open(DOMAIN, topics, TOPICS, &ours, why, sizeof why) < 0) {
        printf("no DDS here: %s\n", why);
        return 0;
    }
    const dds_entity_t participant = dds_create_participant(DOMAIN, NULL, NULL);
    for (int i = 0; i < TOPICS; i++) check(learn(participant, i));
    while (mn_ros2_module_1.listen(ours, 0, &ears) > 0) continue;
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int begun = -1;
    static uint8_t message[MOST + 8]; /* a head, and whole words */
    if (begun < 0) begun = begin();
    if (!begun || !size || size > MOST) return 0;
    const int i = data[0] % TOPICS;
    const size_t n = (size - 1 + 3) / 4 * 4;
    memset(message, 0, n + 4);
    message[1] = 1; /* little endian */
    message[3] = (uint8_t)(n - (size - 1));
    memcpy(message + 4, data + 1, size - 1);
    const ddsrt_iovec_t all = {.iov_base = message, .iov_len = n + 4};
    struct ddsi_serdata *const m =
        ddsi_serdata_from_ser_iov(first[i]->type, SDK_DATA, 1, &all, n + 4);
    if (!m) return 0;
    check(dds_writecdr(writer[i], m) == 0);
    check(mn_ros2_module_1.listen(ours, 0, &ears) == 1);
    return 0;
}
