"""C headers from driver/spec: constants, structs with explicit little-endian loads, tables."""

from __future__ import annotations

from . import spec
from .spec import Field

CTYPES = {"u8": "uint8_t", "i8": "int8_t", "u16": "uint16_t", "i16": "int16_t",
          "u32": "uint32_t", "i32": "int32_t"}


def _guard(name: str, body: list[str], includes: tuple[str, ...] = ("<stdint.h>",)) -> str:
    macro = f"PAL_SPEC_{name.upper()}_H"
    head = [f"/* {spec_banner(name)} */", "/* SPDX-License-Identifier: Apache-2.0 */",
            f"#ifndef {macro}", f"#define {macro}", ""]
    head += [f"#include {include}" for include in includes]
    return "\n".join([*head, "", *body, "", f"#endif /* {macro} */", ""])


def spec_banner(name: str) -> str:
    return f"Generated from driver/spec by `make generate`: {name}. Do not edit."


def _number(value: int) -> str:
    if value < 0:
        return f"({value})"
    return f"0x{value:X}u" if value > 0xFFFF else f"{value}u"


def _define(name: str, value: int, text: str = "") -> str:
    return f"#define {name} {_number(value)}" + (f" /* {text} */" if text else "")


def _enum(tag: str, prefix: str, entries: list[dict[str, object]]) -> list[str]:
    lines = [f"enum {tag} {{"]
    lines += [f"    {prefix}{e['name']} = {e['value']}, /* {e['text']} */" for e in entries]
    return [*lines, "};", ""]


def _texts(macro: str, prefix: str, entries: list[dict[str, object]]) -> list[str]:
    """A list macro: X(name, "text") for every entry."""
    return [f"#define {macro}(X) \\", " \\\n".join(f'    X({prefix}{e["name"]}, "{e["text"]}")' for e in entries), ""]


def _struct(name: str, fields: list[Field], size: int, purpose: str) -> list[str]:
    """A plain C struct and the function that reads it from bytes of any alignment."""
    upper = name.upper()
    lines = [_define(f"PAL_{upper}_SIZE", size), "", f"/* {purpose} */", f"struct pal_{name} {{"]
    for field in fields:
        array = f"[{field.count}]" if field.count > 1 else ""
        comment = f" /* {field.text} */" if field.text else ""
        lines.append(f"    {CTYPES[field.type]} {field.name}{array};{comment}")
    lines += ["};", "", f"static inline void pal_{name}_load(struct pal_{name} *out, const uint8_t *p)",
              "{"]
    for field in fields:
        lines += _load(field)
    return [*lines, "}", ""]


def _store_struct(name: str, fields: list[Field]) -> list[str]:
    """The function that writes the struct as bytes."""
    lines = [f"static inline void pal_{name}_store(uint8_t *p, const struct pal_{name} *in)", "{"]
    for field in fields:
        size = spec.SIZES[field.type]
        cast = f"(uint{8 * size}_t)" if field.type[0] == "i" else ""
        if field.count == 1:
            lines.append(f"    pal_store_u{8 * size}(p + {field.offset}, {cast}in->{field.name});")
        else:
            lines += [f"    for (unsigned i = 0; i < {field.count}u; i++)",
                      f"        pal_store_u{8 * size}(p + {field.offset}u + {size}u * i, {cast}in->{field.name}[i]);"]
    return [*lines, "}", ""]


def _load(field: Field) -> list[str]:
    cast = f"({CTYPES[field.type]})" if field.type[0] == "i" else ""
    call = f"{cast}pal_load_u{field.type[1:]}"
    if field.count == 1:
        return [f"    out->{field.name} = {call}(p + {field.offset});"]
    return [f"    for (unsigned i = 0; i < {field.count}u; i++) {{",
            f"        out->{field.name}[i] = {call}(p + {field.offset}u + {spec.SIZES[field.type]}u * i);",
            "    }"]


def _table(ctype: str, name: str, values: list[int]) -> list[str]:
    lines = [f"static const {ctype} PAL_{name}[{len(values)}] = {{"]
    for start in range(0, len(values), 12):
        lines.append("    " + ", ".join(str(v) for v in values[start : start + 12]) + ",")
    return [*lines, "};", ""]


def status() -> str:
    data = spec.load("status")
    body = _enum("pal_status", "PAL_", data["status"])
    body += _enum("pal_engine_error", "PAL_ENGINE_", data["engine_error"])
    body += _texts("PAL_STATUS_TEXTS", "PAL_", data["status"])
    body += _texts("PAL_ENGINE_ERROR_TEXTS", "PAL_ENGINE_", data["engine_error"])
    return _guard("status", body)


def registers() -> str:
    data = spec.load("registers")
    body = [_define(f"PAL_REG_{n}" if n == "WINDOW" else f"PAL_{n}_VALUE", v)
            for n, v in data["constants"].items()]
    body.append("")
    for reg in data["register"]:
        body.append(_define(f"PAL_REG_{reg['name']}", reg["offset"], f"{reg['access']}: {reg['text']}"))
        if "count" in reg:
            body.append(_define(f"PAL_REG_{reg['name']}_STRIDE", reg["stride"]))
        for field, bit in reg.get("fields", {}).items():
            body.append(_define(f"PAL_REG_{reg['name']}_{field}", 1 << bit))
    body += ["", *_enum("pal_region", "PAL_REGION_", data["region"]),
             _define("PAL_REGION_COUNT", len(data["region"])), ""]
    fields, size = spec.record(data["profile_record"])
    body += _struct("profile_record", fields, size, "Written by the engine, one for each command.")
    return _guard("registers", body, ("<stdint.h>", '"pal/load.h"'))


def commands() -> str:
    data = spec.load("commands")
    common, bodies = spec.command_records(data)
    constants = {n: v for n, v in data["constants"].items() if n != "SIZE"}
    body = [_define(f"PAL_CMD_{n}", v) for n, v in constants.items()]
    body += [_define("PAL_COMMAND_SIZE", data["constants"]["SIZE"]), ""]
    body += _enum("pal_opcode", "PAL_OP_", data["opcode"])
    body += ["/* One descriptor, decoded. Only the body that belongs to the opcode is set. */",
             "struct pal_command {"]
    for field in common:
        comment = f" /* {field.text} */" if field.text else ""
        body.append(f"    {CTYPES[field.type]} {field.name};{comment}")
    for fields in bodies.values():
        for field in fields:
            comment = f" /* {field.text} */" if field.text else ""
            body.append(f"    {CTYPES[field.type]} {field.name};{comment}")
    body += ["};", "", "static inline int pal_opcode_has_window(unsigned opcode)", "{",
             "    return " + " || ".join(f"opcode == PAL_OP_{op['name']}" for op in data["opcode"]
                                         if op["body"] == "window") + ";", "}", ""]
    body += ["static inline void pal_command_load(struct pal_command *out, const uint8_t *p)", "{",
             "    *out = (struct pal_command){0};"]
    for field in common:
        body += _load(field)
    body.append("    if (pal_opcode_has_window(out->opcode)) {")
    for field in bodies["window"]:
        body += ["    " + line for line in _load(field)]
    body.append("    } else {")
    for field in bodies["pair"]:
        body += ["    " + line for line in _load(field)]
    body += ["    }", "}"]
    return _guard("commands", body, ("<stdint.h>", '"pal/load.h"'))


def container() -> str:
    data = spec.load("container")
    body = []
    for name, value in data["constants"].items():
        if name == "MAGIC":
            value_bytes = ", ".join(f"0x{b:02X}" for b in bytes.fromhex(value))
            body.append(f"#define PAL_FILE_MAGIC {{{value_bytes}}}")
        else:
            body.append(_define(f"PAL_FILE_{name}", value))
    body += ["", *_enum("pal_section_type", "PAL_SECTION_", data["section"]),
             *_enum("pal_encoding", "PAL_ENCODING_", data["encoding"]),
             *_enum("pal_segment_kind", "PAL_SEGMENT_", data["segment_kind"]),
             *_enum("pal_sign_mode", "PAL_SIGN_", data["sign_mode"])]
    for name, entries in data["struct"].items():
        fields, size = spec.record(entries)
        body += _struct(f"file_{name}", fields, size, f"One {name} record of model.pal.")
    return _guard("container", body, ("<stdint.h>", '"pal/load.h"'))


def arithmetic() -> str:
    body, tables = [], []
    for name, value in spec.arithmetic().items():
        if isinstance(value, list):
            ctype = "uint8_t" if max(value) < 256 else "uint16_t" if max(value) < 65536 else "uint32_t"
            tables += _table(ctype, name, value)
        else:
            body.append(_define(f"PAL_{name}", value))
    return _guard("arithmetic", [*body, "", *tables])


def targets() -> str:
    names = ["id", "macs", "pixels", "channels", "sram_bytes", "bus_bytes", "bus_latency", "clock_hz"]
    body = ["/* What the compiler, the simulator and the gates know of one engine. */",
            "struct pal_target {", "    const char *name;",
            *[f"    uint32_t {name};" for name in names], "};", "",
            "static const struct pal_target PAL_TARGETS[] = {"]
    for target in spec.targets():
        body.append(f'    {{"{target["name"]}", ' + ", ".join(_number(target[n]) for n in names) + "},")
    body += ["};", "", _define("PAL_TARGET_COUNT", len(spec.targets()))]
    return _guard("targets", body)


def link() -> str:
    data = spec.load("link")
    body = [_define(f"PAL_LINK_{name}", value) for name, value in data["constants"].items()
            if name != "DIGEST_FACTOR"]
    body += [f"#define PAL_LINK_DIGEST_FACTOR 0x{data['constants']['DIGEST_FACTOR']:X}ull", ""]
    for name in ("frame_type", "command", "mode", "slot_state", "transfer_kind", "transfer_area", "segment_kind",
                 "reset_reason"):
        body += _enum(f"pal_link_{name}", f"PAL_{_LINK_PREFIX.get(name, name.upper())}_", data[name])
    for name, entries in data["struct"].items():
        fields, size = spec.record(entries)
        body += _struct(f"link_{name}", fields, size, f"A {name} record of the link.")
        body += _store_struct(f"link_{name}", fields)
    return _guard("link", body, ("<stdint.h>", '"pal/load.h"'))


_LINK_PREFIX = {"command": "REQUEST", "slot_state": "SLOT", "transfer_kind": "TRANSFER", "transfer_area": "AREA",
                "reset_reason": "RESET", "frame_type": "FRAME", "mode": "MODE"}


def virtual_board() -> str:
    data = spec.load("virtual_board")
    body = [_define(f"PAL_VB_{name}", value) for name, value in data["constants"].items()]
    body += ["", *_enum("pal_vb_event", "PAL_VB_EVENT_", data["event"])]
    for block in data["block"]:
        body += [_define(f"PAL_VB_REG_{block['name']}_{register['name']}", 4 * i, register["text"])
                 for i, register in enumerate(block["register"])] + [""]
    return _guard("virtual_board", body)


FILES = {f"driver/include/pal/spec/{function.__name__}.h": function
         for function in (status, registers, commands, container, arithmetic, targets, link, virtual_board)}
