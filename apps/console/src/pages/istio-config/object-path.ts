/** What names a configuration object: in the address as in Kiali. */
export interface ObjectId {
  readonly namespace: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly name: string;
}

/** Below `/console`: the page of one object. */
export const OBJECT_PATH = /^\/namespaces\/([^/]+)\/istio\/([^/]+)\/([^/]+)\/([^/]+)\/([^/]+)$/;

export function objectOfPath(path: string): ObjectId | undefined {
  const match = OBJECT_PATH.exec(path.replace(/^\/console/, ''));
  if (match === null) return undefined;
  const [namespace = '', group = '', version = '', kind = '', name = ''] = match.slice(1).map(decodePart);
  return { namespace, group, version, kind, name };
}

/** The same tail in the console's address and in the API's. */
export function objectPath({ namespace, group, version, kind, name }: ObjectId): string {
  return `/namespaces/${[namespace, 'istio', group, version, kind, name].map(encodeURIComponent).join('/')}`;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
