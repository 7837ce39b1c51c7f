import { defineCase, type ParityCase } from '../define.ts';
import { direct, http1, to } from '../resources.ts';
import { http, raw } from '../steps.ts';

/** Paths as a client writes them and as the backend gets them under these options of the connection manager. A number: refused with that status. */
function normalised(name: string, options: Readonly<Record<string, unknown>>, asked: Readonly<Record<string, string | number>>): ParityCase {
  return defineCase({
    name,
    resources: (c) => http1(c, [to(c, 'main')], options),
    steps: Object.entries(asked).map(([path, target]) =>
      http(path, typeof target === 'number' ? { status: target, backend: null } : { status: 200, backend: { target } }),
    ),
  });
}

const NORMALIZE = { normalize_path: true };

/** What is done to a path before anything looks at it. */
export const cases = [
  normalised(
    'without normalisation a path stays as it is',
    {},
    {
      '/a/../b': '/a/../b',
      '/a/./b': '/a/./b',
      '//a//b': '//a//b',
      '/%2e%2E/a': '/%2e%2E/a',
      '/a%41b': '/a%41b',
    },
  ),
  normalised('dot segments are resolved', NORMALIZE, {
    '/a/../b': '/b',
    '/a/./b': '/a/b',
    '/a/b/..': '/a/',
    '/a/b/.': '/a/b/',
    '/a/b/../../c': '/c',
    '/...': '/...',
    '/a..b': '/a..b',
  }),
  normalised('escaped dots are dots', NORMALIZE, {
    '/a/%2e%2e/b': '/b',
    '/a/%2E./b': '/b',
    '/a/.%2e/b': '/b',
    '/a/%2e/b': '/a/b',
    '/a/%2e%2e%2fb': '/a/..%2fb',
  }),
  normalised('letters that need no escape are unescaped, others keep theirs', NORMALIZE, {
    '/%41%7a%2d%5f%7e': '/Az-_~',
    '/%25%2f%3f': '/%25%2f%3f',
    '/%c3%a9': '/%c3%a9',
  }),
  normalised('a backslash is a slash', NORMALIZE, { '/a\\b': '/a/b', '/a\\..\\b': '/b' }),
  normalised('the query is left alone', NORMALIZE, { '/a/../b?x=/../y': '/b?x=/../y', '/?/..': '/?/..' }),
  normalised('slashes are kept by default', NORMALIZE, { '//a///b': '//a///b' }),
  normalised('slashes are merged when asked for', { merge_slashes: true }, { '//a///b': '/a/b', '/a//': '/a/', '/a?x=//': '/a?x=//' }),
  normalised('both together', { normalize_path: true, merge_slashes: true }, { '//a/..//b': '/b', '/a//../b': '/a/b' }),
  normalised('an incomplete escape is kept', NORMALIZE, { '/a%': '/a%', '/a%2': '/a%2', '/a%zz': '/a%zz' }),
  normalised('dot segments beyond the root', NORMALIZE, { '/../a': '/a', '/a/../../../b': '/b', '/..': '/' }),
  normalised('two slashes alone', { merge_slashes: true }, { '//': '//' }),
  normalised('an escaped NUL', NORMALIZE, { '/a%00b': 400 }),
  normalised('escaped slashes are kept by default', NORMALIZE, { '/a%2fb': '/a%2fb', '/a%5Cb': '/a%5Cb' }),
  normalised(
    'escaped slashes are refused',
    { path_with_escaped_slashes_action: 'REJECT_REQUEST' },
    { '/a%2fb': 400, '/a%5cb': 400, '/ab?%2f': '/ab?%2f' },
  ),
  normalised('escaped slashes are unescaped', { path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD' }, { '/a%2fb': '/a/b', '/a%5Cb': '/a\\b' }),
  normalised(
    'unescaped slashes go into normalisation',
    { path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD', normalize_path: true },
    { '/a%2f..%2fb': '/b', '/a%5c..%5cb': '/b' },
  ),
  defineCase({
    name: 'escaped slashes are redirected',
    resources: (c) => http1(c, [to(c, 'main')], { path_with_escaped_slashes_action: 'UNESCAPE_AND_REDIRECT' }),
    steps: [http('/a%2fb?x=%2f', { status: 307, headers: { location: '/a/b?x=%2f' }, backend: null })],
    log: [{ code: 307 }],
  }),
  defineCase({
    name: 'routes see the normalised path',
    resources: (c) => http1(c, [direct('secret', { prefix: '/admin' }), direct('open')], { normalize_path: true, merge_slashes: true }),
    steps: [
      http('/x/../admin', { body: 'secret' }),
      http('//admin', { body: 'secret' }),
      http('/%61dmin', { body: 'secret' }),
      http('/x', { body: 'open' }),
    ],
    log: [{ path: '/admin' }, { path: '/admin' }, { path: '/admin' }, { path: '/x' }],
  }),
  defineCase({
    name: 'a fragment in the path is refused',
    steps: [http('/a#b', { status: 400, backend: null })],
  }),
  defineCase({
    name: 'a target without a slash is not routed',
    steps: [raw('GET x HTTP/1.1\r\nhost: a\r\n\r\n', { status: 400, backend: null })],
  }),
  defineCase({
    name: 'an absolute target with dot segments is normalised',
    resources: (c) => http1(c, [to(c, 'main')], NORMALIZE),
    steps: [
      raw('GET http://a.example/x/../y HTTP/1.1\r\nhost: a\r\n\r\n', { status: 200, backend: { target: '/y', headers: { host: 'a.example' } } }),
    ],
  }),
  defineCase({
    name: 'an absolute target with user and password',
    steps: [
      raw('GET http://user:word@a.example/x HTTP/1.1\r\nhost: a\r\n\r\n', { status: 200, backend: { target: '/x', headers: { host: 'a.example' } } }),
    ],
  }),
];
