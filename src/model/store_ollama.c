/* SPDX-License-Identifier: Apache-2.0
 *
 * model/store_ollama.c - models of Ollama: a manifest names the blob that is the GGUF file.
 *
 *   ROOT/manifests/HOST/OWNER/MODEL/TAG   JSON: {"layers": [{"mediaType": "...image.model",
 *                                         "digest": "sha256:HEX", ...}, ...]}
 *   ROOT/blobs/sha256-HEX                 the file
 *
 * A manifest is hostile input: it is read up to 256 kB, and a digest is "sha256:" with exactly
 * 64 lower-case hexadecimal digits or it is passed over, so no manifest can name a file outside
 * blobs/. The default host and the owner "library" are left out of names, as Ollama does.
 */
#include "model/store.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/file.h"
#include "base/walk.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { MANIFEST_MAX = 256 << 10 };

typedef struct ollama {
    mn_found_list *list;
    const char *root;
} ollama;

/* "HOST/OWNER/MODEL/TAG" as "MODEL:TAG", "OWNER/MODEL:TAG" or "HOST/OWNER/MODEL:TAG". */
static int short_name(const char *rest, char *out, size_t cap) {
    static const char home[] = "registry.ollama.ai/", library[] = "library/";
    int slashes = 0;
    for (const char *p = rest; *p; p++) slashes += *p == '/';
    if (slashes != 3 || strlen(rest) >= cap) return 0;
    if (strncmp(rest, home, strlen(home)) == 0) {
        rest += strlen(home);
        if (strncmp(rest, library, strlen(library)) == 0) rest += strlen(library);
    }
    strcpy(out, rest);
    *strrchr(out, '/') = ':';
    return 1;
}

/* The 64 digits of the model layer, or NULL. Borrowed from `manifest`. */
static const char *model_digest(json_t *manifest) {
    size_t i;
    json_t *layer;
    json_array_foreach(json_object_get(manifest, "layers"), i, layer) {
        const char *type = json_string_value(json_object_get(layer, "mediaType"));
        const char *digest = json_string_value(json_object_get(layer, "digest"));
        if (!type || strcmp(type, "application/vnd.ollama.image.model") != 0) continue;
        if (!digest || strncmp(digest, "sha256:", 7) != 0) return NULL;
        digest += 7;
        return strlen(digest) == 64 && strspn(digest, "0123456789abcdef") == 64 ? digest : NULL;
    }
    return NULL;
}

static int add_model(const ollama *o, const char *name, json_t *manifest) {
    const char *digest = model_digest(manifest);
    if (!digest) return 0;
    mn_buf path = {0};
    int rc = mn_buf_printf(&path, "%s/blobs/sha256-%s", o->root, digest);
    if (rc >= 0) rc = mn_found_add(o->list, "ollama", path.data, "ollama:%s", name);
    mn_buf_free(&path);
    return rc;
}

static int each_manifest(void *user, const mn_walk_entry *e) {
    const ollama *o = user;
    char name[512];
    if (e->kind != MN_WALK_FILE || e->bytes > MANIFEST_MAX) return 0;
    if (!short_name(e->rest, name, sizeof name)) return 0;
    mn_buf text = {0};
    int rc = mn_file_read(e->path, MANIFEST_MAX, &text);
    json_t *manifest = rc < 0 ? NULL : json_loadb(text.data, text.len, 0, NULL);
    mn_buf_free(&text);
    if (rc != MN_ENOMEM) rc = 0;
    if (manifest) rc = add_model(o, name, manifest);
    json_decref(manifest);
    return rc;
}

int mn_found_ollama(mn_found_list *list, const char *root) {
    mn_buf manifests = {0};
    ollama o = {list, root};
    int rc = mn_buf_printf(&manifests, "%s/manifests", root);
    if (rc >= 0) rc = mn_walk(manifests.data, 4, 20000, each_manifest, &o);
    mn_buf_free(&manifests);
    return rc;
}
