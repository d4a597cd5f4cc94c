"""Scopes around ``‸`` in code that is being typed: what is behind the cursor is missing, unclosed or wrong."""

from __future__ import annotations

import pytest

from codeslm_lsp.syntax.languages import languages
from codeslm_lsp.syntax.scopes import enclosing_scopes
from codeslm_lsp.syntax.tree import parse

CASES = [
    ("python", "def f():‸", "f"),
    ("python", "def f():\n    ‸", "f"),
    ("python", "def f():\n    return 1\n\n    ‸\n\ndef g():\n    pass\n", "f"),
    ("python", "def f():\n    return 1\n\n‸\n", ""),
    ("python", "class A:\n    def f(self):\n        x = (1,\n        ‸\n\n    def g(self):\n        pass\n", "A f"),
    ("python", "class A:\n    def f(self):\n        x = (1,\n\n    def g(self):\n        y = ‸\n", "A g"),
    ("python", "class A:\n    def f(\n        self,\n        x,\n    ):\n        return foo(‸\n", "A f"),
    ("python", "class A:\n    def f(self):\n        if x:\n            y = [‸\n        else:\n            z\n", "A f"),
    ("python", "class A:\n    def f(self):\n        try:\n            a\n        except E as ‸\n", "A f"),
    ("python", "class A:\n    def f(self): ...\n\n    ‸", "A"),
    ("python", "class A:\n    def f(self):\n        pass\n\n    def ‸\n\n    def h(self):\n        pass\n", "A"),
    ("python", "def f():\n    '''unclosed‸\n\ndef g():\n    pass\n", "f"),
    ("python", "@a\n@b(1)\nasync def f():\n    await ‸(", "f"),
    ("javascript", "function f() {\n  const x = ‸", "f"),
    ("javascript", "class A {\n  f() {\n    if (a === ‸\n  }\n\n  g() {\n  }\n}\n", "A f"),
    ("javascript", "class A {\n  f() {\n    const x = {\n      a: ‸\n\n  g() {\n  }\n}\n", "A f"),
    ("javascript", "describe('x', () => {\n  it('y', async () => {\n    expect(‸\n", "describe it"),
    ("javascript", "class A {\n  f() {\n    if (a) {\n      b;\n    } else {\n      c(‸\n", "A f"),
    ("javascript", "function a() {\n}\n  ‸const x = (;\n", ""),
    ("typescript", "export class A<T> {\n  private f(x: T): T {\n    const y: Map<‸\n  }\n}\n", "A f"),
    ("go", "func f() {\n\tx := ‸\n", "f"),
    ("go", "func (s *S) Get(k string) error {\n\tif err != nil {\n\t\treturn fmt.Errorf(‸\n", "Get"),
    ("rust", "impl A {\n    fn f(&self) {\n        match x {\n            Some(y) => ‸\n", "A f"),
    ("java", "class A {\n    int f() {\n        return this.‸\n    }\n", "A f"),
    ("c", "int f(int a,\n      int b)\n{\n    int x = g(‸\n", "f"),
    ("cpp", "namespace n {\n    class A {\n    public:\n        void f() {\n            auto x = ‸\n", "n A f"),
    ("csharp", "class A\n{\n    void F()\n    {\n        var x = ‸\n", "A F"),
    ("ruby", "module M\n  class A\n    def f(x)\n      if x\n        y = foo(‸\n", "M A f"),
    ("ruby", "class A\n  def f\n    begin\n      a\n    rescue E\n      b[‸\n", "A f"),
    ("php", "<?php\nclass A\n{\n    public function f(): int\n    {\n        return $this->‸\n", "A f"),
    ("bash", "f() {\n    if true; then\n        echo $(‸\n", "f"),
    ("lua", "function M.f(x)\n  if x then\n    y = g(‸\n", "M.f"),
    ("css", "@media print {\n  .a {\n    color: ‸\n", "@media .a"),
    ("yaml", "a:\n  b:\n    c: [1,\n    ‸\n", "a b"),
]


@pytest.mark.parametrize(("name", "marked", "expected"), CASES)
def test_scopes_while_typing(name: str, marked: str, expected: str) -> None:
    before, _, after = marked.partition("‸")
    scopes = enclosing_scopes(parse(before + after, languages()[name]), len(before))
    assert " ".join(scope.name for scope in scopes) == expected


@pytest.mark.parametrize(("name", "marked", "expected"), CASES)
def test_ranges_hold_the_cursor_and_headers_the_name(name: str, marked: str, expected: str) -> None:
    before, _, after = marked.partition("‸")
    text = before + after
    for scope in enclosing_scopes(parse(text, languages()[name]), len(before)):
        assert scope.start == scope.header_start <= len(before)
        assert scope.header_end <= scope.end <= len(text)
        assert scope.name in text[scope.header_start : scope.header_end]
        assert text[scope.header_end - 1].strip()


def test_headers_of_damaged_code_are_the_original_text() -> None:
    text = "class A:\n    @staticmethod\n    def f(\n        a,  # ä\n    ) -> int:\n        return (1,\n\nx = 1\n"
    scopes = enclosing_scopes(parse(text, languages()["python"]), text.index("(1,") + 3)
    headers = [text[scope.header_start : scope.header_end] for scope in scopes]
    assert headers == ["class A:", "@staticmethod\n    def f(\n        a,  # ä\n    ) -> int:"]
    assert [text[scope.end :] for scope in scopes] == ["\n\nx = 1\n"] * 2
