"""What a prompt file's template may use: enough to word a text, and nothing that could run long or grow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jinja2 import nodes

# Filters of Jinja's own that give no more than they get; ours are in ``graph.template_filters``.
PLAIN_FILTERS: Final = frozenset(
    {"capitalize", "default", "first", "int", "last", "length", "lower", "round", "title", "trim", "upper"}
)
_ALLOWED: Final[tuple[type[nodes.Node], ...]] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.CondExpr,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat,
)  # fmt: skip
_NAMES: Final[dict[type[nodes.Node], str]] = {
    nodes.Pow: "**",
    nodes.Assign: "set",
    nodes.AssignBlock: "set",
    nodes.CallBlock: "call",
    nodes.FilterBlock: "filter",
    nodes.FromImport: "import",
    nodes.ScopedEvalContextModifier: "autoescape",
}
# A loop walks what a value holds, so two inside each other end soon, whatever is known.
_LOOPS: Final = 2
# `tojson` doubles each quotation mark, so that a long chain of it would not end.
_CHAIN: Final = 4


def forbidden(tree: nodes.Template, filters: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield what a template must not use: the line in its text, and what is wrong with the mend.

    Args:
        tree: the parsed template.
        filters: the filters that there are.
    """
    yield from _walk(tree, filters, 0, 0)


def _walk(node: nodes.Node, filters: frozenset[str], loops: int, chain: int) -> Iterator[tuple[int, str]]:
    if not isinstance(node, _ALLOWED):
        yield node.lineno, _refused(node)
        return
    if isinstance(node, nodes.For):
        loops += 1
        yield from _loop(node, loops)
    if isinstance(node, nodes.Filter):
        chain += 1
        if node.name not in filters:
            offer = ", ".join(sorted(filters))
            yield node.lineno, f"there is no filter {node.name!r}; use one of {offer}"
        if chain > _CHAIN:
            yield node.lineno, f"uses more than {_CHAIN} filters on one value; use fewer"
            return
    for child in node.iter_child_nodes():
        yield from _walk(child, filters, loops, chain)


def _loop(node: nodes.For, loops: int) -> Iterator[tuple[int, str]]:
    if loops > _LOOPS:
        yield node.lineno, f"has more than {_LOOPS} loops inside each other; use fewer"
    if not isinstance(node.iter, nodes.Name | nodes.Getattr):
        yield node.lineno, "loops over something else than a variable; loop over one, such as `excerpts`"


def _refused(node: nodes.Node) -> str:
    if isinstance(node, nodes.Call):
        name = getattr(node.node, "name", None) or getattr(node.node, "attr", "")
        return f"`{name}(...)` cannot be called here; use a filter, such as `{{{{ name | trim }}}}`"
    name = _NAMES.get(type(node), type(node).__name__.lower())
    return f"`{name}` cannot be used here; use variables, filters, `if` and `for`"
