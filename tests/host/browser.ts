// A page in Debian's chromium, without a screen.
import puppeteer, { type Browser, type Page } from 'puppeteer-core';

export interface OpenedPage {
  page: Page;
  /** What the page's console said, its errors, and requests other than the page itself. */
  complaints: string[];
}

/** Root may not use chromium's sandbox; the pages are ours. */
export function startBrowser(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox'],
    headless: true,
    env: process.env as Record<string, string>,
  });
}

/** Opens a file of ours and waits until its figures are drawn. */
export async function openPage(
  browser: Browser,
  path: string,
  { width = 1400, theme = 'light' }: { width?: number; theme?: 'light' | 'dark' } = {},
): Promise<OpenedPage> {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${String(error)}`));
  page.on('request', (request) => {
    if (request.url() !== `file://${path}`) complaints.push(`request: ${request.url()}`);
  });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }]);
  await page.setViewport({ width, height: 900 });
  await page.goto(`file://${path}`);
  await page.waitForSelector('html[data-ready]', { timeout: 20_000 });
  return { page, complaints };
}
