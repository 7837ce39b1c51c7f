import assert from 'node:assert/strict';
import { decodeYaml, type Config } from '@meltemi/api';

/** A VirtualService whose one route carries a time-out, so that versions differ. */
export function virtualService(name: string, timeout = '1s', namespace = 'a'): Config {
  const { configs, problems } = decodeYaml(virtualServiceYaml(name, timeout, namespace), { file: `${name}.yaml`, source: 'api' });
  assert.deepEqual(problems, []);
  return configs[0] as Config;
}

export function virtualServiceYaml(name: string, timeout = '1s', namespace = 'a'): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  hosts: [${name}.example.com]
  http:
    - timeout: ${timeout}
      route: [{ destination: { host: ${name} } }]
`;
}
