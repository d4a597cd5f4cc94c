"""What is kept of one file, and the stubs it gives, in several languages; nothing raises on broken text."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.syntax.imports import Import
from codeslm_lsp.workspace.files import source_language
from codeslm_lsp.workspace.records import MAX_SIGNATURE, FileRecord, record_of
from codeslm_lsp.workspace.stubs import stub

PYTHON = '''\
from .items import Item
from shop import prices

LIMITS = {
    "small": 1,
}


@dataclass(frozen=True)
class Queue(Generic[T]):
    """First in, first out.

    More is said here.
    """

    size: int = 0

    def __init__(self, items: list[T]) -> None:
        self._items = items
        self.name: str = "queue"
        self.size = len(items)

    @property
    def first(
        self,
    ) -> T:
        return self._items[0]

    def _hidden(self): ...

    class Inner:
        depth = 1

        def go(self): pass


async def drain(queue: Queue, *, most: int = 3) -> None:
    def one(): pass
    prices.look_up(one)
'''


def record(path: str, text: str) -> FileRecord:
    language = source_language(path)
    assert language is not None
    return record_of(path, language, text)


def stubs(path: str, text: str, *names: str) -> list[str]:
    found = record(path, textwrap.dedent(text))
    return list(stub(found.symbols, found.language, names))


def test_symbols_imports_and_names_of_python() -> None:
    kept = record("a.py", PYTHON)
    assert [f"{each.kind} {each.qualified_name} {each.first_line}-{each.end_line}" for each in kept.symbols] == [
        "constant LIMITS 3-6",
        "class Queue 8-34",
        "field Queue.size 15-16",
        "method Queue.__init__ 17-21",
        "field Queue._items 18-19",
        "field Queue.name 19-20",
        "field Queue.size 20-21",
        "method Queue.first 22-27",
        "method Queue._hidden 28-29",
        "class Queue.Inner 30-34",
        "field Queue.Inner.depth 31-32",
        "method Queue.Inner.go 33-34",
        "function drain 36-39",
        "function drain.one 37-38",
    ]
    assert kept.imports == (Import(".items", ("Item",)), Import("shop", ("prices",)))
    assert set(kept.names) >= {"T", "Queue", "len", "look_up"}
    assert [each.doc for each in kept.symbols if each.doc] == ["First in, first out."]


def test_a_stub_has_signatures_and_no_bodies() -> None:
    assert stubs("a.py", PYTHON, "drain", "Queue", "nothing") == [
        "async def drain(queue: Queue, *, most: int = 3) -> None: ...",
        textwrap.dedent('''\
            @dataclass(frozen=True)
            class Queue(Generic[T]):
                """First in, first out."""
                size: int = 0
                def __init__(self, items: list[T]) -> None: ...
                name: str = "queue"
                @property
                def first(self) -> T: ...
                class Inner: ...'''),
    ]
    assert [text.split("\n")[0] for text in stubs("a.py", PYTHON)] == [
        "LIMITS = {...}",
        "@dataclass(frozen=True)",
        "async def drain(queue: Queue, *, most: int = 3) -> None: ...",
    ]
    assert stubs("a.py", PYTHON, "Queue.Inner") == ["class Inner:\n    depth = 1\n    def go(self): ..."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "def f(\n    a: int,\n    b: list[\n        int\n    ] = (),\n):\n    pass\n",
            "def f(a: int, b: list[int] = ()): ...",
        ),
        ("@cached(\n    size=3,\n)\ndef f(\n    a,\n):\n    pass\n", "@cached(size=3)\ndef f(a): ..."),
        ("def f(\n    a,  # first\n    b,\n):\n    pass\n", "def f(\n    a,  # first\n    b,\n): ..."),
        ('f = """\ntext\n"""\n', "f = ..."),
        ("f = g(1,\n      2)\n", "f = g(1, ...)"),
        ("f = {\n    1: [2],\n}\n", "f = {...}"),
        ("f = 1 + \\\n    2\n", "f = 1 + ..."),
        ('f = g("(", [\n    1])\n', 'f = g("(", [...])'),
        ("f = 1\n", "f = 1"),
    ],
)
def test_what_goes_on_below_is_short_and_whole(text: str, expected: str) -> None:
    assert stubs("a.py", text, "f") == [expected]


@pytest.mark.parametrize(
    ("path", "text", "name", "expected"),
    [
        (
            "a.go",
            "package q\ntype Stack struct {\n\titems []int\n}\nfunc (s *Stack) Push(v int) error {\n\treturn nil\n}\n",
            "Stack",
            "type Stack struct {\n    items []int\n    func (s *Stack) Push(v int) error\n}",
        ),
        (
            "a.rs",
            "pub struct L<T> { pub n: usize }\nimpl<T> L<T> {\n    pub fn new() -> Self { L{} }\n}\n"
            "impl fmt::Display for L<u8> { fn fmt(&self) {} }\nfn free() {}\n",
            "L",
            "pub struct L<T> {\n    pub n: usize\n    pub fn new() -> Self\n    fn fmt(&self)\n}",
        ),
        (
            "a.ts",
            "export class Foo extends Bar {\n  x: number = 1;\n  #y = 2;\n  async go(n: number): Promise<X> { }\n}\n",
            "Foo",
            "export class Foo extends Bar {\n    x: number = 1\n    async go(n: number): Promise<X>\n}",
        ),
        ("a.ts", "export const f = (a: number) => { return a };\n", "f", "export const f = (a: number) => ..."),
        (
            "A.java",
            "package a;\npublic class A {\n  int n = 0;\n  public A(int n) { }\n  @Override\n"
            "  public String toString() { return null; }\n}\n",
            "A",
            "public class A {\n    int n = 0;\n    public A(int n)\n    @Override\n    public String toString()\n}",
        ),
        (
            "a.cpp",
            "class Q : public B {\n  int size() const { return 1; }\n};\nint Q::pop(int x) { return 1; }\n",
            "Q",
            "class Q : public B {\n    int size() const\n    int Q::pop(int x)\n}",
        ),
        ("a.rb", "class Foo < Bar\n  def go(a)\n  end\nend\n", "Foo", "class Foo < Bar\n    def go(a)\nend"),
        ("a.lua", "local M = {}\nfunction M.push(a, b) end\nreturn M\n", "M", "local M = {}\nfunction M.push(a, b)"),
        ("a.php", "<?php\nclass Foo { public int $n = 1; }\n", "Foo", "class Foo {\n    public int $n = 1;\n}"),
    ],
)
def test_stubs_of_other_languages(path: str, text: str, name: str, expected: str) -> None:
    assert stubs(path, text, name) == [expected]


def test_what_stands_in_a_namespace_stands_at_the_top() -> None:
    text = "namespace X { public class Foo { public void Go(string s) { } } }\n"
    assert stubs("a.cs", text) == ["public class Foo {\n    public void Go(string s)\n}"]


def test_a_module_of_rust_is_another_file() -> None:
    kept = record("a.rs", "mod parts;\nuse crate::a::B;\nmod here { fn f() {} }\n")
    assert kept.imports == (Import("self::parts", ()), Import("crate::a::B", ()))


def test_long_signatures_are_cut() -> None:
    text = f"def f({', '.join(f'argument_{n}' for n in range(100))}):\n    pass\n"
    (symbol,) = record("a.py", text).symbols
    assert len(symbol.signature) == MAX_SIGNATURE + 4
    assert symbol.signature.endswith(" ...")


@given(
    st.text(st.sampled_from("class def f(x):\n    {};'\"=.self@#ä\x0c\r"), max_size=200),
    st.sampled_from(["a.py", "a.rs", "a.ts", "a.go", "a.lua"]),
)
def test_any_text_gives_a_record(text: str, path: str) -> None:
    kept = record(path, text)
    n_lines = text.count("\n") + 1
    for symbol in kept.symbols:
        assert 0 <= symbol.first_line < symbol.end_line <= n_lines
    assert isinstance(stub(kept.symbols, kept.language, ()), tuple)
