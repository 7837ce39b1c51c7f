import { networkInterfaces } from 'node:os';

/** The machine's (or network namespace's) first address that is not loopback, as Envoy finds its own; looked up once. */
export function ownAddress(): string {
  return (found ??= find());
}

let found: string | undefined;

function find(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1';
}
