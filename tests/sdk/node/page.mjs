// Opens the pages of reports in headless Chromium: does each read without a script, in the dark and on
// a telephone, with nothing fetched and nothing hidden? SDKS names the folder that puppeteer-core is
// installed in, TAGSPACE the program, CHROMIUM the browser.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.resolve(process.env.SDKS, 'sdks.cjs'));
const puppeteer = require('puppeteer-core');

const folder = mkdtempSync(path.join(tmpdir(), 'tagspace-page-'));
const ok = (what) => console.log(`ok ${what}`);

/** Runs the program within the folder. */
function ran(words, status = 0) {
  let found = 0;
  const options = { cwd: folder, stdio: 'pipe' };
  try {
    execFileSync(path.resolve(process.env.TAGSPACE), words, options);
  } catch (error) {
    found = error.status;
  }
  assert.equal(found, status, `${words.join(' ')} exits with ${status}`);
}

/** Plays scenarios and gives the page of the first. */
function played(name, words, status = 0) {
  const out = path.join(folder, name);
  let found = 0;
  try {
    execFileSync(process.env.TAGSPACE, ['run', '--quiet', '--out', out, ...words], { stdio: 'pipe' });
  } catch (error) {
    found = error.status;
  }
  assert.equal(found, status, `${words.join(' ')} exits with ${status}`);
  const scenario = path.basename(words[0], '.toml');
  return path.join(out, scenario, 'report.html');
}

/** Opens a page; gives it with what went wrong and what it asked for. */
async function opened(browser, file, { width = 1280, script = true, scheme = 'light' } = {}) {
  const page = await browser.newPage();
  const troubles = [];
  page.on('console', (message) => message.type() === 'error' && troubles.push(message.text()));
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('request', (request) => {
    if (!request.url().startsWith('file:')) troubles.push(`asks for ${request.url()}`);
  });
  await page.setJavaScriptEnabled(script);
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
  await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
  assert.deepEqual(troubles, [], `${path.basename(path.dirname(file))} at ${width}`);
  return page;
}

/** Pairs of texts in one picture whose boxes overlap by more than a hair. */
function overlaps() {
  const found = [];
  for (const picture of document.querySelectorAll('svg')) {
    const texts = [...picture.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
    texts.forEach(([one, a], at) => {
      for (const [other, b] of texts.slice(at + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        // A box is taller than the letters in it.
        if (across > 2 && down > a.height * 0.35) found.push(`${one} / ${other}`);
      }
    });
  }
  return found;
}

/** The least contrast of a text with what is behind it (WCAG 2.2). */
function contrast() {
  const numbers = (colour) => (colour.match(/[\d.]+/g) || []).map(Number);
  const light = ([red, green, blue]) => {
    const part = (value) => (value <= 10.3 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(red) + 0.7152 * part(green) + 0.0722 * part(blue);
  };
  // What is drawn below a text of a picture, the last that covers its middle.
  const painted = (text) => {
    const box = text.getBoundingClientRect();
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    const covers = (shape) => {
      const at = shape.getBoundingClientRect();
      const style = getComputedStyle(shape);
      const isSeen = style.fill !== 'none' && Number(style.fillOpacity) > 0.9;
      return isSeen && at.left <= x && x <= at.right && at.top <= y && y <= at.bottom;
    };
    const below = [...text.ownerSVGElement.querySelectorAll('rect')].filter(covers);
    return below.length ? numbers(getComputedStyle(below.at(-1)).fill) : null;
  };
  const behind = (element) => {
    const shape = element instanceof SVGElement ? painted(element) : null;
    if (shape) return shape;
    for (let at = element; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  let least = [Infinity, ''];
  for (const element of document.querySelectorAll('h1,h2,h3,p,th,td,dt,dd,code,li,span,a,summary,figcaption,svg text')) {
    if (!element.textContent.trim() || element.closest('[hidden]')) continue;
    const style = getComputedStyle(element);
    const ink = numbers(element.closest('svg') ? style.fill : style.color);
    const [high, low] = [light(ink), light(behind(element))].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < least[0]) least = [ratio, element.textContent.trim().slice(0, 40)];
  }
  return least;
}

async function looksRight(browser, name, file, sections, says = 'Play it again') {
  for (const width of [1280, 390]) {
    for (const scheme of ['light', 'dark']) {
      const page = await opened(browser, file, { width, scheme });
      const found = await page.$$eval('section', (all) => all.map((one) => one.id));
      assert.deepEqual(found, sections, `${name}: the sections`);
      const [ratio, text] = await page.evaluate(contrast);
      assert(ratio >= 4.5, `${name} ${scheme} ${width}: contrast ${ratio.toFixed(2)} of "${text}"`);
      assert.deepEqual(await page.evaluate(overlaps), [], `${name} ${width}: texts overlap`);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert(wider <= 0, `${name} ${width}: the page is ${wider} px too wide`);
      await page.close();
    }
  }
  ok(`${name}: sections, contrast and room at 1280 and 390 px, light and dark`);
  const bare = await opened(browser, file, { script: false });
  const text = await bare.$eval('main', (main) => main.innerText);
  assert(text.includes(says), `${name}: reads without a script`);
  assert.equal(await bare.$$eval('.zoom:not([hidden])', (all) => all.length), 0, 'no dead button');
  await bare.close();
  ok(`${name}: reads without a script`);
}

async function hoversAndZooms(browser, file) {
  const page = await opened(browser, file);
  const picture = await page.$('figure.zoomable .wide svg');
  await picture.scrollIntoView();
  const box = await picture.boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.4);
  const tip = await page.$eval('#tip', (tip) => (tip.hidden ? '' : tip.textContent));
  assert.match(tip, /s\npages done: \d+ of \d+\nConfluence: [\d.]+\ngemini: \d+/, `the tip says ${tip}`);
  ok('a column says what happened in it');
  const width = () => page.$eval('figure.zoomable .wide svg', (svg) => svg.getBoundingClientRect().width);
  const before = await width();
  await page.click('.zoom button[value="2"]');
  const after = await width();
  assert(after > 1.9 * before, `twice as long: ${before} to ${after}`);
  assert.deepEqual(await page.evaluate(overlaps), [], 'texts overlap when it is longer');
  await page.click('.zoom button[value="0"]');
  assert.equal(await width(), before, 'all of it again');
  ok('time can be stretched, and texts keep their shape');
  await page.close();
}

const SINGLE = ['targets', 'settings', 'time', 'timeline', 'failures', 'latency', 'cost', 'assumed', 'replay'];
const ODD = ['targets', 'settings', 'time', 'odd', 'timeline', 'failures', 'latency', 'cost', 'assumed', 'replay'];
const SERIES = ['targets', 'settings', 'time', 'assumed', 'replay'];
const BESIDE = ['figures', 'settings', 'time', 'odd', 'timeline', 'failures', 'latency', 'cost'];

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
try {
  const before = played('single', ['scenarios/before-after.toml']);
  await looksRight(browser, 'two runs', before, ODD);
  await hoversAndZooms(browser, before);
  const missed = played('missed', ['scenarios/medium.toml', '--set', 'targets.run.makespan="<= 1s"'], 99);
  await looksRight(browser, 'a missed target', missed, SINGLE);
  const page = await opened(browser, missed);
  const causes = await page.$$eval('ul.causes li', (all) => all.map((one) => one.innerText));
  assert(causes.some((one) => /makespan is .* went to /.test(one)), `the cause is told: ${causes}`);
  await page.close();
  ok('the cause of a missed target');
  ran(['report', path.dirname(before), path.dirname(missed), '--out', 'beside.html']);
  await looksRight(browser, 'runs beside each other', path.join(folder, 'beside.html'), BESIDE, 'beside each other');
  const series = played('series', ['scenarios/small.toml', '--seeds', '1..=100']);
  await looksRight(browser, 'a hundred seeds', series, SERIES);
  const nodes = async (file) => {
    const page = await opened(browser, file, { script: false });
    const count = await page.evaluate(() => document.querySelectorAll('*').length);
    await page.close();
    return count;
  };
  const large = played('large', ['scenarios/small.toml', '--transport', 'direct', '--set', 'space.pages=10000'], 99);
  assert(statSync(large).size <= 400_000 && (await nodes(large)) <= 5000, '10,000 pages');
  assert(statSync(before).size <= 250_000, '100 pages');
  ok('no larger for 10,000 pages');

  const small = path.resolve('scenarios/small.toml');
  ran(['tune', small, '--quiet', '--seeds', '1..=4', '--out', 'tuned', '--set', 'pipeline.batch_size=1,2,5', '--set', 'pipeline.concurrency=1..=4']);
  const tuned = path.join(folder, 'tuned', 'report.html');
  await looksRight(browser, 'settings', tuned, ['map', 'front', 'settings', 'answer'], 'Every setting, the best first');
  const seeds = ['--quiet', '--transport', 'direct', '--seeds', '1..=16'];
  // Of sixteen seeds one misses a target.
  ran(['run', small, ...seeds, '--out', 'base'], 99);
  ran(['run', small, ...seeds, '--out', 'new', '--set', 'pipeline.batch_size=2'], 99);
  ran(['compare', 'base', 'new', '--quiet', '-o', 'html=compared.html'], 3);
  const compared = path.join(folder, 'compared.html');
  await looksRight(browser, 'a comparison', compared, ['settings', 'changes', 'events'], 'batch_size');
  ran(['league', '--quiet', '--only', 'bucket-10per5s', '--seeds', '1', '--out', 'league']);
  const league = path.join(folder, 'league', 'report.html');
  await looksRight(browser, 'the league', league, ['fields', 'limiters', 'numbers'], 'DNF');
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
