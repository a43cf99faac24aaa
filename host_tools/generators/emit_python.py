"""Python modules from driver/spec."""

from __future__ import annotations

from . import spec
from .spec import Field

CODES = {"u8": "B", "i8": "b", "u16": "H", "i16": "h", "u32": "I", "i32": "i"}


def _module(name: str, doc: str, body: list[str], imports: tuple[str, ...] = ()) -> str:
    banner = f"# Generated from driver/spec by `make generate`: {name}. Do not edit."
    head = [banner, f'"""{doc}"""', "", "from __future__ import annotations", ""]
    text = "\n".join([*head, *imports, *([""] if imports else []), *body])
    return text.rstrip("\n") + "\n"


def _enum(cls: str, doc: str, entries: list[dict[str, object]]) -> list[str]:
    lines = ["", f"class {cls}(IntEnum):", f'    """{doc}"""', ""]
    return lines + [f"    {e['name']} = {e['value']}  # {e['text']}" for e in entries] + [""]


def _texts(name: str, entries: list[dict[str, object]]) -> list[str]:
    return [f"{name}: dict[int, str] = {{", *[f'    {e["value"]}: "{e["text"]}",' for e in entries], "}"]


def _format(fields: list[Field]) -> str:
    return "".join((str(f.count) if f.count > 1 else "") + CODES[f.type] for f in fields)


def _dataclass(cls: str, doc: str, fields: list[Field]) -> list[str]:
    lines = ["", "@dataclass(frozen=True)", f"class {cls}:", f'    """{doc}"""', ""]
    for field in fields:
        if field.type == "u8" and field.count > 1:
            kind, zero = "bytes", f"bytes({field.count})"
        elif field.count > 1:
            kind, zero = "tuple[int, ...]", f"(0,) * {field.count}"
        else:
            kind, zero = "int", "0"
        note = f"  # {field.text}" if field.text else ""
        lines.append(f"    {field.name}: {kind} = {zero}{note}")
    return [*lines, ""]


def _struct(cls: str, doc: str, fields: list[Field]) -> list[str]:
    """A dataclass that packs itself; `bytes` fields are u8 arrays."""
    struct_format = "<" + "".join(
        f"{f.count}s" if f.type == "u8" and f.count > 1 else
        (str(f.count) if f.count > 1 else "") + CODES[f.type] for f in fields)
    lines = _dataclass(cls, doc, fields)
    lines += [f'    STRUCT: ClassVar[struct.Struct] = struct.Struct("{struct_format}")', "",
              "    def pack(self) -> bytes:", "        return self.STRUCT.pack("]
    lines += [f"            {'*' if f.count > 1 and f.type != 'u8' else ''}self.{f.name}," for f in fields]
    lines += ["        )", "", "    @classmethod",
              f"    def unpack(cls, data: bytes, offset: int = 0) -> {cls}:",
              "        v = cls.STRUCT.unpack_from(data, offset)", "        return cls("]
    index = 0
    for field in fields:
        if field.count > 1 and field.type != "u8":
            lines.append(f"            v[{index} : {index + field.count}],")
            index += field.count
        else:
            lines.append(f"            v[{index}],")
            index += 1
    return [*lines, "        )", ""]


def status() -> str:
    data = spec.load("status")
    body = _enum("Status", "What a driver function returns.", data["status"])
    body += _enum("EngineError", "Why the engine stopped.", data["engine_error"])
    body += ["", *_texts("STATUS_TEXT", data["status"]), *_texts("ENGINE_ERROR_TEXT", data["engine_error"])]
    return _module("status", "Status codes of the driver and error codes of the engine.", body,
                   ("from enum import IntEnum",))


def registers() -> str:
    data = spec.load("registers")
    body = _enum("Region", "Memory regions a command can address.", data["region"])
    body += [""] + [f"{name} = {value}" for name, value in data["constants"].items()]
    for reg in data["register"]:
        body.append(f"REG_{reg['name']} = 0x{reg['offset']:03X}  # {reg['access']}: {reg['text']}")
    return _module("registers", "The engine's register map.", body, ("from enum import IntEnum",))


def commands() -> str:
    data = spec.load("commands")
    common, bodies = spec.command_records(data)
    body = _enum("Opcode", "What a descriptor asks for.", data["opcode"])
    body += [""] + [f"{name} = {value}" for name, value in data["constants"].items()]
    windows = ", ".join(f"Opcode.{op['name']}" for op in data["opcode"] if op["body"] == "window")
    body += [f"WINDOW_OPCODES = frozenset({{{windows}}})", ""]
    every = [*common, *(field for fields in bodies.values() for field in fields)]
    body += _dataclass("Command", "One descriptor: the common fields and the body of its opcode.", every)
    for name, fields in (("COMMON", common), *((n.upper(), f) for n, f in bodies.items())):
        body.append(f"    _{name}: ClassVar[tuple[str, ...]] = (")
        body += [f'        "{field.name}",' for field in fields]
        body.append("    )")
    for name, fields in bodies.items():
        body.append(f'    _{name.upper()}_STRUCT: ClassVar[struct.Struct] = '
                    f'struct.Struct("<{_format([*common, *fields])}")')
    body += [
        "", "    def pack(self) -> bytes:",
        "        window = self.opcode in WINDOW_OPCODES",
        "        names = self._COMMON + (self._WINDOW if window else self._PAIR)",
        "        layout = self._WINDOW_STRUCT if window else self._PAIR_STRUCT",
        "        return layout.pack(*(getattr(self, name) for name in names))",
        "", "    @classmethod",
        "    def unpack(cls, data: bytes, offset: int = 0) -> Command:",
        "        window = data[offset] in WINDOW_OPCODES",
        "        names = cls._COMMON + (cls._WINDOW if window else cls._PAIR)",
        "        layout = cls._WINDOW_STRUCT if window else cls._PAIR_STRUCT",
        "        return cls(**dict(zip(names, layout.unpack_from(data, offset), strict=True)))",
    ]
    return _module("commands", "Commands: opcodes and the 64-byte descriptor.", body,
                   ("import struct", "from dataclasses import dataclass", "from enum import IntEnum",
                    "from typing import ClassVar"))


def container() -> str:
    data = spec.load("container")
    body = _enum("SectionType", "What a section of model.pal holds.", data["section"])
    body += _enum("Encoding", "How a section is stored.", data["encoding"])
    body += _enum("SegmentKind", "How a segment of coded constants is stored.", data["segment_kind"])
    body += _enum("SignMode", "How a coded segment stores signs.", data["sign_mode"])
    for name, value in data["constants"].items():
        body.append(f"{name} = {bytes.fromhex(value)!r}" if name == "MAGIC" else f"{name} = {value}")
    for name, entries in data["struct"].items():
        fields, size = spec.record(entries)
        body += ["", *_struct(f"{name.capitalize()}Record", f"One {name} record, {size} bytes.", fields)]
    return _module("container", "Layout of model.pal.", body,
                   ("import struct", "from dataclasses import dataclass", "from enum import IntEnum",
                    "from typing import ClassVar"))


def arithmetic() -> str:
    body = []
    for name, value in spec.arithmetic().items():
        if isinstance(value, list):
            body.append(f"{name}: tuple[int, ...] = (")
            body += ["    " + ", ".join(map(str, value[i : i + 12])) + "," for i in range(0, len(value), 12)]
            body.append(")")
        else:
            body.append(f"{name} = {value}")
    return _module("arithmetic", "PAL8 arithmetic constants and tables.", body)


def targets() -> str:
    found = spec.targets()
    body = ["", "@dataclass(frozen=True)", "class Target:",
            '    """What the compiler knows of one engine; sizes in bytes, latency in cycles."""', ""]
    body += [f"    {name}: {type(value).__name__}" for name, value in found[0].items()]
    body += ["", "", "TARGETS: dict[str, Target] = {"]
    for target in found:
        arguments = ", ".join(f"{n}={v!r}".replace("'", '"') for n, v in target.items())
        body.append(f'    "{target["name"]}": Target({arguments}),')
    body += ["}", 'DEFAULT_TARGET = "pal-e128"']
    return _module("targets", "The engines this version knows.", body,
                   ("from dataclasses import dataclass",))


def link() -> str:
    data = spec.load("link")
    body = []
    for name, doc in (("frame_type", "What a frame is for."), ("command", "What a message asks for."),
                      ("mode", "What runs on the board."), ("slot_state", "State of a firmware slot."),
                      ("transfer_kind", "What is transferred."), ("transfer_area", "Where digests are taken."),
                      ("segment_kind", "How a part of a sector is stored."),
                      ("reset_reason", "Why the board started.")):
        body += _enum("".join(part.capitalize() for part in name.split("_")), doc, data[name])
    body += ["", *(f"{name} = {value}" for name, value in data["constants"].items()), ""]
    body += _texts("SLOT_STATE_TEXT", data["slot_state"])
    body += _texts("RESET_REASON_TEXT", data["reset_reason"])
    for name, entries in data["struct"].items():
        fields, size = spec.record(entries)
        cls = "".join(part.capitalize() for part in name.split("_"))
        body += ["", *_struct(f"{cls}Record", f"One {name} record, {size} bytes.", fields)]
    return _module("link", "The link between host and board: frames, requests and their records.", body,
                   ("import struct", "from dataclasses import dataclass", "from enum import IntEnum",
                    "from typing import ClassVar"))


def virtual_board() -> str:
    data = spec.load("virtual_board")
    body = _enum("Event", "The byte that rings for a device.", data["event"])
    body += [""] + [f"{name} = 0x{value:X}" for name, value in data["constants"].items()]
    for block in data["block"]:
        body += _enum(f"{block['name'].capitalize()}Register", f"Byte offsets in the {block['name']} page.",
                      [{"name": r["name"], "value": 4 * i, "text": r["text"]}
                       for i, r in enumerate(block["register"])])
    return _module("virtual_board", "Memory map and registers of the virtual board.", body,
                   ("from enum import IntEnum",))


FILES = {f"pal_edge/spec/{function.__name__}.py": function
         for function in (status, registers, commands, container, arithmetic, targets, link, virtual_board)}
