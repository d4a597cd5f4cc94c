import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Following } from '../src/following.ts';

const SHOWN = { uri: 'file:///a.py', offset: 10, text: 'urn a + b\n', id: 'one' };
const typed = (offset: number, text: string) => [{ offset, length: 0, text }];

test('what is typed as it says stays the same suggestion, whatever id its rest comes with', () => {
  const following = new Following();
  assert.deepEqual(following.show(SHOWN), { id: 'one', isNew: true });
  assert.equal(following.changed(SHOWN.uri, typed(10, 'u')), undefined);
  const rest = { ...SHOWN, offset: 11, text: 'rn a + b\n', id: 'two' };
  assert.deepEqual(following.show(rest), { id: 'one', isNew: false });
  assert.deepEqual(following.show({ ...rest, text: 'other', id: 'three' }), { id: 'three', isNew: true });
});

test('more than a key makes is a partial acceptance, counted from the beginning', () => {
  const following = new Following();
  following.show(SHOWN);
  following.changed(SHOWN.uri, typed(10, 'u'));
  assert.deepEqual(following.changed(SHOWN.uri, typed(11, 'rn')), {
    kind: 'partly accepted',
    suggestion: SHOWN,
    length: 3,
  });
});

test('all of it is nothing to tell: its command does', () => {
  const following = new Following();
  following.show(SHOWN);
  assert.equal(following.changed(SHOWN.uri, typed(10, 'urn a + b\r\n')), undefined);
  assert.equal(following.changed(SHOWN.uri, typed(20, 'x')), undefined);
});

test('anything else dismisses it, once', () => {
  for (const changes of [
    typed(10, 'x'),
    typed(3, 'u'),
    [{ offset: 9, length: 1, text: '' }],
    [...typed(10, 'u'), ...typed(0, 'u')],
  ]) {
    const following = new Following();
    following.show(SHOWN);
    assert.equal(following.changed('file:///b.py', typed(0, 'x')), undefined);
    assert.deepEqual(following.changed(SHOWN.uri, changes), { kind: 'dismissed', suggestion: SHOWN });
    assert.equal(following.changed(SHOWN.uri, changes), undefined);
  }
});
