import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { HttpError } from './respond.ts';
import type { HttpResponse, Route } from './types.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
};

export interface StaticOptions {
  /** Folder to serve; nothing outside it is ever served, also not through links. */
  readonly directory: string;
  /** Path under which it is served; default `/`. */
  readonly prefix?: string;
  /** File that answers paths that are not there and have no file extension known here: the page of an application that routes by itself. */
  readonly fallback?: string;
  /** Files whose name holds a hash may be kept for ever. Default: names such as `app-3F2A9C1B.js`. */
  readonly immutable?: RegExp;
  /** Value of Content-Security-Policy for HTML. */
  readonly contentSecurityPolicy?: string;
}

/** Routes that serve a folder, with types, ETags and safe paths. */
export function staticFiles(options: StaticOptions): readonly Route[] {
  const prefix = (options.prefix ?? '/').replace(/\/$/, '');
  const handle = (path: string, ifNoneMatch: string | undefined): Promise<HttpResponse> => serve(options, path, ifNoneMatch);
  return [
    { method: 'GET', path: prefix === '' ? '/' : prefix, handler: (request) => handle('index.html', request.headers['if-none-match']) },
    { method: 'GET', path: `${prefix}/*path`, handler: (request) => handle(request.params['path'] ?? '', request.headers['if-none-match']) },
  ];
}

async function serve(options: StaticOptions, path: string, ifNoneMatch: string | undefined): Promise<HttpResponse> {
  const file =
    (await findFile(options.directory, path)) ??
    (isPagePath(path) && options.fallback !== undefined ? await findFile(options.directory, options.fallback) : undefined);
  if (file === undefined) throw new HttpError(404, 'http/not-found', `There is no file "${path}" here.`);
  const bytes = await readFile(file);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const immutable = (options.immutable ?? /-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/).test(file);
  const type = TYPES[extname(file).toLowerCase()] ?? 'application/octet-stream';
  const policy =
    type.startsWith('text/html') && options.contentSecurityPolicy !== undefined ? { 'content-security-policy': options.contentSecurityPolicy } : {};
  const headers = { 'content-type': type, etag, 'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache', ...policy };
  return ifNoneMatch === etag ? { status: 304, headers } : { status: 200, headers, body: bytes };
}

/** Paths of an application's pages may hold dots (names of objects do), but end in no extension of a file. */
function isPagePath(path: string): boolean {
  return TYPES[extname(path).toLowerCase()] === undefined && !path.split('/').some((segment) => segment.startsWith('.'));
}

/** The real path of a file in the folder; undefined for everything else: hidden names, parents, links that lead out, folders. */
async function findFile(directory: string, path: string): Promise<string | undefined> {
  const segments = path.split('/').filter((segment) => segment !== '');
  if (segments.length === 0) segments.push('index.html');
  if (segments.some((segment) => segment.startsWith('.') || /[\\\0:]/.test(segment))) return undefined;
  try {
    const root = await realpath(directory);
    const file = await realpath(join(root, ...segments));
    if (!file.startsWith(root + sep)) return undefined;
    return (await stat(file)).isFile() ? file : undefined;
  } catch {
    return undefined;
  }
}
