import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attacksPage } from '../../sim/report/html/attacks-page.ts'
import { conformancePage } from '../../sim/report/html/conformance-page.ts'
import { livePage } from '../../sim/report/html/live-page.ts'
import { swarmPage } from '../../sim/report/html/swarm-page.ts'
import { CONFORMANCE, gathered, livePlayedReport, playedReport, SWARM } from '../sim/report/samples.ts'
import { startBrowser, type Opened, type OpenOptions, type TestBrowser } from './browser.ts'
import { backgroundOf, hardToRead, overflowOf, plotsOf } from './probes.ts'

const lively = playedReport()
const second = playedReport(undefined, 2)
const failed = { ...second, verdicts: second.verdicts.map((verdict) => ({ ...verdict, isHeld: false })) }
/** Of two attacks, an outage and the alarms; the rest have names of their own. */
const LANES = ['lane', 'lane', 'lane', 'lane']
const PLOTS = ['honest', 'attack', 'connect', 'open', 'bans', 'trials', 'sources', 'buffers', 'cpu']
const RUN_PLOTS = [...LANES, ...PLOTS]
const RUN = { title: 'lively, seed 1', text: attacksPage(gathered(lively)), plots: RUN_PLOTS }
const PAGES = [
  RUN,
  { title: 'lively, 2 runs', text: attacksPage(gathered(lively, failed)), plots: [...RUN_PLOTS, ...RUN_PLOTS] },
  {
    ...{ title: 'lively, seed 1, live', text: livePage(livePlayedReport()) },
    plots: [...LANES, 'honest', 'attack', 'connect', 'open', 'bans', 'cpu', 'memory', 'buffers', 'trials'],
  },
  { title: '2,000 seeds from 1 on', text: swarmPage(SWARM), plots: ['pace', 'lengths'] },
  { title: 'Conformance of 127.0.0.1:8443', text: conformancePage(CONFORMANCE), plots: [] },
]
const PHONE = 360
const DESK = 1280

let browser: TestBrowser
beforeAll(async () => {
  browser = await startBrowser()
})
afterAll(() => browser.close())

async function opened(html: string, options: OpenOptions, look: (opened: Opened) => Promise<void>): Promise<void> {
  const found = await browser.open(html, options)
  try {
    await look(found)
  } finally {
    await found.page.close()
  }
}

describe.each(PAGES)('the page "$title"', ({ title, text, plots }) => {
  const cases = [PHONE, DESK].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ width, scheme })))
  it.each(cases)('is whole and readable at $width px, $scheme', ({ width, scheme }) =>
    opened(text, { width, scheme }, async ({ page, complaints, requests }) => {
      expect(await page.title()).toBe(`${title} – Palisade`)
      const found = await plotsOf(page)
      expect(found.map(({ name }) => name)).toEqual(plots)
      for (const plot of found) {
        expect(plot).toMatchObject({ isDrawn: true })
        expect(plot.marks).toBeGreaterThan(0)
        expect(Math.min(plot.width / 200, plot.height / 10)).toBeGreaterThanOrEqual(1)
      }
      expect(await overflowOf(page)).toEqual([])
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      const reading = await hardToRead(page)
      expect(reading.seen).toBeGreaterThan(20)
      expect(reading.found).toEqual([])
      expect([complaints, requests]).toEqual([[], []])
    }),
  )
})

describe('the page of a run', () => {
  it('has marks in every plot that can be seen: without them its picture is another one', () =>
    opened(RUN.text, { width: DESK, scheme: 'light' }, async ({ page }) => {
      for (const name of ['lane', ...PLOTS]) {
        const svg = await page.waitForSelector(`svg[data-plot=${name}]`)
        const before = await svg?.screenshot({ encoding: 'base64' })
        const marks = `document.querySelectorAll('svg[data-plot=${name}] :is(.bar, .line, .span, .alarm)')`
        await page.evaluate(`for (const mark of ${marks}) mark.remove()`)
        expect(await svg?.screenshot({ encoding: 'base64' }), name).not.toBe(before)
      }
    }))

  it('is light or dark as the reader likes it, and by its button', () =>
    opened(RUN.text, { width: DESK, scheme: 'light' }, async ({ page }) => {
      const light = await backgroundOf(page)
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }])
      const dark = await backgroundOf(page)
      expect(dark).not.toBe(light)
      const button = await page.waitForSelector('#theme')
      const looks = []
      for (let press = 0; press < 2; press++) {
        await button?.click()
        looks.push([await backgroundOf(page), await page.evaluate(`document.getElementById('theme').textContent`)])
      }
      expect(looks).toEqual([
        [light, 'Dark page'],
        [dark, 'Light page'],
      ])
    }))

  it('tells the figures under the pointer in every plot, as they stand in the table', () =>
    opened(RUN.text, { width: DESK, scheme: 'light' }, async ({ page, complaints }) => {
      const readout = (name: string) => page.evaluate(`document.querySelector('[data-key=${name}] output').textContent`)
      const usual = await readout('attack')
      expect(usual).toMatch(/^most: \d+$/)
      await page.hover('figure[data-key=honest] > svg')
      const bin = Math.floor(lively.series.bins / 2)
      const { honest, binMs, trials } = lively.series
      expect(await readout('honest')).toBe(
        `${(binMs * bin) / 1000}s · connected ${honest.connected[bin]} · lost ${honest.lost[bin]}`,
      )
      expect(await readout('trials')).toMatch(new RegExp(`^[\\d.]+s ·\\s+${trials[bin]}$`))
      expect(await page.evaluate(`getComputedStyle(document.querySelector('.cross')).visibility`)).toBe('visible')
      await page.hover('h1')
      expect(await readout('attack')).toBe(usual)
      expect(complaints).toEqual([])
    }))

  it('does so for the arrow keys as well', () =>
    opened(RUN.text, { width: PHONE, scheme: 'dark' }, async ({ page }) => {
      await page.evaluate(`document.querySelector('figure[data-key=honest] > svg').focus()`)
      for (const key of ['ArrowRight', 'ArrowRight', 'ArrowRight', 'ArrowLeft'] as const) await page.keyboard.press(key)
      const { honest, binMs } = lively.series
      expect(await page.evaluate(`document.querySelector('[data-key=honest] output').textContent`)).toBe(
        `${binMs / 1000}s · connected ${honest.connected[1]} · lost ${honest.lost[1]}`,
      )
    }))

  it('is whole without its script', () =>
    opened(RUN.text, { width: PHONE, scheme: 'light', hasScript: false }, async ({ page, complaints }) => {
      expect((await plotsOf(page)).map(({ isDrawn }) => isDrawn)).toEqual(RUN_PLOTS.map(() => true))
      expect(await page.evaluate(`document.getElementById('theme').checkVisibility()`)).toBe(false)
      await page.click('details summary')
      const rows = await page.evaluate(`document.querySelectorAll('table[data-bins] tbody tr').length`)
      expect([rows, complaints]).toEqual([lively.series.bins, []])
    }))

  it('shows a nasty name as it is written, and runs nothing of it', () => {
    const nasty = `</title><script>document.title = 'run'</script><img src=x onerror="document.title = 'run'">`
    const text = attacksPage(gathered({ ...lively, about: nasty, run: { ...lively.run, scenario: nasty } }))
    return opened(text, { width: PHONE, scheme: 'light' }, async ({ page, complaints, requests }) => {
      expect(await page.title()).toBe(`${nasty}, seed 1 – Palisade`)
      expect(await page.evaluate(`document.querySelector('h1').textContent`)).toBe(`${nasty}, seed 1`)
      expect([complaints, requests, await overflowOf(page)]).toEqual([[], [], []])
    })
  })
})

describe('what these tests look for', () => {
  it.each([
    ['a script of somebody else', '<script>document.title = "run"</script>', /Content Security Policy/],
    ['a style of its own', '<p style="color: red">x</p>', /Content Security Policy/],
    ['a picture from elsewhere', '<img src="http://127.0.0.1:9/x.png">', /Content Security Policy/],
  ])('is found, and kept from happening: %s', (_, planted, complaint) =>
    opened(RUN.text.replace('<main>', `<main>${planted}`), { width: DESK, scheme: 'light' }, async (found) => {
      expect(found.complaints.join('\n')).toMatch(complaint)
      expect(await found.page.title()).toBe(`${RUN.title} – Palisade`)
    }),
  )

  it('is found where there is no policy: a request, an error, text too pale, a plot too wide, a plot without marks', () => {
    const open = RUN.text.replace(/<meta http-equiv[^>]+>/, '')
    const planted =
      '<img src="http://127.0.0.1:9/x.png"><script>console.error("oh"); nothing.at.all</script>' +
      '<p style="color: #999">pale</p><div style="width: 500px">wide</div>'
    const text = open.replace('<main>', `<main>${planted}`).replaceAll(/<path class="line[^>]+>/g, '<path>')
    return opened(text, { width: PHONE, scheme: 'light' }, async ({ page, complaints, requests }) => {
      expect(requests).toEqual(['http://127.0.0.1:9/x.png'])
      expect(complaints.join('\n')).toMatch(/error: oh/)
      expect(complaints.join('\n')).toMatch(/thrown: .*nothing is not defined/)
      expect((await hardToRead(page)).found.map((each) => each.split(':')[0])).toEqual(['pale'])
      expect(await overflowOf(page)).toEqual(['DIV.null wide'])
      expect((await plotsOf(page)).filter(({ marks }) => marks === 0).map(({ name }) => name)).toEqual([
        ...['connect', 'open', 'sources'],
      ])
    })
  })
})
