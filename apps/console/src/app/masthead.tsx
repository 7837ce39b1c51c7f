import { ActionIcon, Indicator, Menu, Popover, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useIsFetching, useQuery } from '@tanstack/react-query';
import { useState, type ReactElement } from 'react';
import { getJson } from '../api/fetch.ts';
import { meshTlsQuery, sessionQuery } from '../api/queries.ts';
import { Icon, type IconName } from '../components/icons.tsx';
import { MtlsLock, mtlsState } from '../components/mtls-lock.tsx';
import { clearNotices, markNoticesRead, useNotices, type NoticeKind } from './notices.ts';

/** The first line of every page: the mesh's own state, and what belongs to the person who looks. */
export function Masthead({ onToggleNav }: { readonly onToggleNav: () => void }): ReactElement {
  const fetching = useIsFetching();
  const { data: tls } = useQuery(meshTlsQuery());
  const { data: session } = useQuery(sessionQuery());
  const user = session?.sessionInfo?.username;
  const short = { full: 'Mesh-wide mTLS is enabled', partial: 'mTLS is partial', permissive: 'mTLS is permissive', off: 'mTLS is off', unknown: '' }[
    mtlsState(tls)
  ];
  return (
    <header className="masthead">
      <ActionIcon variant="subtle" color="gray" aria-label="Toggle navigation" onClick={onToggleNav} className="on-dark">
        <Icon name="menu" />
      </ActionIcon>
      <a className="wordmark" href="/console/overview">
        <svg width="26" height="26" viewBox="0 0 32 32" aria-hidden="true">
          <path d="M15 2v21H2.500C4.500 13.500 8.500 6.500 15 2z" fill="#73bcf7" />
          <path d="M17.500 6c6 4.500 9 10 10 17h-10z" fill="#d5e9fb" />
          <path d="M2 25.500h28c-3 4-8 5-14 5s-11-1-14-5z" fill="#8a8d90" />
        </svg>
        meltemi
      </a>
      <span className="grow" />
      {fetching > 0 && <span className="fetching" aria-hidden="true" />}
      <span className="mesh-mtls" data-testid="mesh-mtls">
        <MtlsLock tls={tls} where="Mesh-wide" />
        <span>{short}</span>
      </span>
      <Notifications />
      <HelpMenu />
      <ThemeToggle />
      <Tooltip
        label={
          user === undefined
            ? 'Reading needs no sign-in. To sign in, open the one-time URL that the control plane printed when it started.'
            : 'Signed in: this browser may change the configuration.'
        }
        multiline
        maw={280}
      >
        <span className="who">
          <Icon name="user" size={15} /> {user ?? 'anonymous'}
        </span>
      </Tooltip>
    </header>
  );
}

function ThemeToggle(): ReactElement {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const next = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Tooltip label={`${next === 'dark' ? 'Dark' : 'Light'} theme`}>
      <ActionIcon variant="subtle" color="gray" className="on-dark" aria-label={`Switch to ${next} theme`} onClick={() => setColorScheme(next)}>
        <Icon name={scheme === 'dark' ? 'sun' : 'moon'} />
      </ActionIcon>
    </Tooltip>
  );
}

const NOTICE_ICONS: Readonly<Record<NoticeKind, readonly [IconName, string]>> = {
  danger: ['error', 'var(--danger)'],
  warning: ['warning', 'var(--warning)'],
  success: ['check', 'var(--success)'],
  info: ['unknown', 'var(--info)'],
};

function Notifications(): ReactElement {
  const notices = useNotices();
  const unread = notices.filter((one) => !one.read).length;
  return (
    <Popover position="bottom-end" shadow="md" width={360} onClose={markNoticesRead}>
      <Popover.Target>
        <Indicator label={unread} size={15} disabled={unread === 0} color="red" offset={4}>
          <ActionIcon variant="subtle" color="gray" className="on-dark" aria-label={`Notifications, ${unread} unread`}>
            <Icon name="bell" />
          </ActionIcon>
        </Indicator>
      </Popover.Target>
      <Popover.Dropdown>
        <div className="notices-head">
          <b>Notifications</b>
          <button type="button" className="link" onClick={clearNotices}>
            Clear all
          </button>
        </div>
        {notices.length === 0 && <p className="quiet">Nothing happened.</p>}
        <ul className="notices" aria-live="polite">
          {notices.map((notice) => {
            const [icon, color] = NOTICE_ICONS[notice.kind];
            return (
              <li key={notice.kind + notice.text} data-unread={!notice.read}>
                <Icon name={icon} color={color} title={notice.kind} />
                <div>
                  {notice.text}
                  <small>
                    {new Date(notice.atMs).toLocaleTimeString()}
                    {notice.count > 1 ? ` · ${notice.count} times` : ''}
                  </small>
                </div>
              </li>
            );
          })}
        </ul>
      </Popover.Dropdown>
    </Popover>
  );
}

interface StatusAnswer {
  readonly status?: Readonly<Record<string, string>>;
}

function HelpMenu(): ReactElement {
  const [open, setOpen] = useState(false);
  const { data } = useQuery({
    queryKey: ['status'],
    queryFn: ({ signal }) => getJson<StatusAnswer>('/api/status', signal),
    enabled: open,
    retry: false,
    staleTime: 60_000,
  });
  const versions = Object.entries(data?.status ?? {}).filter(([, value]) => typeof value === 'string' && value !== '');
  return (
    <Menu position="bottom-end" shadow="md" opened={open} onChange={setOpen} width={300}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" className="on-dark" aria-label="Help">
          <Icon name="question" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>About</Menu.Label>
        <div className="about">
          {versions.length === 0 && <p className="quiet">Meltemi, a service mesh in TypeScript.</p>}
          {versions.map(([name, value]) => (
            <p key={name}>
              <span>{name}</span> <b>{value}</b>
            </p>
          ))}
        </div>
        <Menu.Divider />
        <Menu.Label>APIs of this server</Menu.Label>
        <Menu.Item component="a" href="/api/status" target="_blank">
          Kiali shapes: /api
        </Menu.Item>
        <Menu.Item component="a" href="/prometheus/api/v1/labels" target="_blank">
          Prometheus: /prometheus/api/v1
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
