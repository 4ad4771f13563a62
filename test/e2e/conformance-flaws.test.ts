import { describe, expect, it } from 'vitest'
import { tryAll } from '../../sim/conformance/run.ts'
import { fromHex } from '../../src/core/protocol/bytes.ts'
import { parseSecret } from '../../src/core/protocol/secret.ts'
import { DOMAIN, FAKE_TLS, writtenSecret } from './config.ts'
import { freePort } from './free-port.ts'
import { MaskSite } from './mask-site.ts'
import { TinyProxy, type Flaw } from './tiny-proxy.ts'

/** What strangers get is looked at from all sides by these. */
const LIKENESS = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18].map((at) => `9.${at}`)

/** And again and again by these. */
const MANY = ['10.1', '10.2', '10.3', '10.4']

/** The cases that each flaw must fail, and no others. */
const FLAWS: readonly (readonly [Flaw | 'no flaw', readonly string[]])[] = [
  ['no flaw', []],
  ['speaks-first', ['9.1']],
  ['resets-strangers', ['9.2', ...LIKENESS, ...MANY]],
  ['alerts-strangers', LIKENESS],
  ['names-itself', ['9.3', ...LIKENESS]],
  ['takes-recordings', ['6.1', '10.4']],
  ['takes-any-time', ['6.3', '6.4', '6.7']],
  ['takes-any-host', ['5.6']],
  ['wants-one-segment', ['3.1', '3.2', '3.3', '3.4']],
  ['share-off-curve', ['5.3']],
  ['own-session-id', ['5.2']],
  ['changes-a-byte', ['4.4']],
  ['late-to-strangers', MANY],
  ['loses-early-words', ['1.8']],
  ['few-at-once', ['8.1', '8.6']],
]

/** What takes the machine some time is tried with the flaws that are about it. */
const QUICK = ['1.3', '2', '5', '6', '7', '9']
const WITHOUT = ['1', '3', '4.1', '4.2', '4.3', '4.4', '8.1', '8.6', '8.7', '8.8', '10']
const MORE: Partial<Record<Flaw, readonly string[]>> = {
  'wants-one-segment': ['3'],
  'changes-a-byte': ['4.1', '4.4'],
  'takes-recordings': ['10.4'],
  'resets-strangers': ['10'],
}
/** With these flaws much else would take long, or be by chance. */
const ALONE: Partial<Record<Flaw, readonly string[]>> = {
  'late-to-strangers': ['10'],
  'loses-early-words': ['1.7', '1.8'],
  'few-at-once': ['8.1', '8.6'],
}
/** Where ends may come this much later, and where time itself is the flaw. */
const SLACK_MS = 60_000
const LITTLE_SLACK_MS = 500
const ANSWER_MS = 30_000
/** For an answer that does not come. */
const SHORT_MS = 8_000

async function failuresOf(flaw: Flaw | undefined): Promise<Record<string, string>> {
  const telegramPort = await freePort()
  const mask = await MaskSite.start(DOMAIN)
  const key = fromHex(FAKE_TLS.key) ?? new Uint8Array(0)
  const ports = { telegramPort, maskPort: mask.port }
  const proxy = await TinyProxy.start({ key, domain: DOMAIN, ...ports, ...(flaw === undefined ? {} : { flaw }) })
  const secret = parseSecret(writtenSecret(FAKE_TLS))
  if ('error' in secret) throw new Error(secret.error)
  const at = (port: number) => ({ ip: '127.0.0.1', port })
  try {
    const results = await tryAll({
      ...{ target: at(proxy.port), mask: at(mask.port), telegram: at(telegramPort), secret },
      only: flaw === undefined ? [...QUICK, ...WITHOUT] : (ALONE[flaw] ?? [...QUICK, ...(MORE[flaw] ?? [])]),
      ...{ dc: 2, hasProxyHeaders: false, silenceMs: 1000, samples: 20, onResult() {} },
      answerMs: flaw === 'loses-early-words' ? SHORT_MS : ANSWER_MS,
      slackMs: flaw === 'late-to-strangers' ? LITTLE_SLACK_MS : SLACK_MS,
    })
    return Object.fromEntries(results.filter(({ verdict }) => verdict === 'fail').map(({ id, why }) => [id, why]))
  } finally {
    proxy.close()
    mask.close()
  }
}

describe('the conformance suite against a proxy with one flaw', () => {
  it.each(FLAWS)('fails what it should, and no more: %s', async (flaw, expected) => {
    const failures = await failuresOf(flaw === 'no flaw' ? undefined : flaw)
    expect(Object.keys(failures), JSON.stringify(failures, undefined, 2)).toEqual(expected)
  })
})
