/** The host of one of many services. */
export const entryHost = (at: number): string => `s${at}.example.com`;

/** YAML of so many ServiceEntries, each with one HTTP port and one endpoint. */
export const manyEntries = (count: number): string => Array.from({ length: count }, (_, at) => entry(at)).join('---\n');

const entry = (at: number): string => `apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: s${at}, namespace: default }
spec:
  hosts: [${entryHost(at)}]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{ number: 80, name: http, protocol: HTTP }]
  endpoints: [{ address: 127.0.0.1 }]
`;
