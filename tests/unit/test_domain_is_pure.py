"""Domain and workflows read no clock, no chance, no environment and no file, by their syntax trees."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "kcity_flow/domain").glob("*.py"), *(ROOT / "workflows").glob("*.py")])
MODULES = {
    "random",
    "secrets",
    "uuid",
    "os",
    "subprocess",
    "socket",
    "time",
    "pathlib",
    "shutil",
    "tempfile",
    "io",
    "threading",
}
CALLS = {"open", "input", "print", "id", "hash", "eval", "exec", "now", "utcnow", "today", "time_ns", "getenv",
         "read_text", "write_text", "read_bytes", "write_bytes"}  # fmt: skip
ORDERING = {"tuple", "list", "iter", "next", "enumerate", "zip", "join", "extend"}


def _is_set(node: ast.AST) -> bool:
    return isinstance(node, ast.Set | ast.SetComp) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    )


def impurities(source: str) -> list[str]:
    """Each place that reads the world, or takes its order from a set."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [f"import {n.name}" for n in names if n.name.split(".")[0] in MODULES]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                found.append(f"from {module}")
            # workflow.now() is the time of the history.
            case ast.Call(func=ast.Attribute(value=ast.Name(id="workflow"), attr="now")):
                pass
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                found.append(f"{name}()")
            case ast.Call(func=ast.Attribute(attr=name)) if name in CALLS - {"id", "hash"}:
                found.append(f".{name}()")
        match node:
            case ast.For(iter=over) | ast.comprehension(iter=over) if _is_set(over):
                found.append("iterates a set")
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]) if (
                name in ORDERING and _is_set(first)
            ):
                found.append(f"{name}() of a set")
            case ast.ListComp(generators=[ast.comprehension(iter=over), *_]) if _is_set(over):
                found.append("lists a set")
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_nothing_reads_the_world(file):
    assert impurities(file.read_text()) == []


@pytest.mark.parametrize(
    "impure",
    ["import random", "from uuid import uuid4", "datetime.now()", "date.today()", "datetime.utcnow()", "import os.path",
     "open('x')", "p.read_text()", "[x for x in {1, 2}]", "for x in set(y): pass",
     "tuple({1, 2})", "', '.join(set(y))"],
)  # fmt: skip
def test_the_test_itself_finds(impure):
    assert impurities(impure) != []


def test_the_history_s_own_time_is_pure():
    assert impurities("workflow.now()") == []
