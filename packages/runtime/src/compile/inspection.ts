import type { CompiledListener, Inspection } from '../compiled.ts';
import type { ListenerFilter, PortPredicate } from '../types/listener.ts';

/** What the inspectors among the filters look for, by port. */
export function compileInspection(filters: readonly ListenerFilter[]): CompiledListener['inspects'] {
  const tls = filters.filter((filter) => filter.t === 'tls-inspector');
  const http = filters.filter((filter) => filter.t === 'http-inspector');
  const everywhere = inspection(tls.length > 0, http.length > 0);
  if ([...tls, ...http].every(({ disabled }) => disabled === undefined)) return () => everywhere;
  const enabled = ({ disabled }: { readonly disabled?: PortPredicate }, port: number): boolean => disabled === undefined || !holds(disabled, port);
  return (port) =>
    inspection(
      tls.some((filter) => enabled(filter, port)),
      http.some((filter) => enabled(filter, port)),
    );
}

/** The four there are: none is made for a connection. */
const INSPECTIONS: readonly Inspection[] = [
  { tls: false, http: false },
  { tls: true, http: false },
  { tls: false, http: true },
  { tls: true, http: true },
];

function inspection(tls: boolean, http: boolean): Inspection {
  return INSPECTIONS[(tls ? 1 : 0) + (http ? 2 : 0)] as Inspection;
}

function holds(predicate: PortPredicate, port: number): boolean {
  switch (predicate.t) {
    case 'any':
      return true;
    case 'not':
      return !holds(predicate.of, port);
    case 'or':
      return predicate.of.some((part) => holds(part, port));
    case 'and':
      return predicate.of.every((part) => holds(part, port));
    case 'ports':
      return port >= predicate.start && port < predicate.end;
  }
}
