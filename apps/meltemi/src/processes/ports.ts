import { MeshError } from '@meltemi/base';

/** A port from the command line; 0 takes a free one. */
export function serverPort(value: string | undefined, flag: string): number {
  const port = Number(value);
  if (value === undefined || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new MeshError('cli/usage', `${flag} ${value ?? ''} is not a port from 0 to 65535`);
  return port;
}
