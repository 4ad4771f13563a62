import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import type { RunReport } from '../../../sim/report/data.ts'
import { attacksPage } from '../../../sim/report/html/attacks-page.ts'
import { conformancePage } from '../../../sim/report/html/conformance-page.ts'
import { escapeText, markup } from '../../../sim/report/html/markup.ts'
import { livePage } from '../../../sim/report/html/live-page.ts'
import { niceCeiling, timeTicks } from '../../../sim/report/html/scale.ts'
import { swarmPage } from '../../../sim/report/html/swarm-page.ts'
import { Gathered } from '../../../sim/attacks/gather.ts'
import { CONFORMANCE, gathered, livePlayedReport, playedReport, SWARM } from './samples.ts'

const lively = playedReport()
const live = livePlayedReport()
const pages = {
  'a run': attacksPage(gathered(lively)),
  'several runs': attacksPage(gathered(lively, { ...lively, run: { ...lively.run, seed: 2 }, seed: 2 })),
  'a run against a real proxy': livePage(live),
  'a run against a proxy that cannot be asked': livePage(livePlayedReport({ isInside: false })),
  'seeded runs': swarmPage(SWARM),
  'the conformance suite': conformancePage(CONFORMANCE),
}
const NASTY = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }),
  fc.constantFrom(
    '<script>alert(1)</script>',
    '"><img src=x onerror=x>',
    "' onload='x",
    '</title>',
    '&lt;',
    '<!--',
    ']]>',
    '\ud800',
    'toString',
    '__proto__',
  ),
)

/** Names of all elements and attributes that are opened, in order: what a page consists of. */
function skeleton(page: string): string[] {
  return [...page.matchAll(/<(\/?[a-zA-Z!][a-zA-Z0-9-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*>/g)].map(
    ([, name, attributes]) => `${name}${attributes.replaceAll(/="[^"]*"/g, '')}`,
  )
}

describe('text in a page', () => {
  test.prop([NASTY])('is never markup', (text) => {
    const escaped = escapeText(text)
    expect(escaped).not.toMatch(/[<>"']/)
    expect(escaped.replaceAll(/&(amp|lt|gt|quot|#39);/g, '')).not.toContain('&')
    expect(escaped.isWellFormed()).toBe(true)
    expect(markup`<p title="${text}">${[text, undefined, markup`<b>${text}</b>`]}</p>`.text).toBe(
      `<p title="${escaped}">${escaped}<b>${escaped}</b></p>`,
    )
  })

  test.prop([NASTY], { numRuns: 40 })('changes nothing of what the page consists of, wherever it stands', (text) => {
    const [span] = lively.spans
    const [honest, attack] = [lively.run.honest[0], lively.run.attack[0]]
    const report = (name: string): RunReport => ({
      ...{ ...lively, about: name, command: name, spans: [{ ...span, label: name }] },
      series: { ...lively.series, alarms: [{ atMs: 0, what: name }] },
      verdicts: [{ assertion: name, bound: 'at most', wanted: 1, found: 2, isHeld: false }],
      run: {
        ...{ ...lively.run, scenario: name, honestRejected: { [`x${name}`]: 1 } },
        honest: [{ ...honest, name, lost: { [`x${name}`]: 1 } }],
        attack: [{ ...attack, name, rejected: { [`x${name}`]: 1 } }],
      },
    })
    expect(skeleton(attacksPage(gathered(report(text))))).toEqual(skeleton(attacksPage(gathered(report('plain')))))
    const real = (name: string) =>
      livePage({
        ...{ ...live, about: name, command: name, runtime: name, target: name, remarks: [name] },
        ...{ spans: [{ ...span, label: name }], bansByReason: { [`x${name}`]: 1 } },
        series: { ...live.series, alarms: [{ atMs: 0, what: name }] },
        judgements: [{ assertion: name, bound: 'at most', wanted: 1, found: 2, result: 'unknown', why: name }],
        run: { ...live.run, scenario: name, honest: [{ ...honest, name }], attack: [{ ...attack, name }] },
      })
    expect(skeleton(real(text))).toEqual(skeleton(real('plain')))
    const swarm = (name: string) =>
      swarmPage({
        ...{ ...SWARM, command: name, runtime: name, missed: [name], reached: [{ name, count: 1 }] },
        profiles: [{ ...SWARM.profiles[0], name }],
        invariants: [{ name, about: name, broken: 0 }],
        failures: [{ ...SWARM.failures[0], profile: name, invariant: name, what: name, command: name }],
      })
    expect(skeleton(swarm(text))).toEqual(skeleton(swarm('plain')))
    const suite = (name: string) =>
      conformancePage({
        target: name,
        cases: [{ ...CONFORMANCE.cases[1], title: name, why: name, observed: name, group: name }],
      })
    expect(skeleton(suite(text))).toEqual(skeleton(suite('plain')))
  })
})

describe.each(Object.entries(pages))('the page of %s', (_, text) => {
  it('leads nowhere: no address in it but its own anchors, nothing to be fetched', () => {
    const targets = [...text.matchAll(/\s(?:href|src|action|srcset|poster|data)="([^"]*)"/g)].map(
      ([, target]) => target,
    )
    expect(targets.filter((target) => !/^#|^data:,$/.test(target))).toEqual([])
    expect(text).not.toMatch(/https?:|@import|url\((?!#)/)
  })

  it('has no style or script but those that its policy names', () => {
    expect(text).not.toMatch(/<[^>]+\sstyle="/)
    expect(text).not.toMatch(/<[^>]+\son[a-z]+="/)
    expect(text.match(/<script>/g)).toHaveLength(1)
    expect(text.match(/<style>/g)).toHaveLength(1)
  })

  it('closes every element that it opens', () => {
    const open: string[] = []
    for (const name of skeleton(text.replace(/<(style|script)>.*?<\/\1>/gs, '')).map((each) => each.split(/\s/)[0])) {
      if (/^(!doctype|meta|link)$/i.test(name)) continue
      if (name.startsWith('/')) expect(open.pop()).toBe(name.slice(1))
      else open.push(name)
    }
    expect(open).toEqual([])
  })

  it('has no figure that is none', () => {
    expect(text.replace(/<script>.*<\/script>/s, '')).not.toMatch(/\b(NaN|Infinity|undefined)\b|>null</)
  })
})

describe('the page of a run', () => {
  const text = pages['a run']

  it('begins with what it came to, in words', () => {
    const attempts = lively.run.honest[0].attempts
    expect(text).toContain('<b>Held: 3 of 3 assertions.</b>')
    expect(text).toMatch(new RegExp(`\\d+\\.\\d\\d % of ${attempts} attempts of homes came to an answer, while`))
    expect(text).toContain('There was 1 outage.')
    expect(text).toContain('<title>lively, seed 1 – Palisade</title>')
    expect(text).toContain('palisade sim run lively --seed 1')
  })

  it('draws what happened and says what did not', () => {
    const plots = [...text.matchAll(/data-plot="(\w+)"/g)].map(([, name]) => name)
    expect(plots).toEqual([
      'lane',
      'lane',
      'lane',
      'lane',
      'honest',
      'attack',
      'connect',
      'open',
      'bans',
      'trials',
      'sources',
      'buffers',
      'cpu',
    ])
    const quiet = attacksPage(gathered({ ...lively, series: { ...lively.series, bans: [0] } }))
    expect(quiet).toContain('Not drawn, as all of it is zero: new bans.')
  })

  it('has the figures of every plot as a table, a row for each bin', () => {
    expect(text.split('<table data-bins')[1].split('</table>')[0].match(/<tr>/g)).toHaveLength(lively.series.bins + 1)
  })

  it('says which assertion failed, and by how much', () => {
    const verdicts = [
      { assertion: 'honest_connected_min', bound: 'at least', wanted: 0.99, found: 0.9, isHeld: false },
    ] as const
    const failed = attacksPage(gathered({ ...lively, verdicts }))
    expect(failed).toContain('<b>Failed: honest_connected_min (0 of 1 assertion held).</b>')
    expect(failed).toContain('at least 99.00 %')
  })
})

describe('the page of a run against a real proxy', () => {
  const text = pages['a run against a real proxy']
  const plots = (page: string) => [...page.matchAll(/data-plot="(\w+)"/g)].map(([, name]) => name)

  it('draws what can be seen from outside, and from inside where the proxy can be asked', () => {
    const outside = ['honest', 'attack', 'connect', 'open']
    const lanes = ['lane', 'lane', 'lane']
    expect(plots(text)).toEqual([...lanes, 'lane', ...outside, 'bans', 'cpu', 'memory', 'buffers', 'trials'])
    expect(text).not.toContain('Not drawn: ')
    const blind = pages['a run against a proxy that cannot be asked']
    expect(blind).toMatch(/Not drawn: bans, alarms, CPU, memory, .+ --config lets a proxy of ours be asked/)
    const off = livePage({ ...live, series: { ...live.series, inside: undefined } })
    expect(plots(off)).toEqual([...lanes, 'lane', ...outside, 'bans'])
    expect(off).toContain('Not drawn: CPU, memory, buffers and secrets tried of the proxy, as the metrics')
  })

  it('tells of assertions that nobody can judge, apart from those that failed', () => {
    const [one] = live.judgements
    const mixed = [
      { ...one, assertion: 'connect_p99_max', result: 'fail' },
      { ...one, assertion: 'pool_max', result: 'unknown', why: 'needs --config' },
    ] as const
    const page = livePage({ ...live, judgements: mixed })
    expect(page).toContain('<b>Failed: connect_p99_max (0 of 1 assertion held).</b>')
    expect(page).toContain('1 assertion could not be judged from here.')
    expect(page).toMatch(/\? not judged<.+needs --config</)
  })

  it('says how it is played again, and that secrets are elsewhere', () => {
    expect(text).toContain('palisade sim run lively --seed 1 --live 127.0.0.1:8443 --secret &quot;$SECRET&quot;')
    expect(text).toContain('The secrets of the proxy are not on this page')
  })
})

describe('the page of many runs', () => {
  const bare: RunReport = { ...lively, series: { ...lively.series } }
  const of = (seed: number, isHeld: boolean): RunReport => ({
    ...{ ...bare, seed, run: { ...lively.run, seed } },
    verdicts: lively.verdicts.map((verdict) => ({ ...verdict, isHeld })),
  })

  it('is bounded, tells of what failed first, and is the same in whatever order they ended', () => {
    const runs = Array.from({ length: 1_300 }, (_, at) => of(at + 1, at % 20 !== 7))
    const collect = (all: readonly RunReport[]) => {
      const into = new Gathered(1)
      for (const run of all) into.add(run)
      return into.report('command', 'runtime')
    }
    const report = collect(runs)
    expect(report.outlines).toHaveLength(500)
    expect(report.outlines.slice(0, 3).map(({ run }) => run.seed)).toEqual([8, 28, 48])
    expect(report.runs).toHaveLength(24)
    expect(collect([...runs].reverse())).toEqual(report)
    expect(attacksPage(report)).toContain('800 more runs held and are not in the table')
  })
})

describe('an axis', () => {
  test.prop([fc.double({ min: 0.1, max: 1e12, noNaN: true }), fc.constantFrom('count', 'ms', 'bytes')])(
    'ends at a round figure, close above the highest',
    (value, unit) => {
      const top = niceCeiling(value, unit)
      expect(top).toBeGreaterThanOrEqual(value)
      expect(top).toBeLessThanOrEqual(Math.max(2, value * 2))
    },
  )

  test.prop([fc.integer({ min: 1_000, max: 86_415_000 }), fc.integer({ min: 3, max: 12 })])(
    'has as many labels as there is room for',
    (lengthMs, most) => {
      const ticks = timeTicks(lengthMs, most)
      expect(ticks[0]).toBe(0)
      expect(ticks.length).toBeLessThanOrEqual(most + 2)
      expect(Math.max(...ticks)).toBeLessThan(lengthMs)
    },
  )

  it.each([
    [1, 2],
    [3, 4],
    [7, 8],
    [42, 50],
    [1_037, 1_200],
    [2_414, 2_500],
  ])('of %i counted things ends at %i', (most, top) => expect(niceCeiling(most, 'count')).toBe(top))
})
