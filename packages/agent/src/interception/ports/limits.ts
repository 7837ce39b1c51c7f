/** What the mode cannot do, in sentences for the user. */
export const PORTS_LIMITS: readonly string[] = [
  'Only hosts that the mesh knows pass through the sidecar, and only when the application calls them by the addresses it is told (<SERVICE>_SERVICE_HOST and _PORT); calls to anything else leave the application directly.',
  'The application must listen where HOST and PORT say; its own port stays open to programs of this machine, so STRICT mutual TLS can be walked around from here.',
  'Workloads in network namespaces cannot call it: its address (127.…) is their own loopback there. Run all workloads of a mesh in one mode.',
];
