# SPDX-License-Identifier: Apache-2.0
"""Proves that the folder graph is the DAG of layers.toml.

Four proofs: the table itself has no cycle; every #include follows it; every library that a room's
CMakeLists.txt links follows it and names what the room includes; the drawing in the architecture
overview is the table.
"""

import pathlib
import re
import sys
import tomllib

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
ROOM_CALL = re.compile(r"monocle_room\(\s*(\w+)([^)]*)\)")
OVERVIEW = pathlib.Path("docs/architecture/overview.md")
GRAPH_BLOCK = re.compile(r"<!-- graph:begin -->\n(.*?)<!-- graph:end -->", re.DOTALL)


class Table:
    """layers.toml, closed under "may include"."""

    def __init__(self, path):
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        self.rooms = data["rooms"]
        self.roots = data["roots"]["folders"]
        self.backends = data["backends"]["only_roots"]
        self.external = data.get("external", {})

    def problems(self):
        found = []
        for room, allowed in self.rooms.items():
            for name in allowed:
                if name not in self.rooms:
                    found.append(f"layers.toml: {room} may include {name}, which is no room")
                if name in self.backends:
                    found.append(f"layers.toml: {room} may include {name}, which only a root may")
        return found + self.cycles()

    def cycles(self):
        state, found = {}, []

        def visit(room, path):
            if state.get(room) == "done":
                return
            if room in path:
                cycle = path[path.index(room) :] + [room]
                found.append("layers.toml: cycle " + " -> ".join(cycle))
                return
            for name in self.rooms.get(room, []):
                visit(name, path + [room])
            state[room] = "done"

        for room in self.rooms:
            visit(room, [])
        return found

    def below(self, room):
        """Every room that can be reached from `room`, itself included."""
        reached, todo = set(), [room]
        while todo:
            name = todo.pop()
            if name not in reached:
                reached.add(name)
                todo += self.rooms.get(name, [])
        return reached

    def graph(self):
        """The table as a mermaid drawing; an edge that a longer path implies is left out."""
        lines = ["```mermaid", "graph TD"]
        lines += [f"  apps --> {name}" for name in self.tops()]
        for room, allowed in self.rooms.items():
            for name in allowed:
                others = [other for other in allowed if other != name]
                if not any(name in self.below(other) for other in others):
                    lines.append(f"  {room} --> {name}")
        return "\n".join(lines + ["```", ""])

    def tops(self):
        included = {name for allowed in self.rooms.values() for name in allowed}
        return [room for room in self.rooms if room not in included]


def room_of(path, table):
    """The room or root folder that a path relative to the tree belongs to, or None."""
    parts = path.parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[0] == "include" or parts[0] in table.roots:
        return parts[0]
    return None


def included_room(root, path, quote, name, table):
    """(room, problem) of one #include; both None for a header that is not ours."""
    if ".." in pathlib.PurePosixPath(name).parts:
        return None, f'{path}: #include "{name}" climbs with ".."; name it from src/'
    first = name.split("/")[0]
    if first == "monocle":
        return "include", None
    if first in table.rooms and "/" in name:
        if not (root / "src" / name).is_file():
            return None, f"{path}: #include {name} does not exist under src/"
        return first, None
    beside = root / path.parent / name
    if quote == '"' and beside.is_file():
        return room_of(beside.relative_to(root), table), None
    if (root / name).is_file() and first in table.roots:
        return first, None
    return None, None


def for_tests(path):
    """Unit tests, and headers that only they share."""
    return path.name.endswith("_test.cc") or path.name.startswith("test_")


def external_problem(path, room, name, table):
    if room in table.roots or for_tests(path):
        return None
    for prefix, rooms in table.external.items():
        if name.startswith(prefix) and room not in rooms:
            where = ", ".join(rooms) or "tests and programs"
            return f"{path}: {room} may not include <{name}>: it belongs to {where}"
    return None


def check_file(root, path, room, table, uses):
    problems = []
    text = BLOCK_COMMENT.sub("", tree.read(root, path))
    is_test = for_tests(path)
    is_root = room in table.roots
    for quote, name in INCLUDE.findall(text):
        target, problem = included_room(root, path, quote, name, table)
        if problem:
            problems.append(problem)
        if target is None:
            external = external_problem(path, room, name, table)
            problems += [external] if external else []
            continue
        if target == room:
            continue
        allowed = table.below(room) if is_test else set(table.rooms.get(room, []))
        if target in table.roots:
            problems.append(f"{path}: #include {name}: nothing may include {target}/")
        elif not is_root and target not in allowed:
            problems.append(f"{path}: #include {name}: {room} may not include {target}")
        if not is_test and not is_root:
            uses.setdefault(room, set()).add(target)
    return problems


def named_deps(body):
    """The words after DEPS in the arguments of a monocle_room() call."""
    deps, inside = set(), False
    for word in body.split():
        if word in ("DEPS", "LIBS", "LABELS", "APART"):
            inside = word == "DEPS"
        elif inside:
            deps.add(word)
    return deps


def check_cmake(root, table, uses):
    problems = []
    for path in tree.files(root, ["src"], {"CMakeLists.txt"}):
        room = room_of(path, table)
        if room not in table.rooms:
            continue
        text = re.sub(r"#.*", "", tree.read(root, path))
        allowed = set(table.rooms[room])
        named = set(re.findall(r"\bmonocle_([a-z0-9]+)\b", text)) & set(table.rooms)
        for name in sorted(named - allowed - {room}):
            problems.append(f"{path}: links monocle_{name}, but {room} may not include {name}")
        for called, body in ROOM_CALL.findall(text):
            deps = named_deps(body)
            if called != room:
                problems.append(f"{path}: monocle_room({called}) in the folder of {room}")
            for name in sorted(deps - allowed):
                problems.append(f"{path}: DEPS {name}, but {room} may not include {name}")
            for name in sorted(uses.get(room, set()) - deps - {"include"}):
                problems.append(f"{path}: {room} includes {name} but does not name it in DEPS")
    return problems


def check_rooms(root, table):
    known = set(table.rooms) - {"include"}
    return [
        f"src/{folder.name}: not a room of layers.toml"
        for folder in sorted((root / "src").glob("*"))
        if folder.is_dir() and folder.name not in known
    ]


def check_overview(root, table):
    if not (root / OVERVIEW).is_file():
        return []
    block = GRAPH_BLOCK.search(tree.read(root, OVERVIEW))
    if block is None or block.group(1) != table.graph():
        return [f"{OVERVIEW}: the graph is not the table; run tools/lint/layers.py --graph"]
    return []


def main():
    parser = tree.root_argument(__doc__)
    parser.add_argument("--table", type=pathlib.Path, help="default: tools/lint/layers.toml")
    parser.add_argument("--graph", action="store_true", help="print the drawing and stop")
    arguments = parser.parse_args()
    root = arguments.root.resolve()
    table = Table(arguments.table or root / "tools/lint/layers.toml")
    if arguments.graph:
        sys.stdout.write(table.graph())
        return
    problems = table.problems() + check_rooms(root, table)
    uses, count = {}, 0
    for path in tree.files(root, ["src", "include", *table.roots], tree.CPP):
        room = room_of(path, table)
        if room is not None:
            count += 1
            problems += check_file(root, path, room, table, uses)
    problems += check_cmake(root, table, uses) + check_overview(root, table)
    tree.report("lint.layers", problems, f"{count} files, {len(table.rooms)} rooms")


if __name__ == "__main__":
    main()
