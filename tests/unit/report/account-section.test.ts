import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Summary } from '../../../src/figures/summary-schema.js';
import { accountSection } from '../../../src/report/account-section.js';
import { Page } from '../../../src/report/page.js';
import { plainScreen } from '../../../src/report/screen.js';
import { summaryFixture } from '../figures/summary-fixture.js';

const none = {
  ...{ bytes: 0, usedBytes: 0, usedLaterBytes: 0, neverUsedBytes: 0, stillCachedBytes: 0 },
  ...{ usedAgainBytes: 0, unseenBytes: 0 },
};

function shown(account: Partial<NonNullable<Summary['account']>>): string {
  const page = new Page(plainScreen.style, 100, false);
  accountSection(
    page,
    summaryFixture(1, (summary) => {
      summary.account = {
        ...none,
        lostEvents: 0,
        phases: null,
        roles: [],
        ...account,
      } as typeof summary.account;
    }),
  );
  return `${page}`;
}

test('each fate is shown with its share of what was read', () => {
  const text = shown({ bytes: 1000, usedBytes: 700, usedLaterBytes: 200, neverUsedBytes: 100 });
  assert.match(text, /used +70\.0 %/);
  assert.match(text, /evicted unused, used later +20\.0 %; read too early, and read again/);
  assert.match(text, /evicted unused +10\.0 %; read in vain/);
});

test('where nothing was read, no fate is told', () => {
  const text = shown({});
  assert.match(text, /0 B +read into the page cache/);
  assert.doesNotMatch(text, /too early|in vain|NaN/);
  assert.match(shown({ lostEvents: 3 }), /3 events got lost/);
});
