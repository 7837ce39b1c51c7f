import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import type { ObjectDetails } from '../../api/kiali.ts';
import { objectQuery, problemsQuery } from '../../api/queries.ts';
import { Facts } from '../../components/facts.tsx';
import { Icon } from '../../components/icons.tsx';
import { KindBadge, kindBadge } from '../../components/kind-badge.tsx';
import { Link } from '../../components/link.tsx';
import { Failed, Loading } from '../../components/states.tsx';
import { pageHref } from '../../url/router.ts';
import { Messages, STATE_LOOK, StateIcon } from './messages.tsx';
import { objectMessages, stateOf, type Message } from './model.ts';
import { objectPath, type ObjectId } from './object-path.ts';
import { yamlLines, type YamlLine } from './yaml-lines.ts';

/** One configuration object: its YAML as the control plane holds it, and what is wrong on which line. */
export function ObjectView({ id }: { readonly id: ObjectId }): ReactElement {
  const { data, error, refetch } = useQuery(objectQuery(objectPath(id)));
  const { data: problems = [] } = useQuery(problemsQuery());
  const messages = data === undefined ? [] : objectMessages(id, data.validation, problems);
  const list = pageHref('/console/istio', { namespaces: [id.namespace] });
  return (
    <>
      <nav className="breadcrumb" aria-label="Breadcrumb">
        <Link to={pageHref('/console/istio')}>Istio Config</Link> <i>/</i> <Link to={list}>Namespace: {id.namespace}</Link> <i>/</i>{' '}
        <Link to={pageHref('/console/istio', { namespaces: [id.namespace], filters: `type:${id.kind}` })}>{id.kind}</Link> <i>/</i>{' '}
        <span aria-current="page">{id.name}</span>
      </nav>
      <h1 className="object-title">
        <KindBadge kind={kindBadge(id.kind)} /> {id.name}
      </h1>
      {data === undefined && error === null && <Loading />}
      {data === undefined && error !== null && <Failed error={error} retry={() => void refetch()} />}
      {data !== undefined && (
        <div className="object-body">
          <Yaml lines={yamlLines(data.resource, messages)} />
          <Overview id={id} details={data} messages={messages} />
        </div>
      )}
    </>
  );
}

function Yaml({ lines }: { readonly lines: readonly YamlLine[] }): ReactElement {
  return (
    <section className="yaml" aria-label="YAML" tabIndex={0}>
      <ol data-testid="yaml">
        {lines.map((line, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- a line's number is its identity
          <Line key={index} line={line} />
        ))}
      </ol>
    </section>
  );
}

function Line({ line }: { readonly line: YamlLine }): ReactElement {
  const [first] = line.messages;
  if (first === undefined) return <li>{highlighted(line.text)}</li>;
  const severity = line.messages.some((one) => one.severity === 'error') ? 'error' : first.severity;
  const [icon, color] = STATE_LOOK[severity === 'error' ? 'Not Valid' : severity === 'warning' ? 'Warning' : 'N/A'];
  return (
    <li data-severity={severity}>
      {highlighted(line.text)}
      <small>
        <Icon name={icon} color={color} size={13} title={severity} /> {line.messages.map((one) => `${one.code} ${one.text}`).join(' · ')}
      </small>
    </li>
  );
}

/** The key of a line stands out from its value. */
function highlighted(text: string): ReactElement {
  const match = /^(\s*(?:- )*)([^\s:'"][^:]*:)(\s.*|$)/.exec(text);
  if (match === null) return <code>{text === '' ? ' ' : text}</code>;
  const [, indent, key, value] = match;
  return (
    <code>
      {indent}
      <b>{key}</b>
      {value}
    </code>
  );
}

interface OverviewProps {
  readonly id: ObjectId;
  readonly details: ObjectDetails;
  readonly messages: readonly Message[];
}

function Overview({ id, details, messages }: OverviewProps): ReactElement {
  const { metadata } = details.resource;
  const origin = details.validation?.origin;
  const state = stateOf(messages, details.validation?.valid ?? true);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['Namespace', id.namespace],
    ['API version', details.resource.apiVersion],
    ['Created', metadata.creationTimestamp === undefined ? undefined : new Date(metadata.creationTimestamp).toLocaleString()],
    ['Resource version', metadata.resourceVersion],
    ['Defined in', origin === undefined ? undefined : `${origin.file}${origin.line === undefined ? '' : `:${origin.line}`}`],
  ];
  return (
    <aside className="object-facts" aria-label="Overview">
      <h2>
        <StateIcon state={state} /> {state}
      </h2>
      <Facts rows={rows} />
      {messages.length > 0 && (
        <>
          <h3>
            {messages.length} {messages.length === 1 ? 'Message' : 'Messages'}
          </h3>
          <Messages messages={messages} />
        </>
      )}
    </aside>
  );
}
