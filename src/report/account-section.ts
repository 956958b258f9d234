import type { Fates } from '../figures/account.js';
import type { Summary } from '../figures/summary-schema.js';
import * as format from './format.js';
import type { Page } from './page.js';
import { printable } from './printable.js';
import { layOut } from './table.js';

type Account = NonNullable<Summary['account']>;

const rowsShown = 5;

/** What became of every byte that was read of the model. */
export function accountSection(page: Page, { account, model }: Summary): void {
  if (!account) return;
  page.section(
    'What became of the bytes read',
    'each page by its first use, from when it was read until it was evicted',
  );
  page.figure(format.size(account.bytes), 'read into the page cache', pastTheCache(account, model));
  if (account.bytes > 0) fates(page, account);
  if (account.lostEvents > 0)
    page.remark(`${format.counted(account.lostEvents, 'event')} got lost: these figures are NOT exact.`);
  for (const line of tables(page, account)) page.line(line);
}

function fates(page: Page, account: Account): void {
  const share = (bytes: number) => format.percent(bytes / account.bytes);
  page.figure(format.size(account.usedBytes), 'used', share(account.usedBytes));
  page.figure(
    format.size(account.usedAgainBytes),
    'of these read again',
    'used before, evicted, and read again',
  );
  page.figure(
    format.size(account.usedLaterBytes),
    'evicted unused, used later',
    `${share(account.usedLaterBytes)}; read too early, and read again`,
  );
  page.figure(
    format.size(account.neverUsedBytes),
    'evicted unused',
    `${share(account.neverUsedBytes)}; read in vain`,
  );
  page.figure(
    format.size(account.stillCachedBytes),
    'cached unused at the end',
    share(account.stillCachedBytes),
  );
  if (account.unseenBytes > 0)
    page.remark(
      `Of the unused, ${format.size(account.unseenBytes)} were mapped together with a page that was used: whether they were used as well cannot be seen.`,
    );
}

/** What the block trace has beside it: reads that went past the page cache. */
function pastTheCache({ bytes }: Account, model: Summary['model']): string {
  const past = (model?.readBytes ?? bytes) - bytes;
  if (past === 0 && bytes === 0) return 'what was used of it was cached before';
  if (past === 0) return 'all that was traced of it';
  return past > 0
    ? `${format.size(past)} more were traced: read past the page cache, or on their way when it began`
    : `${format.size(-past)} more than were traced: their reads had not completed at the end`;
}

const columns: { name: string; key: keyof Fates }[] = [
  { name: 'read', key: 'bytes' },
  { name: 'used', key: 'usedBytes' },
  { name: 'used later', key: 'usedLaterBytes' },
  { name: 'never used', key: 'neverUsedBytes' },
  { name: 'still cached', key: 'stillCachedBytes' },
];

/** By phase, and by the roles of which most was read in vain. */
function tables(page: Page, { phases, roles }: Account): string[] {
  const rowOf = (name: string, fates: Fates) => [
    printable(name),
    ...columns.map(({ key }) => format.size(fates[key])),
  ];
  const byPhase = Object.entries(phases ?? {}).flatMap(([name, fates]) =>
    fates && fates.bytes > 0 ? [rowOf(name, fates)] : [],
  );
  const byRole = (roles ?? [])
    .toSorted((a, b) => b.bytes - b.usedBytes - (a.bytes - a.usedBytes))
    .slice(0, rowsShown)
    .map((role) => rowOf(role.name, role));
  const rows = [...byPhase, ...byRole];
  if (rows.length === 0) return [];
  const look = { style: page.style, columns: page.columns, gap: 2, indent: 2, longNames: 'above' } as const;
  return layOut([['', ...columns.map(({ name }) => name)], ...rows], look)
    .trimEnd()
    .split('\n');
}
