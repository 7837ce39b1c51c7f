import type { RuntimeListener } from '@meltemi/runtime';
import { hostPort } from '../net/addresses.ts';
import type { ReadResource } from './resources.ts';

/** Who listens where, as far as the configuration says. */
export interface AddressBook {
  /** Takes the listeners of a response, and those that go; those whose address is another one's come back refused. */
  take(read: readonly ReadResource[], removed: readonly string[]): readonly ReadResource[];
}

/** Two listeners of one address would leave it to chance which one serves: the later one is refused, as by Envoy. */
export function createAddressBook(): AddressBook {
  const held = new Map<string, readonly string[]>();
  const ownerOf = (address: string): string | undefined => [...held].find(([, addresses]) => addresses.includes(address))?.[0];
  return {
    take(read, removed) {
      for (const name of removed) held.delete(name);
      // What a response brings replaces what it was: addresses may change hands within it.
      const before = new Map(read.map(({ name }) => [name, held.get(name)]));
      for (const item of read) if (item.result.t === 'good') held.delete(item.name);
      return read.map((item) => {
        if (item.result.t === 'bad') return item;
        const addresses = boundBy(item.result.value as RuntimeListener);
        const taken = addresses.find((address) => ownerOf(address) !== undefined);
        const kept = taken === undefined ? addresses : before.get(item.name);
        if (kept !== undefined) held.set(item.name, kept);
        if (taken === undefined) return item;
        const message = `${item.name}: address: ${taken} is the address of listener "${ownerOf(taken) ?? ''}" already`;
        return { ...item, result: { t: 'bad', message } };
      });
    },
  };
}

/** Port 0 is a free one, whoever asks for it. */
function boundBy({ bindToPort, addresses }: RuntimeListener): readonly string[] {
  return bindToPort ? addresses.filter(({ port }) => port !== 0).map(({ address, port }) => hostPort(address, port)) : [];
}
