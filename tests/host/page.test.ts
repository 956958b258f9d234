import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inflateSync } from 'node:zlib';
import type { Browser } from 'puppeteer-core';
import { listed, valueAt } from '../../src/figures/figure.js';
import { runFigures } from '../../src/figures/figures.js';
import { synthesizeModel } from '../../src/model/synthesize.js';
import { runData } from '../../src/page/run-data.js';
import { runPage } from '../../src/page/run-page.js';
import { fieldsOf } from '../../src/plot/access-fields.js';
import { makers } from '../../src/plot/figures-of.js';
import { plotKinds } from '../../src/plot/kinds.js';
import { openRun, type Run } from '../../src/store/open-run.js';
import { writeStoredRun } from '../unit/store/stored-run.js';
import { openPage, startBrowser } from './browser.js';
import { blkscope } from './command-line.js';

const root = new URL('../..', import.meta.url).pathname;
const MiB = 2 ** 20;

let folder: string;
let browser: Browser;

before(async () => {
  folder = mkdtempSync(join(root, 'build', 'page-'));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A real run under pressure. */
async function made(
  name: string,
  model: Parameters<typeof synthesizeModel>[1],
  limit: string,
  path = join(folder, `${name}.gguf`),
  ...more: string[]
): Promise<Run> {
  if (!existsSync(path)) await synthesizeModel(path, model);
  const output = join(folder, name);
  const options = ['--limit', limit, '--readahead', '128', '--llama', 'embedded', '-n', '8', '--mount'];
  const { exitCode, stderr } = await blkscope(['run', '--model', path, ...options, ...more, '-o', output]);
  assert.equal(exitCode, 0, stderr);
  return openRun(output);
}

const shapes = {
  dense: {
    model: { preset: 'demo', bytes: 160e6 },
    limit: '190M',
    figures: [
      'access',
      'timeline',
      'residency',
      'cumulative',
      'token-time',
      'heat',
      'times-read',
      'gaps',
      'latency',
      'sizes',
      'fragments',
    ],
  },
  mixture: {
    model: { preset: 'gpt-oss-1b', layers: 2 },
    limit: '260M',
    figures: [
      'access',
      'timeline',
      'residency',
      'cumulative',
      'token-time',
      'heat',
      'experts',
      'times-read',
      'gaps',
      'latency',
      'sizes',
      'fragments',
    ],
  },
} as const;

for (const [name, { model, limit, figures }] of Object.entries(shapes)) {
  test(`the page of a real run: ${name}`, async (t) => {
    await using run = await made(name, model, limit);
    const file = join(folder, `${name}.html`);
    const written = await blkscope(['report', run.path, '--html', file]);
    assert.equal(written.exitCode, 0, written.stderr);
    assert.ok(readFileSync(file).length < 2 * MiB);
    assert.ok(
      !readFileSync(file, 'utf8').includes('\ufffd'),
      'no text of ours is taken for control characters',
    );
    const { page, complaints } = await openPage(browser, file);

    await t.test('every figure is drawn with data', async () => {
      const drawn = await page.$$eval('main section', (sections) =>
        sections.map((section) => ({
          id: section.id,
          marks:
            section.querySelectorAll('svg :is(path, rect, circle, line.line)').length +
            Number(section.querySelector('canvas')?.dataset.painted ?? 0),
        })),
      );
      assert.deepEqual(
        drawn.map(({ id }) => id),
        figures,
      );
      for (const { id, marks } of drawn) assert.ok(marks > 0, `${id} is empty`);
    });

    await t.test('numbers are those of summary.json', async () => {
      const numbers = await page.$$eval('[data-key]', (boxes) =>
        boxes.map((box) => [box.getAttribute('data-key'), Number(box.getAttribute('data-value'))] as const),
      );
      assert.ok(numbers.length >= 8);
      for (const [key, value] of numbers) assert.equal(value, valueAt(run.summary, `${key}`), `${key}`);
      const rows = await page.$$eval('#config table tr', (lines) =>
        lines.map((line) => line.querySelector('td')?.textContent),
      );
      const known = listed(runFigures).filter(({ key }) => typeof valueAt(run.summary, key) === 'number');
      assert.deepEqual(
        rows,
        known.map(({ key }) => key),
      );
    });

    await t.test('switches, zoom and keys work', async () => {
      const key = () => page.$eval('#access .key', (element) => element.textContent);
      const axis = () => page.$eval('#access svg', (element) => element.textContent);
      const settled = () =>
        page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      const byRole = await key();
      await page.click('input[value=times]');
      await settled();
      assert.notEqual(await key(), byRole);
      await page.click('input[value=disk]');
      await settled();
      assert.ok(Number(await page.$eval('#access canvas', (canvas) => canvas.dataset.painted)) > 0);
      await page.click('input[value=file]');
      await page.click('input[value=role]');
      const whole = await axis();
      await page.select('#zoom-to', 'token 2');
      await settled();
      const token = await axis();
      assert.notEqual(token, whole);
      await page.focus('#access canvas');
      await page.keyboard.press('+');
      await settled();
      assert.notEqual(await axis(), token);
      await page.keyboard.press('0');
      await settled();
      assert.equal(await axis(), whole);
    });

    await t.test("what hovering says is SQL's answer", async () => {
      const connection = await run.connect();
      const [row] = (
        await connection.runAndReadAll(`
          SELECT t.name, t."fileOffset"::DOUBLE, t.bytes::DOUBLE, r.reads::INTEGER, r."firstNs"::DOUBLE
          FROM region r JOIN tensor t USING (name) WHERE r.kind = 'tensor' AND t.expert IS NULL AND r."firstNs" IS NOT NULL
          ORDER BY t.bytes DESC LIMIT 1`)
      ).getRows() as [string, number, number, number, number][];
      connection.closeSync();
      const [tensor, offset, bytes, reads, firstNs] = row as [string, number, number, number, number];
      const data = await runData(run, 'x');
      const place = (offset + bytes / 2) / ((data.access?.byFile.sectors ?? 0) * 512);
      const share = (firstNs - run.summary.startNs) / 1e9 / data.seconds;
      const canvas = await page.$('#access canvas');
      await canvas?.scrollIntoView();
      const box = await canvas?.boundingBox();
      assert.ok(box);
      await page.mouse.move(box.x + share * box.width, box.y + (1 - place) * box.height);
      const told = `${await page.$eval('#access .readout', (element) => element.textContent)}`;
      assert.ok(told.includes(tensor), told);
      assert.ok(told.includes(` in ${reads.toLocaleString('en-US')} reads`), `${reads} reads: ${told}`);
    });

    await t.test('no complaint, no request, and it fits at every width, light and dark', async () => {
      for (const width of [360, 800, 1400, 1600]) {
        for (const theme of ['light', 'dark'] as const) {
          const opened = await openPage(browser, file, { width, theme });
          const { scrollWidth: needed, clientWidth: given } = await opened.page.$eval('html', (html) => ({
            scrollWidth: html.scrollWidth,
            clientWidth: html.clientWidth,
          }));
          assert.ok(needed <= given, `${width}: ${needed}`);
          assert.deepEqual(opened.complaints, []);
          await opened.page.close();
        }
      }
      assert.deepEqual(complaints, []);
    });

    await t.test('cells and pixels equal a count read by read', async () => equalsBruteForce(run));

    await t.test("what each figure shows is SQL's answer", async () => equalsSql(run));

    await t.test('the table below each figure has its data', async () => {
      const data = await runData(run, run.path.split('/').at(-1) as string);
      for (const kind of figures) {
        const { columns, rows } = makers[kind]?.([data])?.table() ?? { columns: [], rows: [] };
        await page.$eval(`#${kind} details`, (details) => {
          details.open = true;
        });
        await page.waitForSelector(`#${kind} table`);
        const cells = await page.$$eval(`#${kind} tr`, (lines) =>
          lines.slice(0, 4).map((line) => [...line.children].map((cell) => cell.textContent)),
        );
        const told = (row: readonly unknown[]) => row.map((value) => (value === null ? '' : String(value)));
        assert.deepEqual(cells, [columns, ...rows.slice(0, 3)].map(told), kind);
        assert.ok(rows.length > 0, kind);
      }
    });
  });
}

/** Every read of the store, put into pixels by itself. */
async function equalsBruteForce(run: Run): Promise<void> {
  const data = await runData(run, 'x');
  const grid = data.access?.byFile;
  assert.ok(grid);
  const [width, height] = [grid.times / 32, grid.places / 4];
  const view = { from: 0, to: data.seconds, low: 0, high: 1 };
  // A field for each pixel: no cell is larger than one.
  const pixels = fieldsOf(grid, data.seconds, view, width, height);
  assert.deepEqual([pixels.across.count, pixels.up.count], [width, height]);
  const expected = { all: new Float64Array(width * height), reads: new Float64Array(width * height) };
  const connection = await run.connect();
  const rows = (
    await connection.runAndReadAll(`FROM completed WHERE direction = 'read' ORDER BY time`)
  ).getRowObjectsJS() as { time: bigint; sector: bigint; sectors: number }[];
  connection.closeSync();
  const span = run.summary.endNs - run.summary.startNs;
  for (const { time, sector, sectors } of rows) {
    const column = Math.floor(
      Math.min(Math.floor(((Number(time) - run.summary.startNs) / span) * grid.times), grid.times - 1) / 32,
    );
    let begins = true;
    for (let at = Number(sector); at < Number(sector) + sectors; at++) {
      const extent = data.extents.find(({ sector: from, bytes }) => at >= from && at < from + bytes / 512);
      if (!extent) continue;
      const inFile = extent.offset / 512 + at - extent.sector;
      const pixel = Math.floor((inFile * grid.places) / grid.sectors / 4) * width + column;
      expected.all[pixel] = (expected.all[pixel] as number) + 1;
      if (begins) expected.reads[pixel] = (expected.reads[pixel] as number) + 1;
      begins = false;
    }
  }
  const all = pixels.first.map(
    (first, i) => first + (pixels.second[i] as number) + (pixels.later[i] as number),
  );
  assert.deepEqual(all, expected.all);
  assert.deepEqual(pixels.reads, expected.reads);
  const unique = pixels.first.reduce((sum, sectors) => sum + sectors, 0);
  const beyond = unique * 512 - (run.summary.model?.uniqueBytes ?? 0);
  assert.ok(
    beyond >= 0 && beyond < 4096,
    `first readings are the unique bytes, and the rest of the last page: ${beyond}`,
  );
}

/** The data of every figure against queries of the store that were written for this. */
async function equalsSql(run: Run): Promise<void> {
  const { summary } = run;
  const data = await runData(run, 'x');
  const connection = await run.connect();
  const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJS() as number[][];
  const one = async (sql: string) => Number((await rows(sql))[0]?.[0]);
  const table = (kind: string) => makers[kind]?.([data])?.table().rows ?? [];
  const sumOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

  const bytes = 'sum(sectors)::DOUBLE * 512';
  assert.equal(
    sumOf(data.timeline.read),
    await one(`SELECT ${bytes} FROM completed WHERE direction = 'read'`),
  );
  assert.equal(
    sumOf(data.timeline.write),
    (await one(`SELECT ${bytes} FROM completed WHERE direction = 'write'`)) || 0,
  );

  const last = table('cumulative').at(-1) ?? [];
  // By sectors: a read of the file's last one has a few bytes beyond its end.
  const ends =
    await one(`SELECT count(*)::DOUBLE FROM completed c, (SELECT sector, sectors FROM extent ORDER BY "fileOffset" DESC LIMIT 1) e
    WHERE direction = 'read' AND c.sector < e.sector + e.sectors AND c.sector + c.sectors > e.sector`);
  const beyond = Number(last[2]) - (summary.model?.readBytes ?? 0);
  assert.ok(beyond >= 0 && beyond <= 512 * ends, `${beyond} of ${ends} reads`);
  const wholes = await rows(
    `SELECT name, "readBytes"::DOUBLE, reads::INTEGER FROM region WHERE kind = 'tensor' ORDER BY name`,
  );
  const byName = new Map(wholes.map(([name, ...figures]) => [String(name), figures]));
  for (const { name, expert, role, readBytes, reads } of data.regions)
    if (expert === null && role !== 'padding' && role !== 'metadata')
      assert.deepEqual([readBytes, reads], byName.get(name), name);

  const looks = await rows(
    `SELECT time::DOUBLE, sum("cachedBytes")::DOUBLE FROM residency GROUP BY time ORDER BY time`,
  );
  const [before, after] = [looks[0] as number[], looks.at(-1) as number[]];
  const moments = data.residency?.moments ?? [];
  assert.deepEqual(
    [moments[0], moments.at(-1)].map((moment) => sumOf(moment?.cached ?? [])),
    [before[1], after[1]],
  );
  assert.ok(moments.length > 2 && looks.length >= moments.length);
  assert.equal(before[1], 0, 'a cold start');
  // The pages that two tensors share count for both.
  const shared = 4096 * (data.residency?.parts.length ?? 0);
  assert.ok(Math.abs((after[1] as number) - (summary.memory.modelCachedAfter ?? 0)) <= shared);
  const byTensor =
    await rows(`SELECT t.name, r."cachedBytes"::DOUBLE, r.bytes::DOUBLE FROM residency r JOIN tensor t USING (file, "fileOffset")
    WHERE r.time = (SELECT max(time) FROM residency) ORDER BY "fileOffset"`);
  assert.deepEqual(
    data.residency?.parts.map(({ bytes: size }, i) => [moments.at(-1)?.cached[i], size]),
    byTensor.map(([, cached, size]) => [cached, size]),
  );

  const generated = `FROM touch JOIN tensor t USING (file, "fileOffset") WHERE source = 'trace' AND phase = 'generation' AND token IS NOT NULL`;
  const layer = `CASE WHEN layer IS NULL THEN 'outside' ELSE 'layer ' || layer END`;
  const touched = await rows(`SELECT ${layer}, token, sum(touch.bytes)::DOUBLE ${generated} GROUP BY ALL`);
  const heat = new Map(table('heat').map(([row, token, value]) => [`${row} ${token}`, value]));
  for (const [row, token, value] of touched) assert.equal(heat.get(`${row} ${token}`), value);
  assert.equal(sumOf([...heat.values()].map(Number)), sumOf(touched.map(([, , value]) => value as number)));
  const uses = await rows(
    `SELECT ${layer}, expert, count(DISTINCT token)::DOUBLE ${generated} AND expert IS NOT NULL GROUP BY ALL`,
  );
  const experts = table('experts').filter(([, , tokens]) => tokens !== 0);
  assert.equal(experts.length, uses.length);
  const byExpert = new Map(experts.map(([row, expert, tokens]) => [`${row} ${expert}`, tokens]));
  for (const [row, expert, tokens] of uses) assert.equal(byExpert.get(`${row} ${expert}`), tokens);

  const byToken = await rows(`SELECT token, sum(touch.bytes)::DOUBLE ${generated} GROUP BY ALL`);
  const times = table('token-time');
  const readFor = new Map(times.map((row) => [row[0], row.at(-1)]));
  for (const [token, read] of byToken) assert.equal(readFor.get(token as number), read);
  const marks = await rows('SELECT time::DOUBLE FROM token ORDER BY time');
  const seen = marks.map(([time]) => ((time as number) - summary.startNs) / 1e9);
  for (const [token = 0, ...parts] of times as number[][]) {
    const took = sumOf(parts.slice(0, -1));
    const [from, to] = data.tokens.slice(token - data.firstToken).slice(0, 2) as [number, number];
    assert.ok(Math.abs(took - (to - from)) < 1e-6, `token ${token}`);
    assert.ok(Math.abs((seen[token] as number) - to) < 1e-6, `token ${token}`);
  }

  const often = new Map<number, number>(
    (
      await rows(`WITH read AS (
        SELECT unnest(generate_series(greatest(c.sector, e.sector)::BIGINT, least(c.sector + c.sectors, e.sector + e.sectors)::BIGINT - 1)) AS s
        FROM completed c JOIN extent e ON c.sector < e.sector + e.sectors AND e.sector < c.sector + c.sectors WHERE direction = 'read')
        SELECT times::INTEGER, 512 * count(*)::DOUBLE FROM (SELECT s, count(*) AS times FROM read GROUP BY s) GROUP BY times`)
    ).map(([n, size]) => [n as number, size as number]),
  );
  data.timesRead?.times.forEach((n, i) => {
    // Told by whole pages: the file's last one reaches beyond its end.
    if (n > 0)
      assert.ok(Math.abs((data.timesRead?.bytes[i] ?? 0) - (often.get(n) ?? 0)) < 4096, `${n} times`);
  });

  const p50 = await one(`SELECT p50::DOUBLE FROM latency WHERE direction = 'read' AND span = 'd2c'`);
  const { ns = [], share = [] } = data.latency?.cdf ?? {};
  const median = ns[share.findIndex((part) => part >= 0.5)] as number;
  assert.ok(median >= p50 && median <= p50 * 2 ** (1 / 16) + 1, `${median} ${p50}`);

  const gaps = await rows(
    `SELECT class, count(*)::INTEGER FROM gap WHERE direction = 'read' AND device = (SELECT number FROM device ORDER BY rowid LIMIT 1) GROUP BY class`,
  ).catch(() => rows(`SELECT class, count(*)::INTEGER FROM gap WHERE direction = 'read' GROUP BY class`));
  const issued = data.gaps.find(({ order }) => order === 'as the disk got them')?.counts ?? {};
  for (const [kind, count] of gaps) assert.equal(issued[String(kind)], count, String(kind));

  const sizes = await rows(
    `SELECT (512 * sectors)::INTEGER, count(*)::INTEGER FROM completed WHERE direction = 'read' GROUP BY ALL ORDER BY ALL`,
  );
  const counted = data.sizes.find(({ phase }) => phase === 'all')?.counts ?? {};
  assert.deepEqual(
    Object.entries(counted).map(([size, count]) => [Number(size), count]),
    sizes,
  );

  const pieces = await rows(
    `SELECT "fileOffset"::DOUBLE, sector::DOUBLE,
            512 * least(sectors, ceil(((SELECT max("fileOffset" + bytes) FROM tensor) - "fileOffset") / 512))::DOUBLE
     FROM extent ORDER BY file, "fileOffset"`,
  );
  assert.deepEqual(table('fragments'), pieces);
  connection.closeSync();
}

test('runs side by side: a page, and figures as files with their data', async () => {
  const [dense, mixture] = [join(folder, 'dense'), join(folder, 'mixture')];
  const { model } = shapes.dense;
  await using tighter = await made('tight', model, '175M', join(folder, 'dense.gguf'));
  const tight = tighter.path;
  const ofMixture = [shapes.mixture.model, shapes.mixture.limit, join(folder, 'mixture.gguf')] as const;
  await using watched = await made('watched', ...ofMixture, '--touches');
  const file = join(folder, 'compared.html');
  const compared = await blkscope(['compare', dense, tight, mixture, '--html', file]);
  assert.equal(compared.exitCode, 0, compared.stderr);
  const { page, complaints } = await openPage(browser, file);
  const ids = await page.$$eval('main section', (sections) => sections.map(({ id }) => id));
  for (const id of ['cliff', 'foreseen', 'cumulative', 'latency', 'sizes', 'gaps', 'access', 'timeline'])
    assert.ok(ids.includes(id), id);
  assert.ok((await page.$$('header td.differs')).length > 5, 'differences are marked');
  assert.ok(
    !readFileSync(file, 'utf8').includes('\ufffd'),
    'no text of ours is taken for control characters',
  );
  await narrowTable(file);
  assert.deepEqual(complaints, []);
  for (const kind of plotKinds) {
    const svg = join(folder, `${kind}.svg`);
    const alone = kind === 'curve' ? watched.path : mixture;
    const runs = kind === 'cliff' || kind === 'foreseen' ? [dense, tight] : [alone];
    const { exitCode, stderr, stdout } = await blkscope(['plot', ...runs, '--kind', kind, '-o', svg]);
    assert.equal(exitCode, 0, `${kind}: ${stderr}`);
    assert.equal(stdout, `${svg}\n${svg.replace('.svg', '.csv')}\n`);
    const rows = readFileSync(svg.replace('.svg', '.csv'), 'utf8').trim().split('\n');
    assert.ok(rows.length > 1, `${kind}: ${rows[0]}`);
    const opened = await browser.newPage();
    await opened.goto(`file://${svg}`);
    const [width, marks, failed] = await opened.$eval('svg', (root) => [
      root.getAttribute('width'),
      root.querySelectorAll('path, rect, circle, line.line').length,
      root.querySelectorAll('parsererror').length,
    ]);
    assert.deepEqual([width, failed], ['85mm', 0], kind);
    assert.ok(Number(marks) > 0, kind);
    assert.doesNotMatch(readFileSync(svg, 'utf8'), /var\(|NaN|undefined/, kind);
    await opened.close();
  }
  await picturesOf(dense);
  const refused = await blkscope(['plot', dense, mixture, '--kind', 'heat', '-o', join(folder, 'two.svg')]);
  assert.equal(refused.exitCode, 2);
  assert.match(refused.stderr, /--kind heat shows one run/);
});

/** On a telephone the names of figures are still words, and stay when the table is moved. */
async function narrowTable(file: string): Promise<void> {
  const { page } = await openPage(browser, file, { width: 360 });
  const [widest, heights] = await page.$$eval('header tr td:first-child', (cells) => [
    Math.max(...cells.map((cell) => cell.getBoundingClientRect().width)),
    Math.max(...cells.map((cell) => cell.getBoundingClientRect().height)),
  ]);
  assert.ok(Number(widest) > 90 && Number(heights) < 70, `${widest} x ${heights}`);
  await page.close();
}

/** A figure as PNG and as PDF: of the size that was asked for, with its text. */
async function picturesOf(run: string): Promise<void> {
  const [png, pdf] = [join(folder, 'picture.png'), join(folder, 'picture.pdf')];
  for (const file of [png, pdf]) {
    const { exitCode, stderr } = await blkscope([
      'plot',
      run,
      '--kind',
      'latency',
      '--width',
      '100',
      '-o',
      file,
    ]);
    assert.equal(exitCode, 0, stderr);
    rmSync(file.replace(/png|pdf/, 'csv'));
  }
  const pixels = readFileSync(png);
  assert.equal(pixels.toString('latin1', 1, 4), 'PNG');
  assert.ok(Math.abs(pixels.readUInt32BE(16) - (100 / 25.4) * 300) < 3, '300 dots an inch');
  const document = readFileSync(pdf, 'latin1');
  assert.match(document, /^%PDF-1\.\d/);
  const [, width] = /MediaBox \[0 0 ([\d.]+) /.exec(document) ?? [];
  assert.ok(Math.abs(Number(width) - (100 / 25.4) * 72) < 0.1, `${width} points`);
  assert.match(document, /\/BaseFont \/Helvetica/);
  const drawn = readFileSync(pdf);
  const from = drawn.indexOf('stream\n') + 7;
  const strokes = inflateSync(drawn.subarray(from, drawn.indexOf('endstream', from))).toString();
  assert.match(strokes, /^0 0\.447\d* 0\.698\d* SCN/m, 'lines have their colours');
}

test('names of others are shown and never run', async () => {
  const path = join(folder, 'evil');
  await writeStoredRun(path, [{ time: 600, sector: 1000, sectors: 8 }], 8);
  const evil =
    '</script><script>window.ran = 1</script><img src=x onerror="window.ran = 1">\x1b[31m\nname\u202e\u2028';
  const summary = JSON.parse(readFileSync(join(path, 'summary.json'), 'utf8'));
  summary.workload.engine = evil;
  summary.source.device = evil;
  writeFileSync(join(path, 'summary.json'), JSON.stringify(summary));
  const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'));
  writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, commandLine: ['blkscope', evil] }));
  await using run = await openRun(path);
  const file = join(folder, 'evil.html');
  writeFileSync(file, await runPage(run, evil));
  const { page, complaints } = await openPage(browser, file);
  assert.equal(await page.evaluate('window.ran'), undefined);
  assert.match(`${await page.$eval('h1', (element) => element.textContent)}`, /<img src=x onerror=/);
  assert.match(
    `${await page.$eval('#config pre', (element) => element.textContent)}`,
    /<script>window\.ran = 1<\/script>/,
  );
  const words = `${await page.evaluate('document.body.textContent')}`;
  for (const unseen of ['\x1b', '\u202e', '\u2028']) assert.ok(!words.includes(unseen));
  const made = `${await page.$eval('#config details pre', (element) => element.textContent)}`;
  assert.match(made, /^{\n {2}"kind": /, 'options stand line by line');
  assert.deepEqual(complaints, []);
});
