"""Python's syntax as text that stays the same wherever code lies, and the names that the code reads.

The text of a definition leaves out what does not run or only says where things are: docstrings, positions,
import statements, and the annotations of functions and of their variables. It is alike on every Python
that can parse the code.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
IMPORTS = (ast.Import, ast.ImportFrom)
IMPORTERS = ("import_module", "__import__")
DYNAMIC = "import_module(...)"
"""Stands among the names of code that imports a module whose name is computed."""
LEFT_OUT = frozenset({"annotation", "returns", "type_params", "type_comment", "type_ignores", "kind", "ctx"})

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Binding(NamedTuple):
    """What an import statement binds a name to: a module, or an attribute of one (``*`` for all of them)."""

    module: str
    attribute: str = ""


class Code(NamedTuple):
    """Some statements as text, and what they read from outside themselves.

    Attributes:
        text: the statements.
        names: dotted names that no local variable explains (``digests.of_array``), each once, in order.
        imports: what import statements inside the code bind, by name.
    """

    text: str
    names: tuple[str, ...]
    imports: Mapping[str, tuple[Binding, ...]]


def code_of(statements: Iterable[ast.stmt], package: str) -> Code:
    """The text of statements, and the names and imports in them.

    Args:
        statements: statements of one module.
        package: the package that a relative import in them starts from.
    """
    reader = _Reader(package)
    text = "\n".join(reader.dump(statement) for statement in statements)
    return Code(text, tuple(reader.names), reader.imports)


def bindings(statement: ast.Import | ast.ImportFrom, package: str) -> Iterator[tuple[str, Binding]]:
    """Each name that an import statement binds, with what it is bound to."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            top = alias.name.partition(".")[0]
            yield alias.asname or top, Binding(alias.name if alias.asname else top)
        return
    origin = statement.module or ""
    if statement.level:
        parts = package.split(".")
        above = parts[: len(parts) - statement.level + 1]
        origin = ".".join([*above, *([origin] if origin else [])])
    for alias in statement.names:
        yield alias.asname or alias.name, Binding(origin, alias.name)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements of a body after its docstring, if it has one."""
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        return body[1:] if isinstance(first.value.value, str) else body
    return body


class _Scope:
    """The names of a function, comprehension, class or module while it is read.

    Attributes:
        read: dotted names that it reads itself.
        within: dotted names that scopes inside it read and do not explain.
        stored: its own variables.
        elsewhere: names that it declares global or nonlocal.
    """

    def __init__(self, stored: Iterable[str] = (), *, is_function: bool = False) -> None:
        self.is_function = is_function
        self.read: dict[str, None] = {}
        self.within: dict[str, None] = {}
        self.stored = set(stored)
        self.elsewhere: set[str] = set()


class _Reader:
    """Writes syntax trees as text, and notes on the way which names they read from outside.

    Attributes:
        scopes: those around the current node, the outermost first; its names are the result.
    """

    def __init__(self, package: str) -> None:
        self.package = package
        self.imports: dict[str, tuple[Binding, ...]] = {}
        self.scopes = [_Scope()]

    @property
    def names(self) -> Iterable[str]:
        """The dotted names read from outside, in the order met."""
        return self.scopes[0].read | self.scopes[0].within

    def dump(self, node: Any) -> str:
        if isinstance(node, ast.AST):
            write = _WRITERS.get(type(node))
            return write(self, node) if write else self.fields(node)
        if type(node) is list:
            return f"[{','.join([self.dump(item) for item in node])}]"
        return repr(node)

    def fields(self, node: ast.AST) -> str:
        """A node by its class and those of its fields that say something."""
        written = []
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != [] and name not in LEFT_OUT:
                written.append(f"{name}={self.dump(value)}")
        return f"{type(node).__name__}({','.join(written)})"

    def name(self, node: ast.Name) -> str:
        """A name that is read, or that becomes a variable of its scope."""
        scope = self.scopes[-1]
        if isinstance(node.ctx, ast.Load):
            scope.read[node.id] = None
            return node.id
        scope.stored.add(node.id)
        return f"{type(node.ctx).__name__}({node.id})"

    def attribute(self, node: ast.Attribute) -> str:
        """An attribute: of a name, the two are noted as one dotted name."""
        parts = [node.attr]
        inner = node.value
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if not isinstance(inner, ast.Name):
            return self.fields(node)
        dotted = ".".join([inner.id, *reversed(parts)])
        self.scopes[-1].read[dotted] = None
        return dotted if isinstance(node.ctx, ast.Load) else f"{type(node.ctx).__name__}({dotted})"

    def leave(self, *, is_class: bool = False) -> None:
        """End a scope: what its variables do not explain, the scopes around it must."""
        scope = self.scopes.pop()
        variables = scope.stored - scope.elsewhere
        for dotted in scope.read:
            if dotted.partition(".")[0] not in variables:
                self.scopes[-1].within[dotted] = None
        for dotted in scope.within:  # a class's variables are not seen from inside its methods
            if is_class or dotted.partition(".")[0] not in variables:
                self.scopes[-1].within[dotted] = None

    def function(self, node: Function) -> str:
        """A function: its decorators and defaults are read outside of it, everything else inside."""
        arguments = node.args
        outside = [*getattr(node, "decorator_list", ()), *arguments.defaults]
        outside += [default for default in arguments.kw_defaults if default is not None]
        before = self.dump(outside)
        parts = [arguments.posonlyargs, arguments.args, arguments.kwonlyargs]
        parts += [[one] if one else [] for one in (arguments.vararg, arguments.kwarg)]
        names = [[argument.arg for argument in part] for part in parts]
        required = [default is None for default in arguments.kw_defaults]
        named = "" if isinstance(node, ast.Lambda) else node.name
        self.scopes[-1].stored.add(named)
        self.scopes.append(_Scope((name for part in names for name in part), is_function=True))
        body = self.dump(node.body if isinstance(node, ast.Lambda) else without_docstring(node.body))
        self.leave()
        return f"{type(node).__name__}({named},{before},{names},{required},{body})"

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp) -> str:
        """A comprehension: its targets are variables of its own."""
        self.scopes.append(_Scope())
        text = self.fields(node)
        self.leave()
        return text

    def walrus(self, node: ast.NamedExpr) -> str:
        """An assignment within an expression: in a comprehension, it sets a variable of what is around."""
        self.scopes[-1].elsewhere.add(node.target.id)
        for scope in reversed(self.scopes):
            scope.stored.add(node.target.id)
            if node.target.id not in scope.elsewhere:
                break
        return f"NamedExpr({node.target.id},{self.dump(node.value)})"

    def class_(self, node: ast.ClassDef) -> str:
        """A class without its docstring."""
        before = self.dump([*node.decorator_list, *node.bases, *node.keywords])
        self.scopes[-1].stored.add(node.name)
        self.scopes.append(_Scope())
        body = self.dump(without_docstring(node.body))
        self.leave(is_class=True)
        return f"ClassDef({node.name},{before},{body})"

    def module(self, node: ast.Module) -> str:
        """A module without its docstring."""
        return self.dump(without_docstring(node.body))

    def annotated(self, node: ast.AnnAssign) -> str:
        """An annotated variable; the annotation counts where a class is made by it (fields, ClassVar)."""
        runs = not any(scope.is_function for scope in self.scopes)
        return f"{self.fields(node)}{_Reader(self.package).dump(node.annotation) if runs else ''}"

    def declared(self, node: ast.Global | ast.Nonlocal) -> str:
        """A declaration that names are variables of what is around."""
        self.scopes[-1].elsewhere.update(node.names)
        return self.fields(node)

    def capturing(self, node: ast.ExceptHandler | ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> str:
        """A handler or pattern, which may bind a name."""
        bound = node.rest if isinstance(node, ast.MatchMapping) else node.name
        self.scopes[-1].stored.update([bound] if bound else ())
        return self.fields(node)

    def called(self, node: ast.Call) -> str:
        """A call, which may import a module by its name."""
        function = node.func
        last = getattr(function, "attr", getattr(function, "id", ""))
        if last in IMPORTERS and node.args:
            named = node.args[0]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                self.imports[named.value] = (Binding(named.value),)
                self.scopes[0].read[named.value] = None
            else:
                self.scopes[0].read[DYNAMIC] = None
        return self.fields(node)

    def imported(self, node: ast.Import | ast.ImportFrom) -> str:
        """An import statement is no text: what it binds is followed instead."""
        for name, binding in bindings(node, self.package):
            self.imports[name] = tuple(dict.fromkeys([*self.imports.get(name, ()), binding]))
        return ""


_WRITERS: dict[type[ast.AST], Callable[[_Reader, Any], str]] = {
    ast.Name: _Reader.name,
    ast.Attribute: _Reader.attribute,
    ast.FunctionDef: _Reader.function,
    ast.AsyncFunctionDef: _Reader.function,
    ast.Lambda: _Reader.function,
    ast.ClassDef: _Reader.class_,
    ast.Module: _Reader.module,
    ast.NamedExpr: _Reader.walrus,
    ast.AnnAssign: _Reader.annotated,
    ast.Global: _Reader.declared,
    ast.Nonlocal: _Reader.declared,
    ast.Call: _Reader.called,
    ast.Import: _Reader.imported,
    ast.ImportFrom: _Reader.imported,
    **dict.fromkeys(COMPREHENSIONS, _Reader.comprehension),
    **dict.fromkeys((ast.ExceptHandler, ast.MatchAs, ast.MatchStar, ast.MatchMapping), _Reader.capturing),
}
