#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/embed.py NAME FILE.. OUT.c - files, one after the other, as a C array, for the build.

The array ends with a NUL. Writes `const unsigned char NAME[]` and `const size_t NAME_size`
(without the NUL).
"""
import sys


def main():
    name, *sources, target = sys.argv[1:]
    data = b""
    for source in sources:
        with open(source, "rb") as f:
            data += f.read()
    data += b"\0"
    with open(target, "w") as f:
        f.write(f"#include <stddef.h>\nextern const unsigned char {name}[];\n"
                f"extern const size_t {name}_size;\nconst unsigned char {name}[] = {{\n")
        for i in range(0, len(data), 20):
            f.write(",".join(map(str, data[i:i + 20])) + ",\n")
        f.write(f"}};\nconst size_t {name}_size = sizeof {name} - 1;\n")


if __name__ == "__main__":
    main()
