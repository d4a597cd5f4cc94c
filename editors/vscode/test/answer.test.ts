import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Answer, asMarkdown, badge, edited } from '../src/answer.ts';

const at = (line: number, character: number) => ({ line, character });
const edit = (start: [number, number], end: [number, number], newText: string) => ({
  range: { start: at(...start), end: at(...end) },
  newText,
});

test('edits are made where they belong, in UTF-16 units and for every kind of line end', () => {
  const text = 'a = "😀"\r\nb = 2\rc = 3\n';
  assert.equal(
    edited(text, [edit([0, 5], [0, 7], 'x'), edit([1, 4], [1, 5], '22'), edit([2, 0], [2, 1], 'd')]),
    'a = "x"\r\nb = 22\rd = 3\n',
  );
  assert.equal(edited('', [edit([0, 0], [0, 0], 'new\n')]), 'new\n');
  assert.equal(edited('a', [edit([9, 9], [9, 9], '!')]), 'a!');
});

test('an answer says its badge in words, each check, and how to repeat it', () => {
  const answer: Answer = {
    command: 'verify',
    answer: '**False.**',
    value: '',
    badge: 'refuted',
    evidence: [{ kind: 'computed', passed: false, detail: 'At a = 1\nit is not.', replay: 'print("```")' }],
    edit: null,
    note: 'A note.',
    model: '',
    timings: { elapsed_ms: 1234, n_tokens: 0, n_evaluated: 0 },
  };
  assert.equal(badge(answer), '✗ refuted');
  const text = asMarkdown(answer);
  assert.ok(text.includes('**✗ refuted**'));
  assert.ok(text.includes('- ✗ At a = 1 it is not.'));
  assert.ok(text.includes('  ````\n  print("```")\n  ````'), text);
  assert.ok(text.includes('A note.'));
  assert.ok(text.includes('*without the model, 1.2 s*'));
});
