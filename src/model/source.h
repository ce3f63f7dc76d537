/* SPDX-License-Identifier: Apache-2.0
 *
 * model/source.h - a model file of either kind, as the GGUF directory the rest of model/ reads.
 *
 * A GGUF file is opened as it is. A .safetensors file holds tensors only: what its model is stands
 * in files beside it, under the names they have at Hugging Face, or, where several models share a
 * folder, with the model's own name before them:
 *   config.json             or  NAME.config.json    sizes
 *   vocab.txt               or  NAME.vocab.txt      WordPiece tokens, one a line
 *   1_Pooling/config.json   or  NAME.pooling.json   how vectors are made of tokens; may be absent
 *   tokenizer_config.json   or  NAME.tokenizer_config.json           may be absent
 * From these the metadata is written that a GGUF file of the model would have, and the tensors get
 * the names they have there. So one architecture table, one tokenizer table and one packer serve
 * both. Read: encoders of the BERT family ("model_type": "bert"), with lower-case vocabularies.
 */
#ifndef MN_MODEL_SOURCE_H
#define MN_MODEL_SOURCE_H
#include "model/gguf.h"

/* Close with mn_gguf_close. */
int mn_source_open(const char *path, mn_gguf **out);

#endif
