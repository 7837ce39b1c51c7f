import { z } from 'zod';
import { text } from './fields.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
/** By these the loader or the runtime takes in code, or another program is found. */
const LOADS_CODE = /^(?:LD_|DYLD_|OPENSSL_|BUN_|NODE_(?!NAME$))|^(?:PATH|IFS|ENV|BASH_ENV|GCONV_PATH)$/i;

/** Environment variables of a proxy, which is a process on the workload's machine. */
export const environment = z.record(
  text((name) => {
    if (!NAME.test(name)) return 'is not the name of an environment variable: letters, digits and "_"';
    return LOADS_CODE.test(name) ? 'would have the proxy run other code than its own' : undefined;
  }),
  text((value) => (value.includes('\0') ? 'must not contain a zero character' : undefined)),
);
