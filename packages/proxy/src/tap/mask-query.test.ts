import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskQuery } from './mask-query.ts';
import { tapHeader } from './trace.ts';

test('what opens doors in a target is masked; the rest stays as it is', () => {
  const CASES: Readonly<Record<string, string>> = {
    '/': '/',
    '/token=1': '/token=1',
    '/a?q=token&page=2': '/a?q=token&page=2',
    '/a?token=x': '/a?token=[masked]',
    '/a?q=1&Access_Token=x&page=2': '/a?q=1&Access_Token=[masked]&page=2',
    '/a?api-key=x;apikey=y': '/a?api-key=[masked];apikey=[masked]',
    '/a?%74oken=x&pass%77ord=y': '/a?%74oken=[masked]&pass%77ord=[masked]',
    '/a?X-Amz-Signature=x&X-Amz-Date=y': '/a?X-Amz-Signature=[masked]&X-Amz-Date=y',
    '/cb?code=x&state=y': '/cb?code=[masked]&state=y',
    '/a?monkey=1&token&token=': '/a?monkey=1&token&token=',
    '/a?token=x=y==': '/a?token=[masked]',
    'https://a.b/cb#id_token=x&expires=1': 'https://a.b/cb#id_token=[masked]&expires=1',
    'https://user:word@a.b/c?d=e': 'https://user:[masked]@a.b/c?d=e',
    'https://user:w@rd@a.b/c@d': 'https://user:[masked]@a.b/c@d',
    '/a?password=what?ever?&b=c?d': '/a?password=[masked]&b=c?d',
    '/a?next=/b?token=x': '/a?next=/b?token=[masked]',
    '/a?%=1&%zz=2&=3&&': '/a?%=1&%zz=2&=3&&',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(CASES).map((target) => [target, maskQuery(target)])), CASES);
  for (const key of [':path', 'location', 'referer', 'x-envoy-original-path', 'x-envoy-original-url'])
    assert.equal(tapHeader(key, '/a?sig=x', false).value, '/a?sig=[masked]');
  assert.equal(tapHeader(':path', '/a?sig=x', true).value, '/a?sig=x');
  assert.equal(tapHeader('x-other', '/a?sig=x', false).value, '/a?sig=x');
});

test('a long target is masked in time that grows with its length', () => {
  for (const part of ['?', '//a:', '%74', '&token', 'a=', '?a', 'token=?', '&token=a?b']) {
    const begun = performance.now();
    maskQuery(`//${part.repeat(90_000 / part.length)}`);
    assert.ok(performance.now() - begun < 250, part);
  }
});
