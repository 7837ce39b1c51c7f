import { Tooltip } from '@mantine/core';
import type { ReactElement } from 'react';
import type { HealthStatus } from '../../api/kiali.ts';
import { isControlPlane } from '../../app/use-namespaces.ts';
import { HealthIcon } from '../../components/health-icon.tsx';
import { Icon, type IconName } from '../../components/icons.tsx';
import { KindBadge } from '../../components/kind-badge.tsx';
import { Link } from '../../components/link.tsx';
import { MtlsLock } from '../../components/mtls-lock.tsx';
import { Sparkline } from '../../components/sparkline.tsx';
import { formatSeconds, trimmed } from '../../graph/format.ts';
import { pageHref, useOptions } from '../../url/router.ts';
import type { Card } from './model.ts';

const STATES: readonly HealthStatus[] = ['Failure', 'Degraded', 'Not Ready', 'Healthy', 'NA'];
const LINKS: readonly { readonly path: string; readonly label: string; readonly icon: IconName }[] = [
  { path: '/console/graph/namespaces', label: 'Graph', icon: 'topology' },
  { path: '/console/applications', label: 'Applications', icon: 'app' },
  { path: '/console/workloads', label: 'Workloads', icon: 'workload' },
  { path: '/console/services', label: 'Services', icon: 'service' },
  { path: '/console/istio', label: 'Istio Config', icon: 'config' },
];

function typeWords(type: string, count: number): string {
  return `${count} ${{ app: 'application', workload: 'workload', service: 'service' }[type] ?? type}${count === 1 ? '' : 's'}`;
}

/** A card for one namespace. */
export function NamespaceCard({ card, compact }: { readonly card: Card; readonly compact: boolean }): ReactElement {
  const [options] = useOptions();
  return (
    <article className="card" data-namespace={card.namespace.name}>
      <header>
        <KindBadge kind="NS" />
        <h2>{card.namespace.name}</h2>
        {isControlPlane(card.namespace) && <span className="tag">Control plane</span>}
        <span className="grow" />
        <MtlsLock tls={card.tls} where="Namespace" />
      </header>
      <div className="card-line">
        <span>{typeWords(options.overviewType, card.total)}</span>
        <HealthCounts card={card} />
      </div>
      <div className="card-line">
        <span>Istio Config</span>
        <ConfigState card={card} />
      </div>
      {!compact && <Traffic card={card} />}
      <footer>
        <Links namespace={card.namespace.name} />
      </footer>
    </article>
  );
}

function HealthCounts({ card }: { readonly card: Card }): ReactElement {
  const some = STATES.filter((state) => card.counts[state] > 0);
  if (card.total === 0 || some.every((state) => state === 'NA')) return <span className="quiet">N/A</span>;
  return (
    <span className="counts">
      {some.map((state) => (
        <span key={state}>
          <HealthIcon status={state} /> {card.counts[state]}
        </span>
      ))}
    </span>
  );
}

function ConfigState({ card }: { readonly card: Card }): ReactElement {
  const { objects, errors, warnings } = card.config;
  if (objects === 0 && errors === 0) return <span className="quiet">N/A</span>;
  const words = `${objects} objects, ${errors} errors, ${warnings} warnings`;
  return (
    <Tooltip label={words}>
      <span>
        <Link to={pageHref('/console/istio', { namespaces: [card.namespace.name] })} className="counts">
          {errors > 0 ? (
            <Icon name="error" color="var(--danger)" title={words} />
          ) : warnings > 0 ? (
            <Icon name="warning" color="var(--warning)" title={words} />
          ) : (
            <Icon name="check" color="var(--success)" title={words} />
          )}
          {errors + warnings > 0 ? errors + warnings : objects}
        </Link>
      </span>
    </Tooltip>
  );
}

function Traffic({ card }: { readonly card: Card }): ReactElement {
  const [options] = useOptions();
  const last = card.traffic?.requests.at(-1)?.[1] ?? 0;
  return (
    <div className="card-traffic">
      <div>
        {card.traffic?.direction ?? 'Inbound'} traffic, Last {formatSeconds(options.durationSeconds)}
        {card.traffic !== undefined && <b>{trimmed(last)} rps</b>}
      </div>
      {card.traffic === undefined ? (
        <p className="quiet">No traffic</p>
      ) : (
        <Sparkline requests={card.traffic.requests} errors={card.traffic.errors} label={`Requests per second, now ${trimmed(last)}`} />
      )}
    </div>
  );
}

function Links({ namespace }: { readonly namespace: string }): ReactElement {
  return (
    <span className="links">
      {LINKS.map((link) => {
        return (
          <Tooltip key={link.path} label={`Go to ${link.label}`}>
            <span>
              <Link to={pageHref(link.path, { namespaces: [namespace] })} aria-label={`${link.label} of ${namespace}`}>
                <Icon name={link.icon} size={17} />
              </Link>
            </span>
          </Tooltip>
        );
      })}
    </span>
  );
}

/** The same as a table. */
export function NamespaceRows({ cards }: { readonly cards: readonly Card[] }): ReactElement {
  const [options] = useOptions();
  return (
    <div className="table-frame">
      <table className="data-table" data-testid="namespace-rows">
        <thead>
          <tr>
            <th>Namespace</th>
            <th>mTLS</th>
            <th>Health</th>
            <th>Traffic, Last {formatSeconds(options.durationSeconds)}</th>
            <th>Istio Config</th>
            <th>Labels</th>
            <th>Go to</th>
          </tr>
        </thead>
        <tbody>
          {cards.map((card) => (
            <tr key={card.namespace.name}>
              <td>
                <KindBadge kind="NS" /> <b>{card.namespace.name}</b>
              </td>
              <td>
                <MtlsLock tls={card.tls} where="Namespace" />
              </td>
              <td>
                <span className="quiet">{typeWords(options.overviewType, card.total)}</span> <HealthCounts card={card} />
              </td>
              <td>
                {card.traffic === undefined ? <span className="quiet">No traffic</span> : `${trimmed(card.traffic.requests.at(-1)?.[1] ?? 0)} rps`}
              </td>
              <td>
                <ConfigState card={card} />
              </td>
              <td>
                <span className="chips">
                  {Object.entries(card.namespace.labels ?? {}).map(([key, value]) => (
                    <span key={key} className="chip">
                      {key}={value}
                    </span>
                  ))}
                </span>
              </td>
              <td>
                <Links namespace={card.namespace.name} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
