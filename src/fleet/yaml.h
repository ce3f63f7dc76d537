/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/yaml.h - YAML as JSON, with the line of everything, for who checks the content.
 *
 * What people write is a small part of YAML: maps, lists, texts, numbers, true, false and null as
 * in YAML 1.2's core schema (so `no` is a text, and `012` is twelve); JSON is YAML, too. Anchors,
 * aliases and tags are refused, since nothing here needs them and aliases of aliases grow without
 * end; so are two keys of one name, a second document, and what JSON has no word for (.inf, .nan).
 * Bounded: 4 MiB of text, 32 levels, 100,000 values.
 *
 * libyaml is loaded when a file is read: who has none of these files needs no libyaml.
 */
#ifndef MN_FLEET_YAML_H
#define MN_FLEET_YAML_H
#include <jansson.h>

/* A file, or text that `name` stands for in errors: "arm.yaml:7: ..". *lines (may be NULL) maps a
 * path as "robots/1/reach" to its line. Both are the caller's. MN_EINVAL: line, key, and what is
 * wrong; MN_ETOOLONG: beyond a bound; MN_EUNSUPPORTED: libyaml is not here, and where to get it. */
int mn_yaml_read(const char *path, json_t **out, json_t **lines);
int mn_yaml_parse(const char *name, const char *text, size_t n, json_t **out, json_t **lines);

/* The line of a path, or of the nearest thing around it that has one; 0: unknown (lines NULL). */
int mn_yaml_line(const json_t *lines, const char *path);
/* MN_EINVAL "NAME:LINE: PATH: what is wrong", as far as they are known (not NULL, not "", not 0).
 */
int mn_yaml_wrong(const char *name, const json_t *lines, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
